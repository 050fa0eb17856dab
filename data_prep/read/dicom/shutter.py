"""The display shutter (PS3.3 C.7.6.11): the part of a picture that a viewer covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_prep.read.dicom.header import codes_of, numbers_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NOTE = "invalid display shutter; not followed"
LEAST_SHOWN = 0.1  # of the picture; a shutter of less is of another matrix, or a typing error
EDGES = tuple(
    f"Shutter{edge}Edge"
    for edge in ("UpperHorizontal", "LowerHorizontal", "LeftVertical", "RightVertical")
)


def covered(dataset: Dataset, shape: tuple[int, int], notes: list[str]) -> np.ndarray | None:
    """Return bool (rows, columns), True where the shutter covers the picture; None: nowhere.

    Shutter Shape (0018,1600) is RECTANGULAR, CIRCULAR or POLYGONAL, or several of them; what lies
    outside one of them is covered. The first row and column are 1, and edges are shown. A shutter
    that is incomplete, unknown or leaves less than LEAST_SHOWN is not followed; `notes` gets NOTE.
    """
    try:
        names = [name for name in codes_of(dataset, "ShutterShape") if name]
        if not names:
            return None
        shown = np.ones(shape, bool)
        for name in names:
            shown &= _OPENINGS[name](dataset, shape)
    except MemoryError:
        raise
    except Exception:  # pydicom raises many kinds on broken elements; what is missing raises too
        shown = np.zeros(shape, bool)
    if shown.mean() < LEAST_SHOWN:
        notes.append(NOTE)
        return None
    return None if shown.all() else ~shown


def _rectangle(dataset: Dataset, shape: tuple[int, int]) -> np.ndarray:
    upper, lower, left, right = (int(numbers_of(dataset, edge, 1)[0]) for edge in EDGES)
    shown = np.zeros(shape, bool)
    shown[max(0, upper - 1) : max(0, lower), max(0, left - 1) : max(0, right)] = True
    return shown


def _circle(dataset: Dataset, shape: tuple[int, int]) -> np.ndarray:
    row, column = numbers_of(dataset, "CenterOfCircularShutter", 2)
    (radius,) = numbers_of(dataset, "RadiusOfCircularShutter", 1)
    rows, columns = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def _polygon(dataset: Dataset, shape: tuple[int, int]) -> np.ndarray:
    from PIL import Image, ImageDraw

    numbers = numbers_of(dataset, "VerticesOfThePolygonalShutter")
    corners = [(column - 1, row - 1) for row, column in zip(*[iter(numbers)] * 2, strict=True)]
    if len(corners) < 3:
        raise ValueError("a polygon of fewer than three corners")
    picture = Image.new("1", shape[::-1])
    ImageDraw.Draw(picture).polygon(corners, fill=1, outline=1)
    return np.asarray(picture)


_OPENINGS = {"RECTANGULAR": _rectangle, "CIRCULAR": _circle, "POLYGONAL": _polygon}
