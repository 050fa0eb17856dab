"""Judge the pixels of all images together: AUROC, average precision, PRO and Dice, by subject.

Pooled over the test images with a lesion (``diseased``), over these with their maps ``smoothed``,
as PaDiM and PatchCore smooth theirs, and over all images (``all``): the masks of those without a
lesion are empty. No map is kept: values are counted in the bins of ``pixels``, and
for the intervals once more in coarser bins for each subject.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from healthygan_monai.evaluation.exact import or_exact
from healthygan_monai.evaluation.intervals import intervals_by_subject
from healthygan_monai.evaluation.metrics import dice, ranking_of_cuts
from healthygan_monai.evaluation.overlap import aupro, region_weights
from healthygan_monai.evaluation.pixels import BINS, KINDS, merge, quantile_value, tally
from healthygan_monai.evaluation.pointing import smoothed

HEALTHY_QUANTILE = 0.99  # of the pixels of healthy validation images: 1 in 100 is called
COARSER = 5  # binary digits fewer for the intervals: values within 1.6 % may share a bin
GROUPS = ("diseased", "smoothed", "lesion_free")
SCOPES = {
    "diseased": ("diseased",),
    "smoothed": ("smoothed",),
    "all": ("diseased", "lesion_free"),
}
MEASURES = ("pixel_auroc", "pixel_ap", "aupro", "quantile_dice")


class HealthyQuantile:
    """The threshold below which ``HEALTHY_QUANTILE`` of the pixels of healthy images lie.

    It needs no outline of a lesion. It is fixed when it is first asked for; images that come later
    are ignored.
    """

    def __init__(self) -> None:
        self.images = 0
        self._counts = np.zeros(BINS)
        self._value: float | None = None
        self._asked = False

    def add(self, difference: ArrayLike) -> None:
        """Count the map of a healthy image of the validation section."""
        if not self._asked:
            nothing = np.zeros(np.shape(difference))
            bins, counts = tally(difference, nothing.astype(bool), nothing)
            self._counts[bins] += counts[KINDS.index("healthy")]
            self.images += 1

    def value(self) -> float | None:
        """Return the threshold, call a pixel where difference >= it; None without an image."""
        if not self._asked:
            self._asked = True
            self._value = quantile_value(self._counts, HEALTHY_QUANTILE) if self.images else None
        return self._value

    def about(self) -> dict[str, Any]:
        """Return what localisation.json says of it."""
        reason = None if self.images else "no healthy validation image"
        found = {"quantile": HEALTHY_QUANTILE, "threshold": self.value(), "images": self.images}
        return {**found, "reason": reason}


class _Group:
    """The counts of the pixels of one group of maps."""

    def __init__(self) -> None:
        self.images = 0
        self.fine = np.zeros((len(KINDS), BINS))
        self.coarse: dict[str, tuple[NDArray, NDArray]] = {}  # by subject: bins, counts
        self.calls = defaultdict[str, NDArray](lambda: np.zeros(3))  # by subject

    def add(
        self,
        difference: ArrayLike,
        inside: NDArray,
        weights: NDArray,
        subject: str,
        threshold: float | None,
    ) -> None:
        bins, counts = tally(difference, inside, weights)
        self.fine[:, bins] += counts
        known = self.coarse.get(subject, (bins[:0], counts[:, :0]))
        coarse = np.concatenate([known[0], bins >> COARSER])
        self.coarse[subject] = merge(coarse, np.concatenate([known[1], counts], axis=1))
        if threshold is not None:
            called = np.asarray(difference) >= threshold
            self.calls[subject] += [(called & inside).sum(), called.sum(), inside.sum()]
        self.images += 1


class PooledPixels:
    """Add one map at a time, then ask for the measures of all."""

    def __init__(self) -> None:
        self._groups = {name: _Group() for name in GROUPS}
        self._regions = 0

    def add(
        self, difference: ArrayLike, lesion: ArrayLike, subject: str, threshold: float | None
    ) -> None:
        """Count one map and its mask, both (H, W); an empty mask is that of a healthy image.

        threshold: a pixel is called where difference >= it; not asked of the smoothed map.
        """
        inside = np.asarray(lesion).astype(bool)
        weights, regions = region_weights(inside)
        self._regions += regions
        if regions:
            self._groups["diseased"].add(difference, inside, weights, subject, threshold)
            self._groups["smoothed"].add(smoothed(difference), inside, weights, subject, None)
        else:
            self._groups["lesion_free"].add(difference, inside, weights, subject, threshold)

    def summary(self, resamples: int, seed: int) -> dict[str, Any] | None:
        """Return the measures of each scope; None if no lesion was added."""
        if not self._groups["diseased"].images:
            return None
        return {scope: self._of_scope(scope, resamples, seed) for scope in SCOPES}

    def _of_scope(self, scope: str, resamples: int, seed: int) -> dict[str, Any]:
        groups = [self._groups[name] for name in SCOPES[scope]]
        fine = sum((group.fine for group in groups), np.zeros((len(KINDS), 1)))
        fine = fine[:, fine.any(axis=0)]
        subjects = sorted({subject for group in groups for subject in group.coarse})
        tables, calls = _by_subject(groups, subjects)
        count, kinds, bins = tables.shape
        flat = tables.reshape(count, -1)

        def drawn(rows: NDArray[np.intp]) -> dict[str, float | None]:
            times = np.bincount(rows, minlength=count).astype(np.float64)
            return _measures((times @ flat).reshape(kinds, bins), times @ calls)

        has_lesion = (tables[:, KINDS.index("lesion")].sum(axis=1) > 0).astype(int)
        spread = intervals_by_subject(drawn, has_lesion, resamples=resamples, seed=seed)
        values = _measures(fine, calls.sum(axis=0))
        lesion, healthy, _ = fine.sum(axis=1)
        found: dict[str, Any] = {
            "images": sum(group.images for group in groups),
            "subjects": count,
            "regions": self._regions,
            "lesion_share": float(lesion / (lesion + healthy)),
        }
        for name in MEASURES:
            low, high = or_exact(spread[name], lambda: None) or (None, None)
            found[name] = {"value": values[name], "low": low, "high": high}
        return found


def _by_subject(
    groups: Sequence[_Group], subjects: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the counts of each subject in coarse bins, (S, 3, K), and its calls, (S, 3)."""
    used = np.unique(np.concatenate([b for group in groups for b, _ in group.coarse.values()]))
    tables = np.zeros((len(subjects), len(KINDS), used.size))
    calls = np.zeros((len(subjects), 3))
    for row, subject in enumerate(subjects):
        for group in groups:
            if subject in group.coarse:
                bins, counts = group.coarse[subject]
                tables[row][:, np.searchsorted(used, bins)] += counts
                calls[row] += group.calls[subject]
    return tables, calls


def _measures(counts: NDArray, calls: NDArray) -> dict[str, float | None]:
    """Return MEASURES of counts in rising bins, (3, K), and of (hits, called, lesion) pixels."""
    falling = counts[:, counts.any(axis=0)][:, ::-1]
    tp, fp, overlap = np.cumsum(falling, axis=1)
    ranking = ranking_of_cuts(tp, fp)
    hits, called, lesion = calls
    return {
        "pixel_auroc": ranking["auc"],
        "pixel_ap": ranking["average_precision"],
        "aupro": aupro(overlap / overlap[-1], fp / fp[-1]),
        "quantile_dice": float(dice(hits, called, lesion)) if lesion else None,
    }
