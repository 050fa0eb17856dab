"""Check images for detectors: float32 (B, C, H, W) in [-1, 1]."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import torch

from data_prep.errors import DataError

Batches = Callable[[], Iterable[torch.Tensor]]
Shape = tuple[int, int, int]


class Images(Protocol):
    """A sequence of images (C, H, W), float32 in [-1, 1]."""

    def __len__(self) -> int: ...

    def __getitem__(self, k: int) -> torch.Tensor: ...


def check_images(images: torch.Tensor, shape: Shape | None = None) -> torch.Tensor:
    """Return the images as a plain float32 tensor (B, C, H, W).

    Raises:
        ValueError: no images; not four dimensions; neither 1 nor 3 channels, or not ``shape`` (C,
            H, W); not finite or outside of [-1, 1].
    """
    images = torch.as_tensor(images).float()
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"images have shape {tuple(images.shape)}; expected (B, C, H, W) with C 1 (grey) or 3."
        )
    if shape is not None and tuple(images.shape[1:]) != tuple(shape):
        raise DataError(
            f"images are (C, H, W) = {tuple(images.shape[1:])}; the detector was fitted to "
            f"{tuple(shape)}. Prepare them as those it was fitted to."
        )
    if len(images) == 0:
        raise ValueError("no images: the batch is empty; expected at least one.")
    if not images.abs().max() <= 1.001:  # false for NaN too
        raise ValueError("images have values outside of [-1, 1] or NaN.")
    return images


def shape_of(images: torch.Tensor) -> Shape:
    """(B, C, H, W) -> (C, H, W)."""
    _, channels, height, width = images.shape
    return channels, height, width


def checked_batches(
    source: Batches, name: str, shape: Shape | None = None
) -> Iterator[torch.Tensor]:
    """Yield the checked batches of one pass; all images must have one shape.

    Raises:
        ValueError: as :func:`check_images`, or no batch; the message has the set's ``name``.
    """
    for batch in source():
        batch = check_images(batch, shape)
        shape = shape_of(batch)
        yield batch
    if shape is None:
        raise DataError(f"the {name} set gives no images; expected at least one batch.")
