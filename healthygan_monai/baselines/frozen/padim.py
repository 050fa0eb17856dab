"""PaDiM: one Gaussian of frozen features at every position, Mahalanobis distance as score.

Defard, Setkov, Loesch, Audigier: PaDiM, a Patch Distribution Modeling Framework for Anomaly
Detection and Localization, ICPR 2020 (arXiv:2011.08785).

    embedding   x_ij: layer1, layer2, layer3 at position (i, j) of layer1's grid, concatenated;
                d channels at random
    Sec. III-B  mu_ij = mean of x_ij,
                Sigma_ij = 1/(N-1) sum (x_ij - mu_ij)(x_ij - mu_ij)^T + eps I   (Eq. 1)
    Sec. III-C  M(x_ij) = sqrt((x_ij - mu_ij)^T Sigma_ij^-1 (x_ij - mu_ij))     (Eq. 2)
    score       maximum of the map: M enlarged to the image (bilinear), smoothed (sigma 4)

Published: ResNet-18, d = 100 of 448; Wide-ResNet-50-2, d = 550 of 1,792; eps = 0.01; images resized
to 256, centre 224. Ours: no resize and no crop unless asked for, so the grid is a quarter of the
image; EfficientNet-Lite0 has 176 channels, of which we take 100; see ``Padim.departures``. anomalib
2.7 adds a further 1e-5 to eps: ``ridge=0.01001``.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from data_prep.errors import UsageError
from healthygan_monai.baselines.frozen.base import OneClassDetector, heat_map
from healthygan_monai.baselines.frozen.gaussian import RunningGaussian, mahalanobis
from healthygan_monai.networks.backbones import Backbone

CHANNELS = {"resnet18": 100, "wide_resnet50_2": 550, "efficientnet_lite0": 100}


class Padim(OneClassDetector):
    """See the module. Memory while fitting: 4 d^2 bytes for each of (H/4)(W/4) positions.

    Args:
        channels: d; None for the published number of that backbone.
        ridge: eps of Eq. 1.
        sigma: of the Gaussian, in pixels of the image.
    """

    name = "padim"
    title = "PaDiM"
    reference = "Defard et al., ICPR 2020 (arXiv:2011.08785)"
    scores_by = "maximum of the smoothed Mahalanobis map"
    departures = (
        "sums are accumulated instead of keeping every embedding: same mean and covariance, memory "
        "flat in the number of images",
        "no scaling over the test set",
    )
    has_map = True
    IMAGES_AT_ONCE = 16  # 16 x 4,096 x 550 floats = 144 MB
    FITTED = ("index", "grid", "mean", "whitening", "fitted_to")

    def __init__(
        self,
        backbone: str | Backbone = "efficientnet_lite0",
        weights: Path | str | None = None,
        *,
        channels: int | None = None,
        ridge: float = 0.01,
        sigma: float = 4.0,
        input_size: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(backbone, weights, input_size=input_size, device=device)
        total = sum(self.backbone.channels)
        self.channels = CHANNELS[self.backbone.name] if channels is None else channels
        if not 1 <= self.channels <= total:
            raise UsageError(
                f"channels is {channels}; {self.backbone.name} has {total}, so 1 to {total}."
            )
        if ridge <= 0:
            raise UsageError(f"ridge is {ridge}; expected above 0, or Eq. 1 has no inverse.")
        self.ridge, self.sigma = ridge, sigma

    def _fit(self, parts: Iterable[torch.Tensor], generator: torch.Generator) -> None:
        order = torch.randperm(sum(self.backbone.channels), generator=generator)
        self.index = order[: self.channels].sort().values.to(self.device)
        gaussian = RunningGaussian()
        self.mean = self.whitening = torch.empty(0)  # an earlier fit would take as much again
        for images in parts:
            gaussian.update(self._embed(images))
        self.mean, self.whitening = gaussian.finish(self.ridge)

    def _embed(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the drawn channels at layer1's positions, (B, h w, d)."""
        maps, first, parts = self.backbone(images), 0, []
        self.grid = list(maps[0].shape[-2:])
        for level in maps:
            own = self.index[(self.index >= first) & (self.index < first + level.shape[1])] - first
            first += level.shape[1]
            if len(own):  # a cell of a coarser map stands for all positions that it covers
                parts.append(nn.functional.interpolate(level[:, own], self.grid, mode="nearest"))
        return torch.cat(parts, 1).flatten(2).transpose(1, 2)

    def distances(self, images: torch.Tensor) -> torch.Tensor:
        """Eq. 2 at every position: (B, C, H, W) -> (B, 1, h, w)."""
        vectors = (self._embed(part) for part in self._parts(images))
        parts = [mahalanobis(x, self.mean, self.whitening) for x in vectors]
        return torch.cat(parts).unflatten(1, (1, *self.grid))

    def anomaly_map(self, images: torch.Tensor) -> torch.Tensor:
        size = (images.shape[-2], images.shape[-1])
        return heat_map(self.distances(images), size, self.sigma).to(images.device)

    def score(self, images: torch.Tensor) -> torch.Tensor:
        return self.anomaly_map(images).amax((1, 2, 3))
