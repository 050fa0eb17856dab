"""Lesions as boxes: from the picture as published to the framed square."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from data_prep.frame.framing import Framing

LEAST_LEFT = 0.5  # of a box's area: a lesion cut to less than half is not one to be found
DIGITS = 2  # of a pixel

FramedBox = tuple[float, float, float, float, str]  # x, y, width, height, label


@dataclass(frozen=True)
class LesionBox:
    """x, y: upper left; w, h; in pixels of the annotated picture (width, height; None: file's)."""

    x: float
    y: float
    w: float
    h: float
    label: str = ""
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        numbers = (self.x, self.y, self.w, self.h)
        if not all(-1e6 < number < 1e6 for number in numbers) or self.w <= 0 or self.h <= 0:
            raise ValueError("a box is x, y, width, height in pixels, width and height over 0")

    def to_json(self) -> list[Any]:
        """[x, y, w, h, label], and the size of the picture where it is known."""
        size = [] if self.width is None else [self.width, self.height]
        return [self.x, self.y, self.w, self.h, self.label, *size]

    @classmethod
    def of(cls, values: Sequence[Any]) -> LesionBox:
        """From to_json's list, or the bare [x, y, w, h]. Raises ValueError."""
        try:
            x, y, w, h, *rest = values
            label = str(rest[0]) if rest else ""
            width, height = (int(v) for v in rest[1:]) if len(rest) > 1 else (None, None)
            return cls(float(x), float(y), float(w), float(h), label, width, height)
        except (TypeError, ValueError):
            raise ValueError(
                "a box is [x, y, w, h] or [x, y, w, h, label, width, height]"
            ) from None


def framed_boxes(
    boxes: Iterable[LesionBox],
    framing: Framing,
    shape: tuple[int, int],
    spacing: tuple[float, float] = (1.0, 1.0),
    *,
    crop: tuple[int, int, int, int] | None = None,
    least: float = LEAST_LEFT,
) -> tuple[FramedBox, ...]:
    """The boxes in pixels of the framed square, through the same crop, pad and resize as the image.

    With the frame (l, t, r, b) in source pixels and n pixels a side: x' = (x - l) n / (r - l), y' =
    (y - t) n / (b - t), clipped to [0, n]; under `least` of its area a box is dropped. shape: of
    the file; spacing: mm between rows, columns; crop: top, left, bottom, right, or None for all.
    """
    crop = crop or (0, 0, *shape)
    part = (crop[2] - crop[0], crop[3] - crop[1])
    left, top, right, bottom = framing.box(part, spacing)
    left, right, top, bottom = left + crop[1], right + crop[1], top + crop[0], bottom + crop[0]
    across, down = framing.size / (right - left), framing.size / (bottom - top)
    kept = []
    for box in boxes:
        wide = shape[1] / box.width if box.width else 1.0  # the file may be a smaller copy
        high = shape[0] / box.height if box.height else 1.0
        edges = (
            (box.x * wide - left) * across,
            (box.y * high - top) * down,
            ((box.x + box.w) * wide - left) * across,
            ((box.y + box.h) * high - top) * down,
        )
        x0, y0, x1, y1 = (min(max(edge, 0.0), float(framing.size)) for edge in edges)
        whole = (edges[2] - edges[0]) * (edges[3] - edges[1])
        left_over = (x1 - x0) * (y1 - y0)
        if left_over > 0 and left_over >= least * whole:
            x, y, w, h = (round(v, DIGITS) for v in (x0, y0, x1 - x0, y1 - y0))
            kept.append((x, y, w, h, box.label))
    return tuple(kept)
