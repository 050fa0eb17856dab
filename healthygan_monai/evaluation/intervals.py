"""Percentile bootstrap whose unit is the subject: two slices of one head are not two patients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_prep.errors import DataError
from data_prep.work.progress import progress
from healthygan_monai.evaluation.defaults import RESAMPLES

Statistics = Callable[[NDArray, NDArray], Mapping[str, float | None]]
CONFIDENCE = 0.95
MAX_REDRAWS = 100  # per resample; more means that one class hangs on one subject among hundreds


@dataclass(frozen=True)
class Bootstrap:
    """Result: ``intervals[name] = (low, high)``, None if the statistic was never defined.

    redrawn: resamples discarded because they had one class only. undefined[name]: resamples in
    which the statistic was 0 / 0; its percentiles ignore them.
    """

    intervals: dict[str, tuple[float, float] | None]
    redrawn: int
    undefined: dict[str, int]


def bootstrap(
    statistics: Statistics,
    labels: ArrayLike,
    scores: ArrayLike,
    subjects: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    both_classes: bool = True,
) -> Bootstrap:
    """Draw subjects with replacement, take all images of each, compute every statistic.

    labels, subjects: (N,). scores: (N,), or (N, K) of several methods. All statistics see the same
    resamples, whose rows are in falling order of the (first) score. A resample of one class is
    drawn again, unless ``both_classes`` is False. Source: Efron and Tibshirani 1993, ch. 13
    (percentile interval), units as in ch. 8.
    """
    score_array = np.asarray(scores, dtype=np.float64)
    # resamples keep this order, so what ranks their scores finds them sorted
    falling = np.argsort(-score_array.reshape(len(score_array), -1)[:, 0], kind="stable")
    score_array, label_array = score_array[falling], np.asarray(labels)[falling]
    names, subject_of = np.unique(np.asarray(subjects)[falling], return_inverse=True)
    rows = np.arange(len(score_array))
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float | None]] = {}
    redrawn = 0
    for _ in progress(range(resamples), resamples, "resamples", "draw"):
        for _attempt in range(MAX_REDRAWS):
            chosen = rng.choice(len(names), size=len(names))
            times = np.bincount(chosen, minlength=len(names))
            index = np.repeat(rows, times[subject_of])
            drawn = label_array[index]
            if not both_classes or drawn.min() != drawn.max():
                break
            redrawn += 1
        else:
            raise DataError(
                f"bootstrap: {MAX_REDRAWS} resamples in a row held one class only; "
                "too few subjects of one class for an interval."
            )
        for name, value in statistics(drawn, score_array[index]).items():
            draws.setdefault(name, []).append(value)
    return Bootstrap(
        intervals={name: _percentiles(values, confidence) for name, values in draws.items()},
        redrawn=redrawn,
        undefined={name: values.count(None) for name, values in draws.items()},
    )


def intervals_by_subject(
    statistics: Callable[[NDArray[np.intp]], Mapping[str, float | None]],
    labels: ArrayLike,
    *,
    resamples: int,
    seed: int,
) -> dict[str, tuple[float, float] | None]:
    """Return 95 % intervals of statistics that take the numbers of the subjects drawn.

    labels: (N,), one a subject. Resamples hold both labels where the subjects do. Fewer than two
    subjects have no interval.
    """
    label_array = np.asarray(labels)
    numbers = np.arange(label_array.size)
    if label_array.size < 2:
        return dict.fromkeys(statistics(numbers))
    return bootstrap(
        lambda _, drawn: statistics(drawn.astype(np.intp)),
        *(label_array, numbers, numbers),
        resamples=resamples,
        seed=seed,
        both_classes=np.unique(label_array).size == 2,
    ).intervals


def _percentiles(values: list[float | None], confidence: float) -> tuple[float, float] | None:
    defined = [value for value in values if value is not None]
    if not defined:
        return None
    tail = 50 * (1 - confidence)
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)
