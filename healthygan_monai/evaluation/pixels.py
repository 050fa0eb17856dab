"""Count pixels by value in fine bins, so that a test set of any size fits in memory.

A bin is a float32 number cut to ``DIGITS`` binary digits behind the first: values that differ by
less than 1 in 2,000 may share a bin, on whatever scale a method draws its maps. Values of one bin
count as equal.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS = 11  # of the 23 of a float32
BINS = 1 << (1 + 8 + DIGITS)  # sign, exponent, digits
KINDS = ("lesion", "healthy", "overlap")  # rows of a tally
_CUT = np.uint32(23 - DIGITS)
_SIGN = np.uint32(1 << 31)


def bins_of(values: ArrayLike) -> NDArray[np.int64]:
    """Return the bin of each value; a higher value is never in a lower bin.

    Raises:
        ValueError: a value is not finite.
    """
    exact = np.asarray(values, dtype=np.float32) + np.float32(0)  # -0 becomes 0
    if not np.isfinite(exact).all():
        raise ValueError("a difference map holds values that are not finite.")
    bits = np.ascontiguousarray(exact).view(np.uint32)
    rising = np.where(bits & _SIGN, ~bits, bits | _SIGN)  # in the order of the values
    return (rising >> _CUT).astype(np.int64)


def lowest_value(number: int) -> float:
    """Return the lowest value of a bin."""
    rising = np.array([number], dtype=np.uint32) << _CUT
    bits = np.where(rising & _SIGN, rising ^ _SIGN, ~rising)
    return float(bits.view(np.float32)[0])


def tally(
    difference: ArrayLike, lesion: NDArray[np.bool_], overlap: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count one map: its bins, rising, (U,), and what is in each, (3, U) in the order of KINDS.

    overlap: what each pixel adds to the overlap of its region (``overlap.region_weights``).
    """
    bins, where = np.unique(bins_of(np.ravel(difference)), return_inverse=True)
    inside = np.ravel(lesion).astype(np.float64)
    weights = (inside, 1 - inside, np.ravel(overlap))
    return bins, np.stack([np.bincount(where, weights=w, minlength=bins.size) for w in weights])


def merge(
    bins: NDArray[np.int64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Add up the columns of counts, (K, U), that are of the same bin; bins rise."""
    merged, where = np.unique(bins, return_inverse=True)
    rows = [np.bincount(where, weights=row, minlength=merged.size) for row in counts]
    return merged, np.stack(rows)


def quantile_value(counts: NDArray, share: float) -> float:
    """Return the lowest value, of those that begin a bin, that at least ``share`` lie below.

    counts: (BINS,) pixels in each bin, at least one.
    """
    below = np.cumsum(counts)  # those in this bin or a lower one
    return lowest_value(int(np.searchsorted(below, share * below[-1])) + 1)
