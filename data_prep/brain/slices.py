"""Slices of a volume in RAS+ order, shown as a radiologist reads them: feet, face, left side.

    plane      up         left of the image
    axial      anterior   patient's right
    coronal    superior   patient's right
    sagittal   superior   anterior

Rows and columns run against the RAS+ axes, so one rule draws all: transpose, then flip both.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from data_prep.errors import UsageError

NORMAL_AXIS = {"sagittal": 0, "coronal": 1, "axial": 2}  # in RAS+ order
CUT_OFF = 0.25  # of the largest cross-section: a last slice above it is no end of a head
HEAD_END = 0.1  # of the largest cross-section: where the head is taken to begin and to end
MNI = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:mm)?\s*")
LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%|mm)\s*")
STEP = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(mm)?\s*")


@dataclass(frozen=True)
class SliceChoice:
    """Which slices of a head to take.

    Depth is counted from the superior, anterior or right end of the head (axial, coronal,
    sagittal): a scan always holds the top of the head, but ends anywhere in the neck. The head
    begins where the cross-section reaches a tenth of its largest. `start` and `stop` are "30%" of
    the head's length or "25mm"; `step` is "2" slices or "4mm"; `least_foreground` is a fraction of
    the largest cross-section; `plane` is axial, coronal or sagittal. With `mni`,
    start and stop are mm along the axis ("-10").
    """

    plane: str = "axial"
    start: str = "0%"
    stop: str = "100%"
    step: str = "1"
    least_foreground: float = 0.1
    mni: bool = False

    def __post_init__(self) -> None:
        if self.plane not in NORMAL_AXIS:
            raise UsageError(f"plane is {self.plane!r}; expected one of {', '.join(NORMAL_AXIS)}.")
        for name, text in (("start", self.start), ("stop", self.stop)):
            if (MNI if self.mni else LENGTH).fullmatch(text) is None:
                wanted = "MNI mm such as '-10'" if self.mni else "a depth such as '30%' or '25mm'"
                raise UsageError(f"{name} is {text!r}; expected {wanted}.")
        if self.mni and float(self.start.rstrip(" m")) > float(self.stop.rstrip(" m")):
            raise UsageError(f"mni:{self.start}:{self.stop}: expected the lower number first.")
        match = STEP.fullmatch(self.step)
        if match is None or float(match[1]) <= 0 or not (match[2] or match[1].isdigit()):
            raise UsageError(
                f"step is {self.step!r}; expected a number of slices such as '2', or mm such as "
                "'4mm'."
            )
        if not 0 <= self.least_foreground <= 1:
            raise UsageError(f"least_foreground is {self.least_foreground}; expected 0 to 1.")

    @classmethod
    def parse(cls, text: str, **others: object) -> SliceChoice:
        """A choice from "START:STOP", for example "25mm:95mm", "20%:60%" or "mni:-10:50"."""
        mni = text.startswith("mni:")
        text = text.removeprefix("mni:")
        start, colon, stop = text.partition(":")
        if not colon:
            raise UsageError(f"the range is {text!r}; expected START:STOP such as '25mm:95mm'.")
        return cls(start=start.strip(), stop=stop.strip(), mni=mni, **others)  # type: ignore[arg-type]


def display(data: np.ndarray, plane: str, index: int) -> np.ndarray:
    """One slice (H, W) of an RAS+ array (R, A, S) in the display convention above; a view."""
    return np.moveaxis(data, NORMAL_AXIS[plane], 0)[index].T[::-1, ::-1]


def stacked(pixels: np.ndarray, plane: str) -> np.ndarray:
    """The RAS+ array (R, A, S) of all its displayed slices (N, H, W): the inverse of `display`."""
    return np.moveaxis(pixels[:, ::-1, ::-1].transpose(0, 2, 1), 0, NORMAL_AXIS[plane])


def display_spacing(spacing: tuple[float, float, float], plane: str) -> tuple[float, float]:
    """mm between the rows and between the columns of a displayed slice."""
    column, row = [mm for axis, mm in enumerate(spacing) if axis != NORMAL_AXIS[plane]]
    return row, column


def ends_inside(foreground: np.ndarray, plane: str) -> bool:
    """Whether the scan ends inside the head where depths begin: at the top, of axial slices.

    foreground: bool (R, A, S), the head.
    """
    axis = NORMAL_AXIS[plane]
    area = foreground.sum(axis=tuple(a for a in range(3) if a != axis))
    return len(area) > 1 and bool(area[-1] > CUT_OFF * area.max())


def choose_slices(
    foreground: np.ndarray,
    spacing: tuple[float, float, float],
    choice: SliceChoice,
    origin: float = 0.0,
) -> list[tuple[int, float]]:
    """(index, depth in mm) of the chosen slices, from the top down; empty where nothing fits.

    foreground: bool (R, A, S), the head. origin: mm of index 0; with `choice.mni`, depth is -mm.
    """
    axis = NORMAL_AXIS[choice.plane]
    mm = spacing[axis]
    area = foreground.sum(axis=tuple(a for a in range(3) if a != axis)).astype(float)
    if not area.any():
        return []
    if len(area) == 1:  # a single slice has no depth to choose by
        return [(0, 0.0)]
    share = area / area.max()
    if choice.mni:
        return [
            (index, round(-coordinate, 3))
            for index, coordinate in _at_coordinates(choice, mm, origin, len(share))
            if share[index] > 0 and share[index] >= choice.least_foreground
        ]
    inside = np.flatnonzero(share >= HEAD_END)
    top, bottom = int(inside[-1]), int(inside[0])
    length = (top - bottom) * mm
    start, stop = _depth(choice.start, length), _depth(choice.stop, length)
    chosen = []
    for steps_down in _steps(start, min(stop, length), mm, choice.step):
        index = top - steps_down
        if bottom <= index <= top and share[index] >= choice.least_foreground:
            chosen.append((index, round(steps_down * mm, 3)))
    return chosen


def _at_coordinates(
    choice: SliceChoice, mm: float, origin: float, count: int
) -> list[tuple[int, float]]:
    """(index, coordinate) from the highest to the lowest; steps are counted from `start`."""
    start, stop = (float(text.rstrip(" m")) for text in (choice.start, choice.stop))
    match = STEP.fullmatch(choice.step)
    assert match is not None  # SliceChoice checked it
    step = float(match[1]) * (1.0 if match[2] else mm)
    wanted = np.arange(start, stop + 1e-6 * mm, step)
    indices = np.floor((wanted - origin) / mm + 0.5).astype(int)
    kept = sorted({int(i) for i in indices if 0 <= i < count}, reverse=True)
    return [(i, origin + i * mm) for i in kept]


def _depth(text: str, length: float) -> float:
    match = LENGTH.fullmatch(text)
    assert match is not None  # SliceChoice checked it
    return float(match[1]) * (length / 100 if match[2] == "%" else 1.0)


def _steps(start: float, stop: float, mm: float, step: str) -> list[int]:
    """Numbers of slices below the top: every n-th slice, or the slice nearest to every n mm."""
    match = STEP.fullmatch(step)
    assert match is not None
    slack = 1e-6 * mm
    if match[2] is None:
        first, last = math.ceil((start - slack) / mm), math.floor((stop + slack) / mm)
        return list(range(first, last + 1, int(match[1])))
    depths = np.arange(start, stop + slack, float(match[1]))
    return sorted({math.floor(float(depth) / mm + 0.5) for depth in depths})
