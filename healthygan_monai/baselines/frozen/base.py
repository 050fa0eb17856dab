"""What the detectors on frozen features share: a backbone, and their state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from healthygan_monai.baselines.base import Detector
from healthygan_monai.baselines.images import Batches, Shape, checked_batches, shape_of
from healthygan_monai.networks.backbones import Backbone, make_backbone


class FeatureDetector(Detector):
    """A detector on the maps of a frozen :class:`Backbone`.

    A child keeps its other arguments, and the names in ``FITTED``, as attributes.

    Args:
        backbone: name of one, or one already made.
        weights: see :func:`make_backbone`.
        input_size: resize images to this square first; None keeps their size.
        device: of the network and the fitted tensors; scores are on the images' device.
    """

    has_backbone = True
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
        super().__init__(device=device)
        self.backbone = backbone.to(self.device)

    @property
    def backbone_label(self) -> str:
        return self.backbone.label

    def settings(self) -> dict[str, Any]:
        """Return the arguments that are not the backbone's."""
        own = [name for name in self.known_options() if name not in ("backbone", "input_size")]
        return {name: getattr(self, name) for name in own}

    def options(self, images: int, shape: Shape) -> dict[str, Any]:
        backbone = self.backbone
        return {"backbone": backbone.name, "input_size": backbone.input_size, **self.settings()}

    def state(self) -> dict[str, Any]:
        return {
            "settings": self.settings(),
            "backbone": self.backbone.state(),
            "image_shape": list(self._fitted_shape()),
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
        return {**self.backbone.facts(), **self.settings(), "image_shape": self.image_shape}


class OneClassDetector(FeatureDetector):
    """A feature detector that learns from healthy images alone.

    A child gets at most ``IMAGES_AT_ONCE`` images at a time, which bounds memory for any batch.
    """

    IMAGES_AT_ONCE: ClassVar[int]

    def fit(self, healthy: Batches, mixed: Batches | None = None, *, seed: int = 0) -> None:
        """Fit in one pass over ``healthy``; every draw is by ``seed``; ``mixed`` is ignored."""
        self.image_shape, self.fitted_to, shape = None, 0, None

        def parts() -> Iterator[torch.Tensor]:
            nonlocal shape
            for batch in checked_batches(healthy, "healthy"):
                shape = shape_of(batch)
                self.fitted_to += len(batch)
                yield from (part.to(self.device) for part in batch.split(self.IMAGES_AT_ONCE))

        self._fit(parts(), torch.Generator().manual_seed(seed))
        self.image_shape = shape

    @abstractmethod
    def _fit(self, parts: Iterable[torch.Tensor], generator: torch.Generator) -> None:
        """Fit to parts (B, C, H, W) on the device."""

    def _parts(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self._checked(images).to(self.device).split(self.IMAGES_AT_ONCE)

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "fitted_to": getattr(self, "fitted_to", None)}


def heat_map(
    patches: torch.Tensor, size: tuple[int, int], sigma: float = 4.0, mode: str = "bilinear"
) -> torch.Tensor:
    """Enlarge patch scores (B, 1, h, w) -> (B, 1, H, W) and smooth them by a Gaussian.

    The kernel ends at 4 sigma and the image is mirrored at its borders; sigma 0 smooths nothing.
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
