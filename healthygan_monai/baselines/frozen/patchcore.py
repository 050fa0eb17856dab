"""PatchCore: distance to the nearest of a few remembered healthy patches.

Roth, Pemula, Zepeda, Schoelkopf, Brox, Gehler: Towards Total Recall in Industrial Anomaly
Detection, CVPR 2022 (arXiv:2106.08265).

    Sec. 3.1  patches  phi_ij: 3 x 3 neighbourhoods of layer2 and of layer3 (enlarged to layer2's
                       grid), each brought to 1,024 numbers by adaptive average pooling, then both
                       together to 1,024
    Sec. 3.2  memory   M_C: greedy k-centre coreset of all healthy patches, chosen in a random
                       projection to 128
    Eq. 6     score    s* = max over patches of min over m in M_C of |phi - m|_2, at patch m_test
                       with neighbour m*
    Eq. 7     option   s = (1 - exp|m_test - m*| / sum over m in N_b(m*) of exp|m_test - m|) s*
              map      patch distances enlarged to the image (bilinear), smoothed (sigma 4)

Published: Wide-ResNet-50-2, images resized to 256, centre 224, 10 % of the patches (1 % at 320
pixels and in ensembles), ten starting points; the authors' code scores by Eq. 6 without Eq. 7, as
we do unless ``neighbours`` is given.

Ours: see ``PatchCore.departures``; 10,000 images of 256 x 256 would be 10.5 million patches, 43 GB,
without ``pool``. Pooling comes before enlarging: the same result for a ninth of the memory. No
resize and no crop unless asked for. anomalib 2.7: ``patches="mean"``, ``neighbours=9``,
``enlarge="nearest"``.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data_prep.errors import UsageError
from healthygan_monai.baselines.frozen.base import OneClassDetector, heat_map
from healthygan_monai.baselines.frozen.coreset import Reservoir, greedy_coreset, project
from healthygan_monai.baselines.frozen.neighbours import nearest_neighbour, neighbour_weight
from healthygan_monai.networks.backbones import Backbone


class PatchCore(OneClassDetector):
    """See the module. Memory while fitting: 4 x 1,024 x ``pool`` bytes (0.4 GB), and the coreset.

    Args:
        patches: ``unfold``, the authors' patches; or ``mean``, anomalib's.
        dimension: of a patch, if unfolded.
        share: of the candidate patches that are remembered.
        pool: most candidates.
        projection: width of the random projection in which the coreset is chosen; 0 for none.
        starting_points: see :func:`greedy_coreset`.
        neighbours: b of Eq. 7, counting m* itself; 0 or 1 for Eq. 6 alone.
        sigma, enlarge: of the map; see :func:`heat_map`.
        search: ``sklearn``, ``faiss`` (needs faiss-cpu), ``torch``, or ``auto``: scikit-learn on a
            CPU, torch elsewhere. All are exact.
    """

    name = "patchcore"
    title = "PatchCore"
    reference = "Roth et al., CVPR 2022 (arXiv:2106.08265)"
    scores_by = "largest distance of a patch to the memory"
    departures = (
        "at most pool patches, a uniform sample, are candidates of the coreset",
        "distances are not squared",
    )
    has_map = True
    IMAGES_AT_ONCE = 4
    FITTED = ("bank", "grid", "fitted_to", "patches_seen", "candidates")

    def __init__(
        self,
        backbone: str | Backbone = "efficientnet_lite0",
        weights: Path | str | None = None,
        *,
        patches: str = "unfold",
        dimension: int = 1024,
        share: float = 0.1,
        pool: int = 100_000,
        projection: int = 128,
        starting_points: int = 10,
        neighbours: int = 0,
        sigma: float = 4.0,
        enlarge: str = "bilinear",
        search: str = "auto",
        input_size: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        for key, value, allowed in (
            ("patches", patches, ("unfold", "mean")),
            ("enlarge", enlarge, ("bilinear", "nearest")),
            ("search", search, ("auto", "sklearn", "faiss", "torch")),
        ):
            if value not in allowed:
                raise UsageError(f"{key} is {value!r}; expected one of {', '.join(allowed)}.")
        if not 0 < share <= 1 or pool < 1:
            raise UsageError(f"share {share}, pool {pool}; expected 0 < share <= 1, pool >= 1.")
        super().__init__(backbone, weights, input_size=input_size, device=device)
        self.patches, self.dimension = patches, dimension
        self.share, self.pool, self.projection = share, pool, projection
        self.starting_points, self.neighbours = starting_points, neighbours
        self.sigma, self.enlarge, self.search = sigma, enlarge, search

    def _fit(self, parts: Iterable[torch.Tensor], generator: torch.Generator) -> None:
        reservoir = Reservoir(self.pool, generator)
        for images in parts:
            for vectors in self.embed(images):  # one image's draws do not
                reservoir.add(vectors)  # depend on how images are batched
        candidates = reservoir.sample()
        size = max(1, int(self.share * len(candidates)))
        if size < len(candidates):
            projected = project(candidates, self.projection, generator).to(self.device)
            chosen = greedy_coreset(projected, size, generator, self.starting_points)
            candidates = candidates[chosen]
        self.bank = candidates.to(self.device)  # (size, dimension)
        self.patches_seen, self.candidates = reservoir.seen, len(reservoir.sample())

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> patches on layer2's grid, (B, h w, dimension)."""
        levels = self.backbone(images)[1:]
        self.grid = list(levels[0].shape[-2:])
        if self.patches == "mean":
            levels = tuple(nn.functional.avg_pool2d(level, 3, 1, 1) for level in levels)
            return torch.cat([self._on_grid(level) for level in levels], 2)
        parts = []
        for level in levels:
            unfolded = nn.functional.unfold(level, 3, padding=1).transpose(1, 2)  # (B, h w, 9 c)
            pooled = nn.functional.adaptive_avg_pool1d(unfolded, self.dimension)
            parts.append(self._on_grid(pooled.transpose(1, 2).unflatten(2, level.shape[-2:])))
        return nn.functional.adaptive_avg_pool1d(torch.cat(parts, 2), self.dimension)

    def _on_grid(self, level: torch.Tensor) -> torch.Tensor:
        """(B, c, h', w') -> (B, h w, c), bilinear."""
        if list(level.shape[-2:]) != self.grid:
            bilinear: Any = {"mode": "bilinear", "align_corners": False}
            level = nn.functional.interpolate(level, self.grid, **bilinear)
        return level.flatten(2).transpose(1, 2)

    def score(self, images: torch.Tensor) -> torch.Tensor:
        parts = [self._score(part) for part in self._parts(images)]
        return torch.cat(parts).to(images.device)

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        vectors = self.embed(images)  # (B, P, d)
        distances, nearest = self._nearest(vectors.flatten(0, 1))
        distances, nearest = distances.view(len(images), -1), nearest.view(len(images), -1)
        score, patch = distances.max(1)  # s*, Eq. 6
        if self.neighbours <= 1:
            return score
        rows = torch.arange(len(images), device=score.device)
        return score * neighbour_weight(
            vectors[rows, patch], nearest[rows, patch], self.bank, self.neighbours
        )

    def anomaly_map(self, images: torch.Tensor) -> torch.Tensor:
        size = (images.shape[-2], images.shape[-1])
        parts = []
        for part in self._parts(images):
            distances, _ = self._nearest(self.embed(part).flatten(0, 1))
            patches = distances.view(-1, 1, *self.grid)
            parts.append(heat_map(patches, size, self.sigma, self.enlarge))
        return torch.cat(parts).to(images.device)

    def _nearest(self, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return nearest_neighbour(vectors, self.bank, self.search)

    def facts(self) -> dict[str, Any]:
        fitted = {name: getattr(self, name, None) for name in ("patches_seen", "candidates")}
        remembered = len(self.bank) if hasattr(self, "bank") else None
        return {**super().facts(), **fitted, "remembered": remembered}
