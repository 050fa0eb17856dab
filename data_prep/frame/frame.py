"""One prepared image, and the way back from it to the picture that it was made of."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_prep.frame.boxes import FramedBox
from data_prep.frame.framing import Framing
from data_prep.frame.turn import AS_IT_IS, Turn


@dataclass(frozen=True)
class WayBack:
    """From the frame to the picture.

    shape: its (rows, columns). field: the part framed. spacing: mm between rows, between columns.
    All three are of the turned picture; turn: what was done to it first. framing: how the square
    was laid.
    """

    framing: Framing
    shape: tuple[int, int]
    field: tuple[slice, slice]
    spacing: tuple[float, float]
    turn: Turn = AS_IT_IS

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """float32 (S, S), of any S -> float32 (rows, columns); 0 outside of the frame."""
        whole = np.zeros(self.shape, np.float32)
        part = whole[self.field]
        part[...] = self.framing.restored(values, (part.shape[0], part.shape[1]), self.spacing)
        return self.turn.back(whole)


@dataclass(frozen=True)
class Frame:
    """What a network sees of a film, or of one slice of a head.

    pixels: uint8 or uint16 (size, size). back: the way back. mask: bool (size, size), True in
    lesions, or None. boxes: in pixels of the frame. index: of a slice along its RAS+ axis, of a
    film's frame in its file, None for one film. facts: of a film, JSON that may be shown; a slice's
    are its head's. shown: uint8 (h, w), the whole film for a page, if that was asked for.
    """

    pixels: np.ndarray
    back: WayBack
    mask: np.ndarray | None = None
    boxes: tuple[FramedBox, ...] = ()
    index: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    shown: np.ndarray | None = None
