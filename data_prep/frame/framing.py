"""From a film's rows and columns to one square: crop or pad, then one antialiased resize."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from data_prep.errors import UsageError

POLICIES = ("paper", "square", "centre", "none")  # see Framing
PAPER_TOP = 0.08  # authors' data_loader.py crop_top, after COVID-Net's data.py (top_percent)

ROUNDING = 1e-6  # of a pixel: an edge so near to that of a pixel is that edge

Box = tuple[float, float, float, float]  # left, top, right, bottom, in source pixels


@dataclass(frozen=True)
class Framing:
    """paper: top 8 % off, then the centre square; square: pad to a square; centre: the centre
    square; none: the whole image, squeezed where it is not square.

    Pixels that are not square are taken into account before the square is laid, so anatomy keeps
    its proportions. An image and its mask go through the same box.

    Attributes:
        policy: one of the four above.
        size: pixels of a side of the frame.
    """

    policy: str = "paper"
    size: int = 128

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise UsageError(f"framing is {self.policy!r}; expected one of {', '.join(POLICIES)}")
        if self.size < 8:
            raise UsageError(f"size is {self.size}; expected at least 8 pixels")

    def record(self) -> dict[str, Any]:
        """What dataset.json says about the framing."""
        top = {"top": PAPER_TOP} if self.policy == "paper" else {}
        return {"policy": self.policy, **top, "resampling": "bilinear, antialiased"}

    def box(self, shape: tuple[int, int], spacing: tuple[float, float] = (1.0, 1.0)) -> Box:
        """The square in source pixels, may exceed the image; spacing: mm between rows, columns."""
        aspect = spacing[0] / spacing[1]  # height of a pixel over its width
        height, width = shape[0] * aspect, float(shape[1])
        if self.policy == "none":
            return 0.0, 0.0, width, float(shape[0])
        top = float(int(shape[0] * PAPER_TOP)) * aspect if self.policy == "paper" else 0.0
        left_over = height - top
        side = max(left_over, width) if self.policy == "square" else min(left_over, width)
        left, upper = (width - side) / 2, top + (left_over - side) / 2
        if self.policy != "square" and aspect == 1:
            left, upper = float(int(left)), float(int(upper))  # whole pixels, as the authors crop
        edges = (left, upper / aspect, left + side, (upper + side) / aspect)
        # beyond the image by an error of rounding, an edge would be blended with `fill`
        return tuple(e if abs(e - round(e)) > ROUNDING else float(round(e)) for e in edges)  # type: ignore[return-value]

    def image(
        self, image: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0), fill: float = 0.0
    ) -> np.ndarray:
        """float32 (H, W) -> float32 (size, size); `fill` outside the image."""
        values, box = self._padded(image.astype(np.float32, copy=False), spacing, fill)
        return self._resized(values, box, Image.Resampling.BILINEAR)

    def mask(self, mask: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
        """bool (H, W) -> bool (size, size), nearest neighbour."""
        values, box = self._padded(mask.astype(np.uint8), spacing, 0)
        return self._resized(values, box, Image.Resampling.NEAREST).astype(bool)

    def covered(
        self, shape: tuple[int, ...], spacing: tuple[float, float] = (1.0, 1.0)
    ) -> np.ndarray | None:
        """bool (size, size), where the square shows the image; None where it does everywhere."""
        left, top, right, bottom = self.box((shape[0], shape[1]), spacing)
        if min(left, top) >= 0 and right <= shape[1] and bottom <= shape[0]:
            return None
        return self.mask(np.ones(shape, bool), spacing)

    def restored(
        self, framed: np.ndarray, shape: tuple[int, int], spacing: tuple[float, float] = (1.0, 1.0)
    ) -> np.ndarray:
        """float32 (S, S), of any S -> float32 (H, W) of `shape`; 0 where the frame did not reach.

        Each pixel is the mean of what it covers, or interpolated where the image is finer.
        """
        left, top, right, bottom = self.box(shape, spacing)
        first_row, last_row = max(0, int(np.floor(top))), min(shape[0], int(np.ceil(bottom)))
        first, last = max(0, int(np.floor(left))), min(shape[1], int(np.ceil(right)))
        height, width = framed.shape
        across, down = width / (right - left), height / (bottom - top)  # pixels of the frame
        # the outermost pixels may reach beyond the frame
        room = int(np.ceil(max(across, down))) + 1
        padded = np.pad(framed.astype(np.float32, copy=False), room, mode="edge")
        box = (
            (first - left) * across + room,
            (first_row - top) * down + room,
            (last - left) * across + room,
            (last_row - top) * down + room,
        )
        part = Image.fromarray(padded).resize(
            (last - first, last_row - first_row), Image.Resampling.BILINEAR, box=box
        )
        whole = np.zeros(shape, np.float32)
        whole[first_row:last_row, first:last] = np.asarray(part)
        return whole

    def _resized(self, values: np.ndarray, box: Box, how: Image.Resampling) -> np.ndarray:
        return np.asarray(Image.fromarray(values).resize((self.size, self.size), how, box=box))

    def _padded(
        self, values: np.ndarray, spacing: tuple[float, float], fill: float
    ) -> tuple[np.ndarray, Box]:
        left, top, right, bottom = self.box(values.shape, spacing)  # type: ignore[arg-type]
        height, width = values.shape
        before = (max(0, int(np.ceil(-top))), max(0, int(np.ceil(-left))))
        after = (max(0, int(np.ceil(bottom - height))), max(0, int(np.ceil(right - width))))
        if any(before) or any(after):
            pads = ((before[0], after[0]), (before[1], after[1]))
            values = np.pad(values, pads, constant_values=fill)
        box = (left + before[1], top + before[0], right + before[1], bottom + before[0])
        limit = (values.shape[1], values.shape[0]) * 2
        bounded = tuple(
            min(max(edge, 0.0), float(end)) for edge, end in zip(box, limit, strict=True)
        )
        return values, bounded  # type: ignore[return-value]
