"""The grey levels of a prepared picture, as its file has them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.errors import FilmError, PrepError
from data_prep.film.film import Film
from data_prep.film.picture import read_mask_picture, read_picture

GREY_MODES = ("L", "I;16", "I")  # Pillow's, of the pictures that data sets hold


def levels(picture: Film) -> np.ndarray:
    """uint8 or uint16 (H, W) of a picture that was read; PrepError: it is not grey."""
    mode = picture.facts["mode"]
    if mode not in GREY_MODES:
        raise PrepError(
            f"image mode {mode}; expected 8- or 16-bit greyscale",
            remedy="Save it as greyscale PNG, or prepare it with data_prep first.",
        )
    dtype = np.uint8 if mode == "L" else np.uint16
    return np.rint(picture.image * np.float32(np.iinfo(dtype).max)).astype(dtype)


def read_levels(path: Path) -> tuple[np.ndarray, str]:
    """(levels, Pillow's name of the format) of a file; PrepError: no grey picture, or damaged.

    A file from outside: call this by ``data_prep.work.kept.decode``.
    """
    try:
        picture = read_picture(path.read_bytes())
    except FilmError as error:
        raise PrepError(
            f"cannot be read as a picture: {error.reason}",
            detail=error.detail,
            remedy=error.remedy,
        ) from None
    return levels(picture), picture.facts["format"]


def read_all_levels(paths: Sequence[Path]) -> list[tuple[np.ndarray, str] | None]:
    """As `read_levels` of each file; None where it raises."""
    found: list[tuple[np.ndarray, str] | None] = []
    for path in paths:
        try:
            found.append(read_levels(path))
        except (PrepError, OSError):
            found.append(None)
    return found


def read_mask(path: Path) -> np.ndarray:
    """bool (H, W), True in the lesion, of a mask's file; likewise."""
    return read_mask_picture(path.read_bytes())
