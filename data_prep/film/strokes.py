"""Find where thin strokes of high contrast are dense: the picture part of burned_in."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

WORKING_SIZE = 1024  # longest side; text of 1 % has 10 pixels there, enough to part its letters
STROKE = 7  # side of the opening: keeps strokes up to 6 pixels, a bold letter's of 32
STROKE_CONTRAST = 32  # of 255: above quantum noise, below white on bright bone (about 50)
BLOCK, BLOCK_STROKES = 8, 10  # of 64 pixels: a wire 1 pixel thin has 8, letters 15 to 35

Region = tuple[slice, slice]


def eight_bits(image: np.ndarray) -> tuple[np.ndarray, int]:
    """(uint8 picture of about WORKING_SIZE, source pixels a pixel): the mean of 4 samples a cell.

    image: float in [0, 1] (NaN is black), uint8, or integers relative to their highest value.
    """
    top = 1 if image.dtype.kind in "fb" else 255 if image.dtype == np.uint8 else max(1, image.max())
    step = max(1, round(max(image.shape) / WORKING_SIZE))
    step = step if min(image.shape) >= step else 1
    rows, columns = (n // step * step for n in image.shape)
    half = step // 2
    one_type = np.float32
    if step == 1:
        grey = image.astype(one_type)
    else:
        pairs = np.add(image[:rows:step, :columns], image[half:rows:step, :columns], dtype=one_type)
        grey = (pairs[:, ::step] + pairs[:, half::step]) * one_type(0.25)
    grey *= one_type(255 / top)
    grey += one_type(0.5)
    return np.fmin(np.fmax(grey, 0, out=grey), 255, out=grey).astype(np.uint8), step


def halve(grey: np.ndarray) -> np.ndarray:
    """uint8 (H, W) -> (H // 2, W // 2), the means of 2 x 2."""
    rows, columns = (n // 2 * 2 for n in grey.shape)
    pairs = np.add(grey[:rows:2, :columns], grey[1:rows:2, :columns], dtype=np.uint16)
    return ((pairs[:, ::2] + pairs[:, 1::2] + 2) >> 2).astype(np.uint8)


def top_hat(grey: np.ndarray) -> np.ndarray:
    """uint8 (H, W): how much brighter than an opening leaves it; strokes have STROKE_CONTRAST."""
    return grey - opening(grey, STROKE)


def strokes(hat: np.ndarray) -> np.ndarray:
    """Bool (H, W): over STROKE_CONTRAST and 3/8 of the strongest near (parts touching letters)."""
    reach = STROKE // 2 + 1
    near = np.pad(hat, reach, mode="edge")
    for axis in (0, 1):
        near = _sliding(np.maximum, near, 2 * reach + 1, axis)
    return (hat >= STROKE_CONTRAST) & (hat >= (near >> 1) - (near >> 3))


def opening(grey: np.ndarray, side: int) -> np.ndarray:
    """Grey opening with a square: minimum, then maximum over side x side, by doubling shifts."""
    spread = np.pad(grey, side - 1, mode="edge")
    for extreme in (np.minimum, np.maximum):
        for axis in (0, 1):
            spread = _sliding(extreme, spread, side, axis)
    return spread


def _sliding(extreme: Callable[..., Any], grey: np.ndarray, side: int, axis: int) -> np.ndarray:
    width = 1
    while width < side:
        shift = min(width, side - width)
        ahead, behind = slice(shift, None), slice(None, -shift)
        near, far = (grey[ahead], grey[behind]) if axis == 0 else (grey[:, ahead], grey[:, behind])
        grey = extreme(near, far)
        width += shift
    return grey


def dense_regions(hat: np.ndarray) -> Iterator[Region]:
    """Boxes around neighbouring blocks that hold many stroke pixels, one block wider all round."""
    from scipy import ndimage

    rows, columns = hat.shape
    down, across = -(-rows // BLOCK), -(-columns // BLOCK)
    whole = np.zeros((down * BLOCK, across * BLOCK), np.uint8)
    whole[:rows, :columns] = hat >= STROKE_CONTRAST
    sums = whole.reshape(down, BLOCK, -1).sum(1, dtype=np.uint8)
    dense = sums.reshape(down, across, BLOCK).sum(2, dtype=np.uint8) >= BLOCK_STROKES
    if dense.sum() < 2:
        return
    around = np.ones((3, 3), bool)
    regions, _ = ndimage.label(ndimage.binary_dilation(dense, around), around)
    for high, wide in ndimage.find_objects(regions):
        yield (
            slice(high.start * BLOCK, min(rows, high.stop * BLOCK)),
            slice(wide.start * BLOCK, min(columns, wide.stop * BLOCK)),
        )
