"""Where the frames of the sources are in the patient, and a map of another grid in them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from healthygan_monai.errors import PrepError

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
FARTHEST = 0.1  # of a voxel, at the corners of a slice: rounding of decimal strings stays below it
OBLIQUE = 0.1  # a smaller part of a direction gets no letter
SAME_DIRECTION = 1e-3  # of a cosine, within one series
SAME_SPACING = 1e-3  # of itself, within one series: some scanners round it slice by slice


@dataclass(frozen=True)
class Frames:
    """orientation: Image Orientation (6); positions (n, 3); spacing: of rows, of columns, mm."""

    orientation: NDArray[np.float64]
    positions: NDArray[np.float64]
    spacing: tuple[float, float]
    thickness: float | None

    def affine(self, index: int) -> NDArray[np.float64]:
        """Return (column, row, 0, 1) -> LPS mm of one frame (PS3.3 C.7.6.2.1.1), (4, 4)."""
        rows, columns = self.spacing
        found = np.eye(4)
        found[:3, 0], found[:3, 1] = self.orientation[:3] * columns, self.orientation[3:] * rows
        found[:3, 2] = np.cross(self.orientation[:3], self.orientation[3:])
        found[:3, 3] = self.positions[index]
        return found

    def directions(self) -> list[str]:
        """Return Patient Orientation of rows and columns, the largest part first (C.7.6.1.1.1)."""
        return [_letters(self.orientation[:3]), _letters(self.orientation[3:])]


def _letters(direction: NDArray[np.float64]) -> str:
    order = np.argsort(-np.abs(direction))
    return "".join(
        ("LPH" if direction[k] > 0 else "RAF")[k] for k in order if abs(direction[k]) > OBLIQUE
    )


def is_multi_frame(source: Dataset) -> bool:
    """Tell whether positions are in functional groups (PS3.3 C.7.6.16)."""
    return "PerFrameFunctionalGroupsSequence" in source


def frame_count(sources: Sequence[Dataset]) -> int:
    """Return the frames of all sources; films count as one, whatever their Number of Frames."""
    groups = [s.PerFrameFunctionalGroupsSequence for s in sources if is_multi_frame(s)]
    return len(sources) - len(groups) + sum(len(group) for group in groups)


def frames_of(sources: Sequence[Dataset]) -> Frames | None:
    """Return where the frames are, or None if not all of it is stated.

    sources: single frames in order, or one multi-frame image.

    Raises:
        PrepError: the frames do not lie side by side, or two lie at one place.
    """
    found = [_placed(items) for source in sources for items in _items(source)]
    placed = [one for one in found if one is not None]
    if len(placed) < len(found):
        return None
    orientations, positions, spacings, thicknesses = map(np.array, zip(*placed, strict=True))
    first = orientations[0]
    turned = np.abs(orientations - first).max() > SAME_DIRECTION
    if turned or not np.allclose(spacings, spacings[0], rtol=SAME_SPACING, atol=0):
        raise PrepError(
            "the slices differ in orientation or spacing", remedy="Give the slices of one stack."
        )
    along = positions @ np.cross(first[:3], first[3:])
    gaps = np.diff(np.sort(along))
    if gaps.size and gaps.min() < 1e-4:
        raise PrepError("two slices lie at one place", remedy="Give the slices of one stack.")
    thickness = float(thicknesses[0]) or (float(np.median(gaps)) if gaps.size else None)
    rows, columns = (float(v) for v in spacings[0])
    return None if thickness is None else Frames(first, positions, (rows, columns), thickness)


def to_slices(
    volume: NDArray[np.generic], affine: NDArray[np.float64], sources: Sequence[Dataset]
) -> NDArray[np.generic]:
    """Return a volume (I, J, K) as the frames of its sources, (n, rows, columns).

    Voxels are moved, never mixed: the grids must agree up to the order and direction of the axes.

    Args:
        volume: a map or a mask.
        affine: (4, 4), voxel -> RAS+ mm, as NIfTI has it.
        sources: single frames in order, or one Enhanced multi-frame image.

    Raises:
        PrepError: the sources state no position, or the grids differ.
    """
    frames = frames_of(sources)
    if frames is None:
        raise PrepError(
            "the source slices state no position, orientation or spacing",
            remedy="Give the original DICOM series.",
        )
    rows, columns = int(sources[0].Rows), int(sources[0].Columns)
    corners = np.array([[c, r, 0, 1] for c in (0, columns - 1) for r in (0, rows - 1)]).T
    whole = np.linalg.inv(affine) @ LPS_TO_RAS
    return np.stack(
        [
            _slice(volume, (whole @ frames.affine(k) @ corners)[:3].T, rows, columns)
            for k in range(len(frames.positions))
        ]
    )


def _slice(
    volume: NDArray[np.generic], corners: NDArray[np.float64], rows: int, columns: int
) -> NDArray[np.generic]:
    """corners: (4, 3) voxels of the first and last row of the first, then of the last column."""
    exact = np.rint(corners).astype(int)
    first, down, right = exact[0], exact[1] - exact[0], exact[2] - exact[0]
    fits = np.abs(corners - exact).max() <= FARTHEST
    fits &= sorted(np.abs(down)) == [0, 0, rows - 1] and sorted(np.abs(right)) == [
        0,
        0,
        columns - 1,
    ]
    if not fits or (exact < 0).any() or (exact >= volume.shape).any():
        raise PrepError(
            "the grid of the map is not that of the source slices",
            remedy="Give the map in the scan's own space, and all slices of that scan.",
        )
    row, column = np.arange(rows), np.arange(columns)
    index = [
        first[axis] + np.sign(down[axis]) * row[:, None] + np.sign(right[axis]) * column[None, :]
        for axis in range(3)
    ]
    return volume[index[0], index[1], index[2]]


def _items(source: Dataset) -> Iterable[list[Dataset]]:
    """Yield, for each frame, the data sets that may state where it is."""
    if not is_multi_frame(source):
        yield [source]
        return
    shared = list(source.get("SharedFunctionalGroupsSequence") or ())
    for own in source.PerFrameFunctionalGroupsSequence:
        groups = [own, *shared]
        yield [
            item
            for group in groups
            for keyword in (
                "PlanePositionSequence",
                "PlaneOrientationSequence",
                "PixelMeasuresSequence",
            )
            for item in group.get(keyword) or ()
        ]


def _placed(items: Sequence[Dataset]) -> tuple[Any, ...] | None:
    """Return orientation, position, spacing and thickness (0 unknown) of one frame, or None."""

    def first(keyword: str, count: int) -> list[float] | None:
        return next((v for v in (numbers(i, keyword, count) for i in items) if v), None)

    orientation = first("ImageOrientationPatient", 6)
    position, spacing = first("ImagePositionPatient", 3), first("PixelSpacing", 2)
    if orientation is None or position is None or spacing is None or min(spacing) <= 0:
        return None
    a, b = np.array(orientation[:3]), np.array(orientation[3:])
    if abs(a @ a - 1) > 0.01 or abs(b @ b - 1) > 0.01 or abs(a @ b) > 0.01:
        return None
    thickness = first("SliceThickness", 1) or [0.0]
    return orientation, position, spacing, max(thickness[0], 0.0)


def numbers(source: Any, keyword: str, count: int) -> list[float] | None:
    """Return so many finite numbers of an attribute, None if it has others or none."""
    try:
        value = source.get(keyword)
        values = [float(v) for v in (value if count > 1 else [value])]
    except (TypeError, ValueError):
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None
