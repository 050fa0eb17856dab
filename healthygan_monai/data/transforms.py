"""PNG on disk -> (C, H, W) float32 in [-1, 1] and back: the one home of that conversion."""

import logging
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import (
    Compose,
    EnsureTyped,
    Lambdad,
    LoadImaged,
    RepeatChanneld,
    ScaleIntensityRange,
    ScaleIntensityRanged,
)
from monai.transforms.transform import Transform

from data_prep.datalist import DataError
from healthygan_monai.data.reader import GreyReader
from healthygan_monai.scoring import ArrayT

WHITE = {8: 255, 16: 65535}


def image_transforms(
    image_size: int,
    bit_depth: int | None = 8,
    image_channels: int = 1,
    keys: Sequence[str] = ("image",),
    track_meta: bool = False,
) -> Compose:
    """MONAI transforms from a path to (C, image_size, image_size) float32 in [-1, 1], rows first.

    Black becomes -1 and full white of ``bit_depth`` becomes 1: one map for all images of a data
    set, so that a brighter film stays brighter. None takes the depth of each file. Images of
    another size are resized with antialiasing.

    Raises:
        ValueError: ``bit_depth`` is neither 8 nor 16.
    """
    if bit_depth is not None and bit_depth not in WHITE:
        raise DataError(f"bit_depth is {bit_depth}; dataset.json must say 8 or 16.")
    # MONAI sets up all its readers, and says that one of them, for GPUs, is missing
    logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
    transforms: list[Transform] = [
        LoadImaged(
            keys,
            reader=GreyReader(),  # type: ignore[arg-type]
            image_only=True,
            ensure_channel_first=True,
        ),
        Lambdad(keys, scaled)
        if bit_depth is None
        else ScaleIntensityRanged(keys, a_min=0, a_max=WHITE[bit_depth], b_min=-1, b_max=1),
        Lambdad(keys, partial(resized, size=image_size)),
        EnsureTyped(keys, dtype=torch.float32, track_meta=track_meta),
    ]
    if image_channels > 1:
        transforms.append(RepeatChanneld(keys, repeats=image_channels))
    return Compose(transforms)


def array_image(array: np.ndarray, image_size: int, image_channels: int = 1) -> torch.Tensor:
    """(H, H) uint8, uint16 or float in [0, 1] -> (C, image_size, image_size) float32 in [-1, 1].

    The same of an array as :func:`image_transforms` of the PNG that holds it.

    Raises:
        DataError: another shape or type, or floats outside of [0, 1].
    """
    values = np.asarray(array)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or values.size == 0:
        raise DataError(
            f"the array has shape {values.shape}; expected one square grey image (H, H). Crop or "
            "pad it as the training images were (data_prep.frame.framing.Framing), a stack image "
            "by image."
        )
    white = {np.dtype(np.uint8): WHITE[8], np.dtype(np.uint16): WHITE[16]}.get(values.dtype)
    in_range = values.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1
    if white is None and not in_range:
        raise DataError(
            f"the array is {values.dtype} with values from {values.min()} to {values.max()}; "
            "expected uint8, uint16, or floats in [0, 1], black to white."
        )
    scaled = ScaleIntensityRange(a_min=0, a_max=white or 1, b_min=-1, b_max=1)(
        values[None].astype(np.float32)
    )
    image = resized(torch.as_tensor(scaled, dtype=torch.float32), image_size)
    return image.repeat(image_channels, 1, 1)


def scaled(image: MetaTensor) -> Any:
    """Grey levels as :class:`GreyReader` gives them -> [-1, 1], by the depth of their file."""
    white = WHITE[8 if image.meta["mode"] == "L" else 16]
    return ScaleIntensityRange(a_min=0, a_max=white, b_min=-1, b_max=1)(image)


def resized(image: torch.Tensor, size: int) -> torch.Tensor:
    """(C, H, W) -> (C, size, size), each pixel the weighted mean of those it covers.

    As Pillow does it for the authors. MONAI's anti-aliasing takes what lies outside of the image
    for 0, which is mid-grey here, and so draws a frame around every film.
    """
    if image.shape[-2:] == (size, size):
        return image
    return torch.nn.functional.interpolate(
        image[None], (size, size), mode="bilinear", antialias=True
    )[0]


def to_display(image: ArrayT) -> ArrayT:
    """(..., C, H, W) in [-1, 1] -> (..., H, W) in [0, 1] for pictures; channels are averaged."""
    return ((image.mean(-3) + 1) / 2).clip(0, 1)
