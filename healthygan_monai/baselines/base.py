"""One contract for every detector: fit on healthy images, score any image, save and load."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import nn

from healthygan_monai.baselines.images import Batches, Images, Shape, check_images
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.runs import save_weights

Self = TypeVar("Self", bound="Detector")


class NotFitted(RuntimeError):
    """A score was requested from a detector that has been neither fitted nor loaded."""


class Training(Protocol):
    """A fit that writes checkpoints into a run folder and can resume from them."""

    def resume(self) -> int:
        """Continue from the last checkpoint; return the iterations already done."""
        ...

    def fit(self) -> None:
        """Train to the end; from then on the detector scores."""
        ...


class Detector(ABC):
    """An anomaly detector of images, float32 (B, C, H, W) in [-1, 1].

    ``fit`` gets sources of batches, not tensors: each call of one is a new pass over the set in a
    fixed order, so that no method needs the whole set in memory. The constructor of a child has its
    options, ``device``, and ``weights`` for a backbone as keywords. Attributes that are tensors or
    modules are moved to the device.

    Args:
        device: where to fit and score.

    Attributes:
        name: as in scores.csv, on the command line and in ``names.METHODS``.
        title, reference: name and publication, for docs/paper_to_code.md.
        scores_by: the score of an image in words or symbols, for the same page.
        departures: from the publication or its authors' code, for docs/paper_vs_code.md.
        has_map: whether ``anomaly_map`` exists.
        has_backbone: whether it uses a pretrained network, whose ``weights`` can be given.
        needs_mixed: whether ``fit`` also needs the unannotated mixed set.
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
        """Return a fit that can be resumed; None if ``fit`` is the only way.

        Args:
            images: opens the images.
            run: arguments of :class:`~healthygan_monai.baselines.fitting.Fitting`.
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
        """Name of its pretrained network, for scores.csv; empty without one."""
        return ""

    def _fitted_shape(self) -> Shape:
        if self.image_shape is None:
            raise NotFitted(f"{self.name} has not been fitted: call fit, or load what was saved.")
        return self.image_shape

    def _checked(self, images: torch.Tensor) -> torch.Tensor:
        return check_images(images, self._fitted_shape())

    @classmethod
    def known_options(cls) -> list[str]:
        """Return the names of all options except ``weights`` and the device."""
        return [n for n in inspect.signature(cls).parameters if n not in ("weights", "device")]

    def options(self, images: int, shape: Shape) -> dict[str, Any]:
        """Return every option, as used on ``images`` images of ``shape``, to make it again."""
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
        """Return tensors and plain values that a file needs to score again.

        The key ``settings``, if present, holds the constructor's arguments.
        """

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state`` returned."""

    def facts(self) -> dict[str, Any]:
        """Return what must accompany every number: backbone, weights, settings, departures."""
        return {}

    def save(self, path: Path) -> None:
        """Write a file, completely or not at all, that loads with ``weights_only=True``."""
        save_weights({"method": self.name, **self.state()}, Path(path))

    def load(self, path: Path) -> None:
        """Restore what ``save`` wrote; raise ModelError for another method's file."""
        self.load_state(read_state(path, self.name))

    @classmethod
    def from_state(cls: type[Self], state: Mapping[str, Any]) -> Self:
        """Return a new detector that scores like the one which returned this state."""
        detector = cls(**state.get("settings", {}))
        detector.load_state(state)
        return detector


def read_state(
    path: Path, method: str | None = None, accept_changed: bool = False
) -> dict[str, Any]:
    """Return what ``Detector.save`` wrote, on the CPU; raise ModelError for other files."""
    state = read_weights(Path(path), accept_changed=accept_changed)
    found = state.get("method") if isinstance(state, dict) else None
    if found is None or found != (method or found):
        expected = method or "one saved by Detector.save"
        raise ModelError(f"{Path(path).name}: holds {found or 'no detector'}; expected {expected}.")
    return state
