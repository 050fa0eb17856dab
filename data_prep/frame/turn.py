"""Turning and mirroring a picture by quarter turns, and the way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from data_prep.frame.boxes import LesionBox


@dataclass(frozen=True)
class Turn:
    """Rows and columns exchanged first, then rows taken from below, then columns from the right."""

    exchanged: bool = False
    from_below: bool = False
    from_right: bool = False

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(H, W) -> (H, W), or (W, H) where rows and columns are exchanged."""
        return self._flipped(values.T if self.exchanged else values)

    def back(self, turned: np.ndarray) -> np.ndarray:
        """The picture that was turned."""
        values = self._flipped(turned)
        return np.ascontiguousarray(values.T) if self.exchanged else values

    def _flipped(self, values: np.ndarray) -> np.ndarray:
        rows, columns = (-1 if flip else 1 for flip in (self.from_below, self.from_right))
        return np.ascontiguousarray(values[::rows, ::columns])

    def pair(self, values: tuple[float, float]) -> tuple[float, float]:
        """What belongs to (rows, columns), such as a spacing."""
        return (values[1], values[0]) if self.exchanged else values

    def boxes(self, boxes: Iterable[LesionBox], shape: tuple[int, int]) -> list[LesionBox]:
        """Boxes on the picture that was turned -> on the turned one; shape: its (rows, columns)."""
        return [self._box(box, shape) for box in boxes]

    def _box(self, box: LesionBox, shape: tuple[int, int]) -> LesionBox:
        width, height = box.width or shape[1], box.height or shape[0]
        x, y, w, h = box.x, box.y, box.w, box.h
        if self.exchanged:
            x, y, w, h, width, height = y, x, h, w, height, width
        x = width - x - w if self.from_right else x
        y = height - y - h if self.from_below else y
        return replace(box, x=x, y=y, w=w, h=h, width=width, height=height)


AS_IT_IS = Turn()
