"""Grey pictures on disk: PNG written in one step, the same bytes for the same pixels; read back."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from data_prep.errors import PrepError
from data_prep.files import whole

GREY_MODES = ("L", "I;16", "I")  # Pillow's, of the pictures that data sets hold


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


def load_grey(path: Path) -> tuple[np.ndarray, str]:
    """(levels (H, W), Pillow's name of the format) of a grey picture of 8 or 16 bit.

    Levels are those of the file, turned as its EXIF orientation says. PrepError: not a picture,
    damaged, or not grey. Pictures from outside: call it by `decode`.
    """
    picture = _opened(path)
    if picture.mode not in GREY_MODES:
        raise PrepError(
            f"image mode {picture.mode}; expected 8- or 16-bit greyscale",
            remedy="Prepare it with data_prep first.",
        )
    return np.asarray(ImageOps.exif_transpose(picture)), str(picture.format)


def load_as_grey(path: Path) -> np.ndarray:
    """uint8 (H, W) of any picture, such as a mask; PrepError as `load_grey`."""
    return np.asarray(_opened(path).convert("L"))


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                picture.load()
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception:  # Pillow raises many kinds on damaged files
        raise PrepError(
            "cannot be read as a picture: damaged, or no PNG or JPEG", remedy="Copy it again."
        ) from None
    return picture
