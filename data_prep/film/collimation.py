"""The exposed field of a film: where collimator, shutter or scanner left a flat border round it.

What tells a border from the black air beside a chest is its edge: a collimator's is straight,
sharp and runs along most of a side, whereas air meets the body along a curve and by degrees, and
has scatter and noise of its own. So a border goes only where, on one straight line that leans by
MOST_LEAN at most, most rows (or columns) step from a flat outside to something else.

For each side: the film at about 512 pixels; a step is a change by STEP of the film's range within
four pixels, away from the border's grey, or from the border's very grey to any other (a shutter
is constant, air beside it is not), that has mostly arrived eight pixels on: skin goes on rising
there. Steps are counted in strips along the side, the strips shifted
against each other for every lean that is tried, so that one straight edge adds up in one place.
Where the share of rows with a step is large, and everything outside of it is flat and at the dark
or the bright end, the border ends. Markers and text in it are outvoted: shares and quantiles, no
extremes. Passes are repeated until none takes anything, so what is left never loses more.

Limits: borders that lean by more, are curved, or are narrower than about 1/170 of the side stay.
"""

from typing import Any, NamedTuple

import numpy as np

WORKING_SIZE = 512  # longest side; an edge is blurred over 1 or 2 pixels there, noise is averaged
MOST = 0.35  # of a side: more is a film too strange to crop, and is left whole
LOOKED_AT = 0.45  # of a side, so that an edge beyond MOST is seen and the film left whole
STEP = 0.06  # of the film's range: dark air inside the field differs from the border by more
ALONG = 0.55  # of a side's rows: most; shoulders, arms and diaphragms are curved
FLAT = 0.12  # of the range, between quantiles of the outside: scatter under a collimator's leaf
QUANTILE = 0.1  # of the outside on either end: what markers and text may cover
END = 0.25  # of the range: a border is as dark, or as bright, as the film gets
CONSTANT = 0.008  # of the range: two grey levels of 255, JPEG in a constant border
MOST_LEAN = 2.5  # degrees; tables and cassettes are seldom worse, the cut then costs 4 % at most
LEANS = 11  # between -MOST_LEAN and MOST_LEAN: 0.5 degrees, 4 pixels over the whole side
STRIPS = 16  # along a side: within one, MOST_LEAN is 1.4 pixels
REACH = 2  # pixels on either side of an edge
DEEPER = 4  # reaches inward of the outer foot of a step, 8 pixels: skin still rises there
SHARP = 0.6  # of what is reached there; a ramp over 8 pixels has 0.5, a sharp edge 1
LIVELY = 0.2  # of a row that must differ from the border's grey, and of such rows: else no film
PASSES = 8  # one border a side and pass; films have one or two


class Box(NamedTuple):
    """Rows top to bottom, columns left to right, in pixels, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int


def record() -> dict[str, Any]:
    """What dataset.json says about this step."""
    return {
        "policy": "straight flat borders removed",
        "most_of_a_side": MOST,
        "step": STEP,
        "along": ALONG,
        "flat": FLAT,
        "most_lean_degrees": MOST_LEAN,
    }


def exposed_area(image: np.ndarray, padding: np.ndarray | None = None) -> Box:
    """The exposed field of a film (H, W), of any grey scale; the whole film where in doubt.

    padding: bool (H, W), no image; its full rows and columns go first. More than MOST off one side
    gives the whole film. Raises ValueError for other shapes.
    """
    if (
        image.ndim != 2
        or min(image.shape) < 1
        or (padding is not None and padding.shape != image.shape)
    ):
        raise ValueError("image and padding: expected two arrays of one shape (rows, columns)")
    whole = Box(0, 0, *image.shape)
    if padding is not None and padding.all():
        return whole
    box = whole if padding is None else _known(padding)
    for _ in range(PASSES):
        inner = _one_pass(image[box.top : box.bottom, box.left : box.right])
        if inner is None:
            return whole
        moved = Box(
            box.top + inner.top,
            box.left + inner.left,
            box.top + inner.bottom,
            box.left + inner.right,
        )
        if moved == box:
            return box
        box = moved
        if _too_much(box, whole):
            return whole
    return whole


def _known(padding: np.ndarray) -> Box:
    """Without outer rows and columns that are all padding."""
    rows, columns = np.flatnonzero(~padding.all(1)), np.flatnonzero(~padding.all(0))
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def _too_much(box: Box, whole: Box) -> bool:
    high, wide = MOST * whole.bottom, MOST * whole.right
    return (
        box.top > high
        or whole.bottom - box.bottom > high
        or box.left > wide
        or whole.right - box.right > wide
    )


def _one_pass(image: np.ndarray) -> Box | None:
    """One border off each side; None: an edge is deeper than MOST."""
    step = max(1, round(max(image.shape) / WORKING_SIZE))
    small = image[step // 2 :: step, step // 2 :: step].astype(np.float32)
    height, width = image.shape
    if min(small.shape) < 4 * STRIPS:
        return Box(0, 0, height, width)
    low, high = np.percentile(small[::3, ::3], [1, 99])
    if not high > low:
        return Box(0, 0, height, width)
    small = (small - low) / (high - low)
    cuts = []
    for side in (small.T, small, small.T[:, ::-1], small[:, ::-1]):  # top, left, bottom, right
        depth = _border(side)
        if depth > MOST * side.shape[1]:
            return None
        cuts.append(depth * step)
    return Box(cuts[0], cuts[1], height - cuts[2], width - cuts[3])


def _border(film: np.ndarray) -> int:
    """Columns of border at the left of a film scaled to [0, 1]; 0 where there is none."""
    columns = film.shape[1]
    reach = max(1, round(REACH * max(film.shape) / WORKING_SIZE))
    grey = float(np.median(film[:, :reach]))
    if END < grey < 1 - END:
        return 0
    lively = (np.abs(film[:, ::8] - grey) > STEP).mean(1) > LIVELY
    if lively.mean() < LIVELY:
        return 0
    zone = np.ascontiguousarray(film[:, : int(LOOKED_AT * columns) + DEEPER * reach])
    away = zone - grey if grey < 0.5 else grey - zone
    share, lean = _straightest(_steps(away, reach), lively)
    place = int(np.argmax(share))
    if share[place] < ALONG:
        return 0
    plateau = np.flatnonzero(share >= 0.9 * share[place])  # an edge is met over 2 * reach columns
    middle = round(float(plateau[np.abs(plateau - place) <= 2 * reach].mean()))
    outside = away[lively][:, : max(1, middle - lean[place])]
    low, high = np.quantile(outside[::2, ::2], [QUANTILE, 1 - QUANTILE])
    return int(middle + lean[place] + 2 * reach) if high - low <= FLAT else 0


def _steps(away: np.ndarray, reach: int) -> np.ndarray:
    """Where a row leaves the border's grey within 2 * reach columns, and has mostly arrived."""
    width = away.shape[1] - DEEPER * reach
    outer, inner = away[:, :width], away[:, 2 * reach : 2 * reach + width]
    rise = inner - outer
    before = np.abs(outer) <= CONSTANT
    after = np.abs(away[:, 2 * reach - 1 : 2 * reach + width]) > CONSTANT
    leaves = before & after[:, :-1] & after[:, 1:]
    return ((rise >= STEP) | leaves) & (rise >= SHARP * away[:, DEEPER * reach :])


def _straightest(steps: np.ndarray, lively: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each column: the largest share of rows with a step on a line through it, and how far
    that line reaches inward of it at either end.
    """
    rows, columns = steps.shape
    ends = np.linspace(0, rows, STRIPS + 1).astype(int)
    counted = steps & lively[:, None]
    strips = np.add.reduceat(counted, ends[:-1], axis=0, dtype=np.float32)
    best, lean = np.zeros(columns, np.float32), np.zeros(columns, int)
    middles = (ends[:-1] + ends[1:]) / 2 - rows / 2
    for angle in np.linspace(-MOST_LEAN, MOST_LEAN, LEANS):
        shifts = np.rint(np.tan(np.radians(angle)) * middles).astype(int)
        places = np.clip(np.arange(columns) + shifts[:, None], 0, columns - 1)
        share = np.take_along_axis(strips, places, 1).sum(0) / lively.sum()
        lean[share > best] = np.abs(shifts).max()
        best = np.maximum(best, share)
    return best, lean
