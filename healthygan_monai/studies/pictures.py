"""The two pictures of a case on the page: what was scored, and its map laid over it."""

import io

import numpy as np
from PIL import Image

SIDE, VIEWED = 384, 1024  # pixels of the longer side: on the page, at most in the viewer
TINT = (255, 70, 20)
OUTLINE = (255, 220, 60)
OPACITY = 0.75  # of the tint where the map is white


def as_jpeg(picture: np.ndarray, side: int = SIDE) -> bytes:
    """uint8 (h, w) or (h, w, 3) -> JPEG of ``side`` pixels on the longer side."""
    image = Image.fromarray(picture)
    scale = side / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    buffer = io.BytesIO()
    image.resize((width, height), how).save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def overlay(
    shown: np.ndarray, difference: np.ndarray, white: float, cut: float | None
) -> np.ndarray:
    """Return uint8 (h, w, 3): the map as a tint, and the edge of what is marked as a line.

    Args:
        shown: uint8 (h, w).
        difference: float32 (h, w).
        white: the difference with the full tint.
        cut: the map threshold; None draws no line.
    """
    weight = OPACITY * np.clip(difference / white, 0, 1)[..., None]
    coloured = shown[..., None] * (1 - weight) + np.array(TINT) * weight
    if cut is not None:
        coloured[_edge(difference >= cut)] = OUTLINE
    return np.rint(coloured).astype(np.uint8)


def _edge(marked: np.ndarray) -> np.ndarray:
    """The marked pixels with a neighbour that is not, above, below, left or right."""
    inside = marked.copy()
    inside[1:] &= marked[:-1]
    inside[:-1] &= marked[1:]
    inside[:, 1:] &= marked[:, :-1]
    inside[:, :-1] &= marked[:, 1:]
    return marked & ~inside
