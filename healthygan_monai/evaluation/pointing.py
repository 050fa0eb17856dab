"""Where a difference map points: its brightest place, in a mask or in a box."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SMOOTHING = 1 / 64  # sigma as a share of the longer side: 4 pixels at 256, PaDiM's convention


@dataclass(frozen=True)
class BoxHit:
    """Whether the map's brightest place lies in a box; chance is ``box_share`` of the image."""

    box_hit: bool
    box_share: float


def pointing_game(difference: ArrayLike, lesion: ArrayLike, smoothing: float = SMOOTHING) -> bool:
    """Return whether the maximum of the smoothed map is in the lesion; a flat map misses.

    Source: Zhang et al., Top-down neural attention by excitation backprop, ECCV 2016 and IJCV 2018;
    without their margin of 15 pixels.
    """
    values, inside = map_and_mask(difference, lesion)
    place = brightest_place(values, smoothing)
    return place is not None and bool(inside[place])


def box_hit(difference: ArrayLike, boxes: Sequence[Sequence[float]]) -> BoxHit:
    """Return whether the brightest place of a map, (H, W), lies in one of its boxes.

    boxes: (x, y, width, height) as shares of the image's width and height, x, y the upper left. A
    pixel is in a box where its centre is.
    """
    values = np.asarray(difference, dtype=np.float64)
    y, x = ((np.arange(side) + 0.5) / side for side in values.shape)
    inside = np.zeros(values.shape, dtype=bool)
    for left, top, width, height in boxes:
        rows, columns = (y >= top) & (y < top + height), (x >= left) & (x < left + width)
        inside |= rows[:, None] & columns
    place = brightest_place(values)
    return BoxHit(place is not None and bool(inside[place]), float(inside.mean()))


def brightest_place(values: NDArray, smoothing: float = SMOOTHING) -> tuple[int, int] | None:
    """Return (row, column) of the maximum of the smoothed map, (H, W); None of a flat map.

    smoothing: sigma of the Gaussian, as a share of the longer side.
    """
    if np.ptp(values) == 0:
        return None
    smooth = smoothed(values, smoothing)
    row, column = np.unravel_index(np.argmax(smooth), smooth.shape)
    return int(row), int(column)


def smoothed(difference: ArrayLike, smoothing: float = SMOOTHING) -> NDArray[np.float64]:
    """Return a map, (H, W), after a Gaussian; beyond its border it goes on with its last pixels.

    smoothing: sigma, as a share of the longer side.
    """
    from scipy.ndimage import gaussian_filter

    values = np.asarray(difference, dtype=np.float64)
    return gaussian_filter(values, sigma=smoothing * max(values.shape), mode="nearest")


def map_and_mask(difference: ArrayLike, lesion: ArrayLike) -> tuple[NDArray[np.float64], NDArray]:
    """Return a map and its mask as arrays; ValueError unless they make a pair to be judged."""
    values, inside = (np.asarray(difference, dtype=np.float64), np.asarray(lesion).astype(bool))
    if values.ndim != 2 or values.shape != inside.shape:
        raise ValueError(
            f"difference {values.shape} and lesion {inside.shape} must be one (H, W) each, "
            "equal in size; take the mask through the framing of its image."
        )
    if inside.all() or not inside.any():
        raise ValueError("the lesion mask is empty or fills the image; expected a lesion outline.")
    return values, inside
