"""Percentile bootstrap whose unit is the subject: two slices of one head are not two patients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_prep.errors import DataError
from data_prep.work.progress import progress

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
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    stratified: bool = False,
    both_classes: bool = True,
) -> Bootstrap:
    """Draw subjects with replacement, take all images of each, compute every statistic.

    labels, scores, subjects: (N,). All statistics see the same resamples. ``stratified`` draws
    subjects with and without a diseased image apart, which keeps their numbers. A resample of one
    class is drawn again, unless ``both_classes`` is False. Source: Efron and Tibshirani 1993,
    ch. 13 (percentile interval), units as in ch. 8.
    """
    label_array, score_array = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    members = _members(np.asarray(subjects))
    strata = _strata(members, label_array) if stratified else [np.arange(len(members))]
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float | None]] = {}
    redrawn = 0
    for _ in progress(range(resamples), resamples, "resamples", "draw"):
        for _attempt in range(MAX_REDRAWS):
            chosen = np.concatenate([rng.choice(part, size=len(part)) for part in strata])
            index = np.concatenate([members[i] for i in chosen])
            if not both_classes or len(np.unique(label_array[index])) == 2:
                break
            redrawn += 1
        else:
            raise DataError(
                f"bootstrap: {MAX_REDRAWS} resamples in a row held one class only; "
                "too few subjects of one class for an interval."
            )
        for name, value in statistics(label_array[index], score_array[index]).items():
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


def _members(subjects: NDArray) -> list[NDArray[np.intp]]:
    """Return the row numbers of each subject."""
    _, inverse = np.unique(subjects, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    return np.split(order, np.cumsum(np.bincount(inverse))[:-1])


def _strata(members: list[NDArray[np.intp]], labels: NDArray) -> list[NDArray[np.intp]]:
    diseased = np.array([np.any(labels[rows] == 1) for rows in members])
    return [part for part in (np.flatnonzero(diseased), np.flatnonzero(~diseased)) if part.size]


def _percentiles(values: list[float | None], confidence: float) -> tuple[float, float] | None:
    defined = [value for value in values if value is not None]
    if not defined:
        return None
    tail = 50 * (1 - confidence)
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)
