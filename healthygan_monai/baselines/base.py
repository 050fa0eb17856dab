"""One contract for every detector: fit on healthy images, score any image, save and load."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import nn

from data_prep.files import whole
from healthygan_monai.baselines.images import Batches, Images, Shape, check_images
from healthygan_monai.errors import ModelError

Self = TypeVar("Self", bound="Detector")


class NotFitted(RuntimeError):
    """A score was asked of a detector that has been neither fitted nor loaded."""


class Training(Protocol):
    """A fit that writes checkpoints into a run folder and can go on from them."""

    def resume(self) -> int:
        """Go on from the last checkpoint; return the iterations already done."""
        ...

    def fit(self) -> None:
        """Train to the end; from then on the detector scores."""
        ...


class Detector(ABC):
    """An anomaly detector of images.

    Images are float32 (B, C, H, W) in [-1, 1]. ``fit`` is given sources of batches rather than
    tensors: each call of one is a new pass over the set in a fixed order, so that no method needs
    the whole set in memory.

    The constructor of a child takes its options as keywords, ``device``, and ``weights`` where it
    has a backbone. What belongs on the device is kept in attributes that are tensors or modules.

    Args:
        device: where to fit and score.

    Attributes:
        name: as in scores.csv, on the command line and in ``names.METHODS``.
        title, reference: name and publication, for docs/paper_to_code.md.
        scores_by: the score of an image in words or symbols, for the same page.
        departures: from the publication or its authors' code, for docs/paper_vs_code.md.
        has_map: whether ``anomaly_map`` exists.
        has_backbone: whether it stands on a pretrained network, whose ``weights`` can be given.
        needs_mixed: whether ``fit`` needs the unannotated mixed set too.
        image_shape: (C, H, W) of the images it was fitted to; None before.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    scores_by: ClassVar[str]
    departures: ClassVar[tuple[str, ...]] = ()
    has_map: ClassVar[bool] = False
    has_backbone: ClassVar[bool] = False
    needs_mixed: ClassVar[bool] = False
    image_shape: Shape | None = None

    def __init__(self, *, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)

    @abstractmethod
    def fit(self, healthy: Batches, mixed: Batches | None = None, *, seed: int = 0) -> None:
        """Learn what healthy images look like; a function of images, their order and the seed."""

    def training(self, images: Callable[[], Images], **run: Any) -> Training | None:
        """Return a fit that can be resumed; None where ``fit`` is the only way.

        Args:
            images: opens the images, which a method without such a training does not need.
            run: ``seed``, ``run`` (the folder), ``checkpoints``, ``log_interval`` and
                ``num_workers``, see :class:`~healthygan_monai.baselines.fitting.Fitting`.
        """
        return None

    @abstractmethod
    def score(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B,); higher = more anomalous; independent of the rest of the batch."""

    def anomaly_map(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, 1, H, W); higher = more anomalous."""
        raise NotImplementedError(f"{self.name} gives a score for an image, and no map.")

    @property
    def image_size(self) -> int:
        """Pixels of a side of the images that it scores."""
        return self._fitted_shape()[-1]

    @property
    def image_channels(self) -> int:
        """Channels of the images that it scores: 1 (grey) or 3."""
        return self._fitted_shape()[0]

    @property
    def backbone_label(self) -> str:
        """Name of the pretrained network under it, for scores.csv; empty where there is none."""
        return ""

    def _fitted_shape(self) -> Shape:
        if self.image_shape is None:
            raise NotFitted(f"{self.name} has not been fitted: call fit, or load what was saved.")
        return self.image_shape

    def _checked(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images, checked against the shape that the detector was fitted to."""
        return check_images(images, self._fitted_shape())

    @classmethod
    def known_options(cls) -> list[str]:
        """Return the names of what can be set, beside ``weights`` and the device."""
        return [
            name for name in inspect.signature(cls).parameters if name not in ("weights", "device")
        ]

    def options(self, images: int, shape: Shape) -> dict[str, Any]:
        """Return every option as it will be used on ``images`` images of ``shape`` (C, H, W).

        They make the same detector again.
        """
        return {name: getattr(self, name) for name in self.known_options()}

    def to(self: Self, device: torch.device | str) -> Self:
        """Move networks and fitted tensors to a device; return the detector."""
        self.device = torch.device(device)
        for name, value in list(vars(self).items()):
            if isinstance(value, (torch.Tensor, nn.Module)):
                setattr(self, name, value.to(self.device))
        return self

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return all that a file needs to score again: tensors and plain values only.

        The key ``settings``, where there is one, holds the arguments that make a detector like this
        one.
        """

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state`` gave."""

    def facts(self) -> dict[str, Any]:
        """Return what must stand beside every number: backbone, weights, settings, departures."""
        return {}

    def save(self, path: Path) -> None:
        """Write a file that is whole or absent and loads with ``weights_only=True``."""
        with whole(Path(path)) as part:
            torch.save({"method": self.name, **self.state()}, part)

    def load(self, path: Path) -> None:
        """Take over what ``save`` wrote.

        Raises:
            ValueError: the file holds another method.
        """
        self.load_state(read_state(path, self.name))

    @classmethod
    def from_state(cls: type[Self], state: Mapping[str, Any]) -> Self:
        """Return a new detector that scores as the one which gave this state."""
        detector = cls(**state.get("settings", {}))
        detector.load_state(state)
        return detector


def read_state(path: Path, method: str | None = None) -> dict[str, Any]:
    """Return what ``Detector.save`` wrote, on the CPU.

    Raises:
        ModelError: not such a file, or one of another method than ``method``.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its reader met
        raise ModelError(
            f"{Path(path).name}: not a file of weights that PyTorch can read safely."
        ) from error
    found = state.get("method") if isinstance(state, dict) else None
    if found is None or found != (method or found):
        expected = method or "one saved by Detector.save"
        raise ModelError(f"{Path(path).name}: holds {found or 'no detector'}; expected {expected}.")
    return state
