"""Grey PNG on disk: written in one step, the same bytes for the same pixels."""

from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.files import whole


def save(pixels: np.ndarray, path: Path) -> None:
    """Write uint8, uint16 or bool (H, W; as 0 and 255) as a greyscale PNG of 8 or 16 bit."""
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"PNG pixels are {pixels.dtype} {pixels.shape}; expected uint8/16 (H, W)")
    with whole(path) as part:
        Image.fromarray(np.ascontiguousarray(pixels)).save(part, format="PNG")


def load(path: Path) -> np.ndarray:
    """Pixels as stored, uint8 or uint16 (H, W)."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    return pixels.astype(np.uint16) if pixels.dtype == np.int32 else pixels
