"""A film set aside for likely text: what a person needs to decide, and what all may see of it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data_prep.film.burned_in import TextLine
from data_prep.film.choice import LeftOut
from data_prep.frame.framing import Box

LONGEST = 1280  # pixels of the picture to look at: text is looked for at 1024
COARSE = 32  # pixels of the picture for all: text of 12 % of the height is 4 of them, unreadable
LOOK = "Look at it with healthygan review OUTPUT, then take it with --allow-burned-in FILE."


@dataclass(frozen=True)
class Look:
    """One frame of a film that was set aside.

    picture: JPEG of the exposed field, text and all. coarse: PNG of at most ``COARSE`` pixels a
    side, the likely text painted over. lines: boxes of the text (left, top, width, height) and
    frame: what a data set would show, both in shares of the picture's width and height.
    """

    picture: bytes
    coarse: bytes
    lines: tuple[tuple[float, ...], ...]
    frame: tuple[float, ...]


class SetAside(LeftOut):
    """A film with likely text, or whose header says so; looks: one a frame, here alone."""

    looks: tuple[Look, ...] = ()


def look(image: np.ndarray, lines: Sequence[TextLine], box: Box) -> Look:
    """Return both pictures of a displayed film (H, W): float in [0, 1], or uint8.

    box: what is framed of it.
    """
    grey = image
    if grey.dtype != np.uint8:
        grey = np.clip(np.nan_to_num(image) * 255, 0, 255).astype(np.uint8)
    height, width = grey.shape
    buffer = io.BytesIO()
    smaller(grey, LONGEST).save(buffer, "JPEG", quality=85)
    hidden = grey.copy()
    spans = [_grown(line, grey.shape) for line in lines]
    for top, left, bottom, right in spans:
        hidden[top:bottom, left:right] = 0
    coarse = io.BytesIO()
    smaller(hidden, COARSE).save(coarse, "PNG")
    corners = [(left, top, right, bottom) for top, left, bottom, right in spans]
    x0, y0, x1, y1 = box
    framed = (max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1))
    return Look(
        buffer.getvalue(),
        coarse.getvalue(),
        tuple(_shares(corner, width, height) for corner in corners),
        _shares(framed, width, height),
    )


def smaller(grey: np.ndarray, longest: int) -> Image.Image:
    """At most `longest` pixels a side; a pixel is the mean of what it covers."""
    picture = Image.fromarray(grey)
    scale = longest / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def _grown(line: TextLine, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The box with a margin: half a line's height, for the letters that were not seen as such."""
    margin = max(2, min(line.bottom - line.top, line.right - line.left) // 2)
    return (
        max(0, line.top - margin),
        max(0, line.left - margin),
        min(shape[0], line.bottom + margin),
        min(shape[1], line.right + margin),
    )


def _shares(corners: Sequence[float], width: int, height: int) -> tuple[float, ...]:
    left, top, right, bottom = corners
    shares = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return tuple(round(float(share), 4) for share in shares)
