"""A radiograph as PNG or JPEG: grey of 8 or 16 bit, or colour whose channels are equal."""

import warnings
from io import BytesIO

import numpy as np
from PIL import Image

from data_prep.errors import FilmError
from data_prep.film.film import Film
from data_prep.read.dicom.stored_values import digest

DEEP_MODES = ("I;16", "I;16L", "I;16B", "I")
COLOUR_TOLERANCE = 8  # grey levels: colour JPEG of a grey film is not exactly grey


def read_picture(data: bytes) -> Film:
    """Content of a greyscale PNG or JPEG -> Film, bright = dense; FilmError: colour, too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as picture:
                kind, mode = str(picture.format), picture.mode
                levels, top = _grey(picture)
    except (FilmError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise FilmError(
            "the picture claims to be larger than any film", remedy="Leave it out."
        ) from None
    except Exception:  # Pillow raises many kinds on damaged files
        raise FilmError(
            "the picture cannot be decoded: truncated or damaged", remedy="Copy it again."
        ) from None
    image = levels.astype(np.float32) / np.float32(top)
    facts = {"format": kind, "mode": mode, "rows": image.shape[0], "columns": image.shape[1]}
    return Film(image, (1.0, 1.0), facts, digest=digest(levels))


def read_mask_picture(data: bytes) -> np.ndarray:
    """bool (H, W): true where any channel of the picture is not black."""
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as picture:
            deep = picture.mode in DEEP_MODES
            pixels = np.asarray(picture if deep else picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise FilmError("the mask cannot be decoded", remedy="Draw or copy it again.") from None
    inside = pixels > 0
    return inside if inside.ndim == 2 else np.logical_or.reduce(inside, axis=2)


def _grey(picture: Image.Image) -> tuple[np.ndarray, int]:
    """(whole numbers (H, W), the one that is white)."""
    if picture.mode in DEEP_MODES:
        return np.asarray(picture), 65535
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L")), 255
    if picture.mode in ("LA", "La"):
        return np.asarray(picture.getchannel("L")), 255
    pixels = np.asarray(picture.convert("RGB"), np.int16)
    spread = (pixels.max(axis=2) - pixels.min(axis=2)).max()
    if spread > COLOUR_TOLERANCE:
        raise FilmError(
            "true colour picture: a screenshot or a photograph?", remedy="Export the original film."
        )
    return (pixels[..., 0], 255) if spread == 0 else (pixels.sum(axis=2), 765)
