"""PRO, the per-region overlap: a small lesion counts as much as a large one.

Source: Bergmann et al., Uninformed students, CVPR 2020, and MVTec AD, IJCV 2021
(https://doi.org/10.1007/s11263-020-01400-4), with its evaluation code.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_FALSE = 0.3  # share of healthy pixels called, up to which the curve is integrated


def region_weights(lesion: ArrayLike) -> tuple[NDArray[np.float64], int]:
    """Return 1 / area of its region for each pixel of a mask, (H, W), else 0; and how many regions.

    Pixels that touch, also at a corner, are one region.
    """
    from scipy.ndimage import label

    regions, count = label(np.asarray(lesion), structure=np.ones((3, 3)))
    areas = np.bincount(regions.ravel(), minlength=count + 1).astype(np.float64)
    weights = np.append(0.0, 1 / areas[1:])
    return weights[regions], count


def aupro(overlap: ArrayLike, false: ArrayLike, most_false: float = MOST_FALSE) -> float:
    """Return the area under overlap against false calls, 0 to ``most_false``, divided by it.

    Args:
        overlap: (N,) mean share of a region that is called, one a cut, rising to 1.
        false: (N,) share of the healthy pixels that is called, rising to 1.
        most_false: where to stop. The curve is straight between cuts, and starts at (0, 0).
    """
    y, x = np.append(0.0, overlap), np.append(0.0, false)
    kept = int(np.searchsorted(x, most_false, side="right"))
    if x[kept - 1] < most_false:
        end = np.interp(most_false, x[kept - 1 : kept + 1], y[kept - 1 : kept + 1])
        x, y = np.append(x[:kept], most_false), np.append(y[:kept], end)
    else:
        x, y = x[:kept], y[:kept]
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1])) / 2 / most_false)
