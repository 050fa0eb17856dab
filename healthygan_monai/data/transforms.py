"""PNG on disk -> (C, H, W) float32 in [-1, 1]: the one home of that conversion and of its inverse."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.data import PILReader
from monai.transforms import (
    Compose,
    EnsureTyped,
    LoadImaged,
    RandFlipd,
    RepeatChanneld,
    Resized,
    ScaleIntensityRanged,
)
from monai.transforms.transform import Transform

from healthygan_monai.scoring import ArrayT

WHITE = {8: 255, 16: 65535}


def image_transforms(
    image_size: int,
    bit_depth: int = 8,
    image_channels: int = 1,
    keys: Sequence[str] = ("image",),
    track_meta: bool = False,
    flip_prob: float = 0.0,
) -> Compose:
    """MONAI transforms from a path to (C, image_size, image_size) float32 in [-1, 1], rows first.

    Black becomes -1 and full white of ``bit_depth`` becomes 1: one map for all images of a data set, so that a
    brighter film stays brighter. Images of another size are resized with antialiasing. Random horizontal flips
    (the authors', probability 0.5 in training) come last, so that MONAI's caches hold all that precedes them.

    Raises:
        ValueError: ``bit_depth`` is neither 8 nor 16.
    """
    if bit_depth not in WHITE:
        raise ValueError(f"bit_depth is {bit_depth}; dataset.json must say 8 or 16.")
    size = (image_size, image_size)
    transforms: list[Transform] = [
        LoadImaged(
            keys,
            # PNG rows are the image's rows; MONAI's default would turn the film on its side
            reader=PILReader(converter=_grey, reverse_indexing=False),  # type: ignore[arg-type]
            image_only=True,
            ensure_channel_first=True,
        ),
        ScaleIntensityRanged(keys, a_min=0, a_max=WHITE[bit_depth], b_min=-1, b_max=1),
        Resized(keys, spatial_size=size, mode="bilinear", anti_aliasing=True),
        EnsureTyped(keys, dtype=torch.float32, track_meta=track_meta),
    ]
    if image_channels > 1:
        transforms.append(RepeatChanneld(keys, repeats=image_channels))
    if flip_prob > 0:
        transforms.append(RandFlipd(keys, prob=flip_prob, spatial_axis=1))
    return Compose(transforms)


def _grey(image):  # type: ignore[no-untyped-def]
    """Pillow image as it is if grey, else an error: a colour file here was not made by data_prep."""
    if image.mode not in ("L", "I;16", "I"):
        raise ValueError(
            f"image mode {image.mode}; expected 8- or 16-bit greyscale. Prepare it with data_prep first."
        )
    return image


def to_display(image: ArrayT) -> ArrayT:
    """(..., C, H, W) in [-1, 1] -> (..., H, W) in [0, 1] for pictures; channels are averaged."""
    return ((image.mean(-3) + 1) / 2).clip(0, 1)
