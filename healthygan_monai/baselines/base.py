"""One contract for every detector: fit on healthy images, score any image, save and load exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch

from data_prep.files import whole
from healthygan_monai.errors import ModelError

Batches = Callable[[], Iterable[torch.Tensor]]
Shape = tuple[int, int, int]
Self = TypeVar("Self", bound="Detector")


class NotFitted(RuntimeError):
    """A score was asked of a detector that has been neither fitted nor loaded."""


class Detector(ABC):
    """An anomaly detector of images.

    Images are float32 (B, C, H, W) in [-1, 1]. ``fit`` is given sources of batches rather than tensors: each
    call of one is a new pass over the set in a fixed order, so that no method needs the whole set in memory.

    Attributes:
        name: as in scores.csv and on the command line.
        has_map: whether ``anomaly_map`` exists.
        needs_mixed: whether ``fit`` needs the unannotated mixed set too.
    """

    name: ClassVar[str]
    has_map: ClassVar[bool] = False
    needs_mixed: ClassVar[bool] = False

    @abstractmethod
    def fit(self, healthy: Batches, mixed: Batches | None = None, *, seed: int = 0) -> None:
        """Learn what healthy images look like. The same images, order and seed give the same detector."""

    @abstractmethod
    def score(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B,); higher = more anomalous; independent of the rest of the batch."""

    def anomaly_map(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, 1, H, W); higher = more anomalous."""
        raise NotImplementedError(f"{self.name} gives a score for an image, and no map.")

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything a file must hold to score again: tensors and plain values, for ``weights_only=True``.

        The key ``settings``, where there is one, holds the arguments that make a detector like this one.
        """

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state`` gave."""

    def facts(self) -> dict[str, Any]:
        """What must stand beside every number: backbone and its weights, settings, departures."""
        return {}

    def save(self, path: Path) -> None:
        """Whole or not at all; loads with ``weights_only=True``."""
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
        """A new detector that scores as the one which gave this state."""
        detector = cls(**state.get("settings", {}))
        detector.load_state(state)
        return detector


def read_state(path: Path, method: str | None = None) -> dict[str, Any]:
    """What ``Detector.save`` wrote, on the CPU.

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
        raise ModelError(
            f"{Path(path).name}: holds {found or 'no detector'}; expected {method or 'one saved by Detector.save'}."
        )
    return state


def check_images(images: torch.Tensor, shape: Shape | None = None) -> torch.Tensor:
    """The images as a plain float32 tensor (B, C, H, W).

    Raises:
        ValueError: no images; not four dimensions; neither 1 nor 3 channels, or not ``shape`` (C, H, W); not
            finite or outside of [-1, 1].
    """
    images = torch.as_tensor(images).float()
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"images have shape {tuple(images.shape)}; expected (B, C, H, W) with C 1 (grey) or 3."
        )
    if shape is not None and tuple(images.shape[1:]) != tuple(shape):
        raise ValueError(
            f"images are (C, H, W) = {tuple(images.shape[1:])}; the detector was fitted to {tuple(shape)}. "
            "Prepare them as those it was fitted to."
        )
    if len(images) == 0:
        raise ValueError("no images: the batch is empty; expected at least one.")
    if not images.abs().max() <= 1.001:  # false for NaN too
        raise ValueError("images have values outside of [-1, 1] or that are no numbers.")
    return images


def checked_batches(
    source: Batches, name: str, shape: Shape | None = None
) -> Iterator[torch.Tensor]:
    """One pass over a source: every batch checked, all images of one shape.

    Raises:
        ValueError: as :func:`check_images`, or the source gives nothing; ``name`` says which one it was.
    """
    for batch in source():
        batch = check_images(batch, shape)
        shape = tuple(batch.shape[1:])  # type: ignore[assignment]
        yield batch
    if shape is None:
        raise ValueError(f"the {name} set gives no images; expected at least one batch.")
