"""What the detectors on frozen features share: a backbone, the shape they were fitted to, their state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from healthygan_monai.baselines.base import Detector, NotFitted, Shape, check_images
from healthygan_monai.networks.backbones import Backbone, make_backbone


class FeatureDetector(Detector):
    """A detector on the maps of a frozen :class:`Backbone`.

    A child names its other arguments in ``SETTINGS`` and its fitted tensors in ``FITTED``, and keeps each as the
    attribute of that name; it reads images through :meth:`_images`.

    Args:
        backbone: name of one, or one already made.
        weights: see :func:`make_backbone`.
        input_size: resize images to this square first; None leaves them as they are.
        device: where the network and the fitted tensors live; scores come back to where the images were.
    """

    SETTINGS: ClassVar[tuple[str, ...]] = ()
    FITTED: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        backbone: str | Backbone = "efficientnet_lite0",
        weights: Path | str | None = None,
        *,
        input_size: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if isinstance(backbone, str):
            backbone = make_backbone(backbone, weights, input_size=input_size)
        self.device = torch.device(device)
        self.backbone = backbone.to(self.device)
        self.image_shape: Shape | None = None

    def _images(self, images: torch.Tensor) -> torch.Tensor:
        """Checked against the shape that the detector was fitted to, on its device."""
        if self.image_shape is None:
            raise NotFitted(f"{self.name} has not been fitted: call fit, or load what was saved.")
        return check_images(images, self.image_shape).to(self.device)

    def state(self) -> dict[str, Any]:
        if self.image_shape is None:
            raise NotFitted(f"{self.name} has not been fitted: there is nothing to save.")
        return {
            "settings": {key: getattr(self, key) for key in self.SETTINGS},
            "backbone": self.backbone.state(),
            "image_shape": list(self.image_shape),
            "fitted": {key: getattr(self, key) for key in self.FITTED},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.backbone = Backbone.from_state(state["backbone"]).to(self.device)
        channels, height, width = state["image_shape"]
        self.image_shape = (channels, height, width)
        for key, value in {**state["settings"], **state["fitted"]}.items():
            setattr(self, key, value.to(self.device) if isinstance(value, torch.Tensor) else value)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FeatureDetector:
        detector = cls(backbone=Backbone.from_state(state["backbone"]), **state["settings"])
        detector.load_state(state)
        return detector

    def facts(self) -> dict[str, Any]:
        settings = {key: getattr(self, key) for key in self.SETTINGS}
        return {**self.backbone.facts(), **settings, "image_shape": self.image_shape}


def heat_map(
    patches: torch.Tensor, size: tuple[int, int], sigma: float = 4.0, mode: str = "bilinear"
) -> torch.Tensor:
    """Patch scores (B, 1, h, w) -> (B, 1, H, W): enlarged, then smoothed by a Gaussian of ``sigma`` pixels.

    The kernel is cut at 4 sigma and the image mirrored at its borders; sigma 0 leaves the enlarged map as it is.
    """
    align = {"align_corners": False} if mode == "bilinear" else {}
    x = nn.functional.interpolate(patches, size, mode=mode, **align)
    if sigma <= 0:
        return x
    for axis in (2, 3):
        radius = min(int(4 * sigma + 0.5), x.shape[axis] - 1)
        steps = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
        kernel = torch.exp(-(steps**2) / (2 * sigma**2))
        kernel = kernel / kernel.sum()
        pad = (0, 0, radius, radius) if axis == 2 else (radius, radius, 0, 0)
        shape = (1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1)
        x = nn.functional.conv2d(nn.functional.pad(x, pad, mode="reflect"), kernel.view(shape))
    return x
