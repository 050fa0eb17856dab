"""Sec. 2.3: image -> healthy image, mask and difference map, as a MONAI inferer."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.inferers import Inferer, SliceInferer
from monai.transforms import MapTransform

from healthygan_monai.composition import translate
from healthygan_monai.data.transforms import to_display
from healthygan_monai.scoring import SCORE_RULE, difference_map, score_rule

SLICES = 8  # of a volume, that go through the network together


class HealthyGANInferer(Inferer):
    """(B, C, H, W) in [-1, 1] -> (B, 2C + 1, H, W): healthy image (C), mask (1), difference map
    (C).

    Of slices of a volume, (1, C, H, W, N), the same of each: (1, 2C + 1, H, W, N), ``SLICES`` at a
    time.

    One tensor, since MONAI's tools decollate, move and save tensors; :func:`split_translation`
    takes it apart.
    """

    def __call__(  # type: ignore[override]
        self, inputs: torch.Tensor, network: torch.nn.Module, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        if inputs.ndim == 5:
            slices: Any = SliceInferer(
                roi_size=tuple(inputs.shape[2:4]),
                sw_batch_size=SLICES,
                spatial_dim=2,
            )
            return slices(inputs, lambda images: self(images, network, *args, **kwargs))
        return prediction(inputs, network(inputs, *args, **kwargs))


def prediction(images: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Return ``pred`` (B, 2C + 1, H, W) of images (B, C, H, W) and a generator's output."""
    found = translate(images, drawn.to(images.dtype))
    difference = difference_map(images, found.healthy)
    return torch.cat([found.healthy, found.mask, difference], dim=1)


def split_translation(pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Split (..., 2C + 1, H, W): healthy image in [-1, 1], mask and difference in [0, 1]."""
    channels = (pred.shape[-3] - 1) // 2
    healthy, mask, difference = pred.split([channels, 1, channels], dim=-3)
    return healthy, mask, difference


def scores_and_maps(
    pred: torch.Tensor, score_by: str = SCORE_RULE
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Image scores (B,) and maps (B, 1, H, W) in [0, 1] from ``pred`` (B, 2C + 1, H, W).

    The maps are ``difference`` (mean over the channels), ``mask`` and ``healthy``. Scores are taken
    image by image, so that the last bit of a score does not depend on the rest of the batch.
    ``score_by`` is their rule, a key of ``scoring.SCORE_RULES``.
    """
    healthy, mask, difference = split_translation(pred)
    rule = score_rule(score_by)
    scores = torch.cat([rule(one[None]) for one in difference])
    mean = difference.mean(1, keepdim=True)  # (B, 1, H, W)
    return scores, {"difference": mean, "mask": mask, "healthy": to_display(healthy)[:, None]}


class Translationd(MapTransform):
    """Post-processing: ``pred`` of :class:`HealthyGANInferer`, one image (2C + 1, H, W), into named
    parts.

    Writes ``score``, its rule ``score_by``, and the maps of :func:`scores_and_maps`, each
    (1, H, W). ``pred`` itself becomes the difference map, which viewers show. ``result`` holds the
    score for servers that answer in JSON.
    """

    def __init__(
        self, keys: str = "pred", allow_missing_keys: bool = False, score_by: str = SCORE_RULE
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        score_rule(score_by)  # refuse an unknown rule early
        self.score_by = score_by

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            scores, maps = scores_and_maps(d[key][None], self.score_by)
            d.update({name: found[0] for name, found in maps.items()})
            d["score"], d["score_by"] = float(scores[0]), self.score_by
            d[key] = d["difference"]
            d["result"] = {"anomaly_score": d["score"]}
        return d
