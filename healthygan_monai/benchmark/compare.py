"""AUC over seeds with its interval, and a paired test against a reference, by subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import DataError
from healthygan_monai.evaluation.exact import Interval, exact_auc, or_exact
from healthygan_monai.evaluation.intervals import CONFIDENCE, bootstrap
from healthygan_monai.evaluation.metrics import ranking_metrics, roc_auc
from healthygan_monai.scoring import ScoreRow, subject_rows

NO_INTERVAL = (None, None)
Runs = dict[int, list[ScoreRow]]  # seed -> its scores.csv


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval; ``sd`` between the seeds is None for one seed."""

    mean: float
    sd: float | None
    low: float | None
    high: float | None
    seeds: tuple[int, ...]
    p: float | None = None


def auc_over_seeds(runs: Runs, unit: str, resamples: int) -> Estimate | None:
    """Return the mean of the seeds' AUC on the test set; None if it is not defined.

    The interval is of that mean under new subjects: a percentile bootstrap by subject that draws
    the same subjects for every seed. ``sd``, not the interval, shows what another seed would
    change.
    """
    found = _aligned([runs], unit)
    if found is None:
        return None
    labels, subjects, (scores,) = found
    values = [roc_auc(labels, column) for column in scores.T]
    spread = bootstrap(
        lambda truth, drawn: {"auc": _mean_auc(truth, drawn)},
        *(labels, scores, subjects),
        resamples=resamples,
    )
    exact = partial(exact_auc, float(np.mean(values)), labels, subjects, CONFIDENCE)
    low, high = or_exact(spread.intervals.get("auc"), exact) or NO_INTERVAL
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Estimate(float(np.mean(values)), sd, low, high, tuple(sorted(runs)))


def against(runs: Runs, reference: Runs, unit: str, resamples: int) -> Estimate | None:
    """Return a method's mean AUC minus the reference's, paired by image and resampled by subject.

    ``p`` is two-sided: twice the smaller share of resamples on one side of 0, (count + 1) /
    (resamples + 1). None if one of them has no seed or the AUC is not defined.

    Raises:
        ValueError: the two were scored on different images.
    """
    if not runs or not reference:
        return None
    found = _aligned([runs, reference], unit)
    if found is None:
        return None
    labels, subjects, (own, other) = found
    count = own.shape[1]
    draws: list[float] = []

    def difference(truth: NDArray, drawn: NDArray) -> dict[str, float | None]:
        draws.append(_mean_auc(truth, drawn[:, :count]) - _mean_auc(truth, drawn[:, count:]))
        return {"difference": draws[-1]}

    both = np.concatenate([own, other], axis=1)
    spread = bootstrap(difference, labels, both, subjects, resamples=resamples)
    means = [float(np.mean([roc_auc(labels, c) for c in scores.T])) for scores in (own, other)]
    value = means[0] - means[1]

    def exact() -> Interval | None:
        if np.array_equal(own, other):
            return 0.0, 0.0
        each = (1 + CONFIDENCE) / 2  # both at once: Bonferroni
        one, two = (exact_auc(mean, labels, subjects, each) for mean in means)
        return None if one is None or two is None else (one[0] - two[1], one[1] - two[0])

    low, high = or_exact(spread.intervals.get("difference"), exact) or NO_INTERVAL
    side = min(sum(d <= 0 for d in draws), sum(d >= 0 for d in draws))
    p = min(1.0, 2 * (side + 1) / (len(draws) + 1))
    return Estimate(value, None, low, high, tuple(sorted(runs)), p)


def _mean_auc(labels: NDArray, scores: NDArray) -> float:
    """Average the AUC over seeds: (N,), (N, seeds)."""
    return float(np.mean([ranking_metrics(labels, column)["auc"] for column in scores.T]))


def _aligned(
    methods: Sequence[Runs], unit: str
) -> tuple[NDArray, NDArray, list[NDArray[np.float64]]] | None:
    """Return labels (N,), subjects (N,) and each method's scores (N, seeds) of the same rows."""
    keys: list[tuple[str, str]] | None = None
    labels = subjects = np.empty(0)
    columns: list[NDArray[np.float64]] = []
    for runs in methods:
        scores = []
        for seed in sorted(runs):
            rows = runs[seed] if unit == "image" else subject_rows(runs[seed])
            kept = {
                (r.subject, r.image): r for r in rows if r.section == "test" and r.label is not None
            }
            own = sorted(kept)
            if keys is None:
                keys = own
                labels = np.array([kept[key].label for key in keys])
                subjects = np.array([key[0] for key in keys])
            elif own != keys:
                raise DataError(
                    "two cells of one data set hold scores of different test images; delete the "
                    "outdated ones and run the benchmark again."
                )
            scores.append([kept[key].score for key in keys])
        columns.append(np.array(scores, dtype=np.float64).T)
    if len(set(labels.tolist())) < 2:
        return None
    return labels, subjects, columns
