"""The order, gaps, tilt and one affine of a DICOM stack; pure geometry, no header, no file.

Image Position (0020,0032) is the centre of the first voxel sent, Image Orientation (0020,0037)
the directions of its row and column, in LPS (PS3.3 C.7.6.2.1.1); NIfTI's are RAS: two signs
change.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.read.volume.volume import VolumeError

GAP_TOLERANCE = 0.1  # of the typical gap; scanners round positions to about a hundredth
SAME_PLACE_MM = 0.01
SAME_DIRECTION = 1e-3  # of a direction cosine, which headers print with four digits or more
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Plane:
    """One slice as its header places it.

    position: mm LPS of the first voxel. row, column: unit vectors along which the column index and
    the row index grow (DICOM names the direction *of* the row). spacing: mm between rows, between
    columns, as Pixel Spacing (0028,0030). rank: sorts images of one place (echo, time).
    """

    position: tuple[float, float, float]
    row: tuple[float, float, float]
    column: tuple[float, float, float]
    spacing: tuple[float, float]
    rank: tuple[float, ...] = ()


@dataclass(frozen=True)
class Stack:
    """order: indices of the planes from one end to the other. affine: voxel (column, row, slice)
    -> RAS+ mm, sheared where the gantry was tilted. gap_mm: between slices, along their normal.
    """

    order: list[int]
    affine: np.ndarray
    gap_mm: float


def plane_of(
    position: Sequence[float],
    cosines: Sequence[float],
    spacing: Sequence[float],
    rank: tuple[float, ...] = (),
) -> Plane | None:
    """The plane of a header's numbers, directions of length 1; None where it lacks some."""
    if not (position and cosines and spacing) or min(spacing) <= 0:
        return None
    x, y, z = position
    return Plane((x, y, z), _unit(cosines[:3]), _unit(cosines[3:]), (spacing[0], spacing[1]), rank)


def _unit(vector: Sequence[float]) -> tuple[float, float, float]:
    length = float(np.linalg.norm(vector)) or 1.0
    x, y, z = (value / length for value in vector)
    return x, y, z


def arrange(planes: Sequence[Plane], volume_index: int | None = None) -> Stack:
    """Sort parallel planes along their normal and check that they fill a box evenly.

    volume_index: which image to take where every place holds several (echoes, time points).
    Raises VolumeError: not parallel, several images at one place, uneven gaps, shifted sideways.
    """
    first = planes[0]
    row, column = np.array(first.row), np.array(first.column)
    normal = np.cross(row, column)
    if not np.isfinite(normal).all() or abs(np.linalg.norm(normal) - 1) > 0.01:
        raise VolumeError(
            "the header gives no usable orientation of the slices", remedy="Export the scan again."
        )
    for plane in planes:
        turned = max(np.abs(row - plane.row).max(), np.abs(column - plane.column).max())
        if turned > SAME_DIRECTION or not np.allclose(plane.spacing, first.spacing, rtol=1e-3):
            raise VolumeError(
                "slices point in several directions: a localiser, or several acquisitions",
                remedy="Export the T1-weighted series without the localiser.",
            )
    points = np.array([plane.position for plane in planes])  # (N, 3) mm
    order = _one_a_place(planes, points @ normal, volume_index)
    step = _even_step(points[order], normal)
    affine = np.eye(4)
    affine[:3, 0] = row * first.spacing[1]
    affine[:3, 1] = column * first.spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = points[order[0]]
    return Stack(order, LPS_TO_RAS @ affine, float(step @ normal))


def _one_a_place(planes: Sequence[Plane], depth: np.ndarray, volume_index: int | None) -> list[int]:
    """Indices in the order of depth; where places repeat, the volume_index-th image of each."""
    order = sorted(range(len(planes)), key=lambda i: (depth[i], planes[i].rank, i))
    places: list[list[int]] = []
    for i in order:
        if places and depth[i] - depth[places[-1][0]] <= SAME_PLACE_MM:
            places[-1].append(i)
        else:
            places.append([i])
    counts = Counter(len(place) for place in places)
    most = max(counts)
    if most == 1:
        return [place[0] for place in places]
    if len(counts) > 1:
        raise VolumeError(
            "some slices are there twice, others once: two acquisitions are mixed",
            detail=f"{len(planes)} images at {len(places)} places",
            remedy="Export the series again, alone.",
        )
    if volume_index is None:
        raise VolumeError(
            "several images of each slice: echoes, phases or time points in one series",
            detail=f"{most} images at each of {len(places)} places",
            remedy="Pass --volume-index with a number from 0 to one less than their number.",
        )
    if not 0 <= volume_index < most:
        raise VolumeError(
            f"the series has no volume {volume_index}",
            detail=f"{most} images of each slice",
            remedy="Pass another --volume-index.",
        )
    ranked = [sorted(place, key=lambda i: (planes[i].rank, i)) for place in places]
    return [place[volume_index] for place in ranked]


def _even_step(points: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """The vector (3,) mm from each slice to the next, or VolumeError where there is no such one."""
    if len(points) == 1:
        return normal
    gaps = np.diff(points @ normal)
    typical = float(np.median(gaps))
    slack = GAP_TOLERANCE * typical
    if np.abs(gaps - typical).max() > slack:
        times = np.maximum(np.rint(gaps / gaps.min()), 1)
        missing = int(times.sum()) - len(gaps)
        holes = np.abs(gaps - times * gaps.min()).max() <= slack * times.max()
        raise VolumeError(
            "slices are not evenly spaced: some are missing"
            if holes
            else "slices are not evenly spaced: the gap varies",
            detail=(f"{missing} missing, " if holes else "")
            + f"{gaps.min():.2f} to {gaps.max():.2f} mm apart",
            remedy="Export the whole series again."
            if holes
            else "Two acquisitions may be mixed: export one of them alone.",
        )
    step = (points[-1] - points[0]) / (len(points) - 1)
    straight = points[0] + np.arange(len(points))[:, None] * step
    if np.linalg.norm(points - straight, axis=1).max() > max(slack, 10 * SAME_PLACE_MM):
        raise VolumeError(
            "slices are shifted sideways against each other",
            remedy="Two acquisitions may be mixed: export one of them alone.",
        )
    return step
