"""Exact intervals where a bootstrap has none: a proportion of 0 or 1, a perfect ranking.

All resamples of such data give the same number. A percentile interval then has no width, which
would claim certainty, however few the cases. The unit is the subject here too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from healthygan_monai.evaluation.conformal import wilson
from healthygan_monai.evaluation.intervals import CONFIDENCE, bootstrap
from healthygan_monai.evaluation.metrics import ranking_metrics, roc_auc

Interval = tuple[float, float]


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a proportion of n independent cases (Clopper, Pearson 1934).

    >>> [round(end, 4) for end in clopper_pearson(10, 10)]
    [0.6915, 1.0]
    """
    found = binomtest(hits, n).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def interval_of_share(share: float, n: int, confidence: float) -> Interval:
    """Return Wilson's interval of a share of n subjects; the exact one where it is 0 or 1."""
    return exact_share(share, n, confidence) or wilson(share, n, confidence)


def exact_share(share: float | None, n: int, confidence: float) -> Interval | None:
    """Return the exact interval of a mean of n values in [0, 1] that is 0 or 1; else None.

    For any such value X, P(X = 1) <= E(X), so what holds for proportions holds for means too.
    """
    return clopper_pearson(round(share) * n, n, confidence) if share in (0, 1) and n else None


def exact_auc(
    auc: float | None, labels: ArrayLike, subjects: ArrayLike, confidence: float
) -> Interval | None:
    """Return an exact interval of an AUC of 0 or 1; None of any other.

    Where every diseased image outranks every healthy one, so do the images of any m disjoint pairs
    of a diseased and a healthy subject. These pairs are m independent cases of the probability
    that the AUC is; m is as large as the subjects allow. No distribution is assumed, and the
    interval errs on the wide side.

    Args:
        auc: of the images.
        labels, subjects: (N,), of the images.
        confidence: such as 0.95.
    """
    truth, names = np.asarray(labels), np.asarray(subjects)
    diseased, healthy = ({*names[truth == label].tolist()} for label in (1, 0))
    pairs = min(len(diseased), len(healthy), len(diseased | healthy) // 2)
    return exact_share(auc, pairs, confidence)


def exact_metric(
    name: str,
    value: float | None,
    labels: NDArray,
    called: NDArray,
    subjects: NDArray,
    confidence: float,
) -> Interval | None:
    """Return the exact interval of a metric of one threshold that is 0 or 1; None of any other.

    F1 is 2 J / (1 + J), where J is the share of right calls among all that are diseased or called.

    Args:
        name: a key of ``Confusion.metrics``.
        value: of the metric.
        labels, called, subjects: (N,), of the images.
        confidence: such as 0.95.
    """
    diseased = labels == 1
    cases = {
        "sensitivity": diseased,
        "recall": diseased,
        "specificity": ~diseased,
        "precision": called,
        "accuracy": np.ones_like(called),
        "f1": diseased | called,
    }[name]
    found = exact_share(value, len(set(subjects[cases].tolist())), confidence)
    if found is None or name != "f1":
        return found
    low, high = (2 * end / (1 + end) for end in found)
    return low, high


def or_exact(found: Interval | None, exact: Callable[[], Interval | None]) -> Interval | None:
    """Return a bootstrap's interval; in place of one without width the exact one, or None."""
    return exact() if found is not None and found[0] == found[1] else found


def auc_with_interval(
    labels: NDArray,
    scores: NDArray,
    subjects: NDArray,
    *,
    resamples: int,
    seed: int,
    confidence: float = CONFIDENCE,
) -> dict[str, float | None]:
    """Return ``value``, ``low`` and ``high`` of an AUC: bootstrap over subjects, or exact.

    labels, scores, subjects: (N,), of images of both classes. low and high are None where neither
    gives an interval.
    """
    value = roc_auc(labels, scores)
    spread = bootstrap(
        lambda truth, drawn: {"auc": ranking_metrics(truth, drawn)["auc"]},
        *(labels, scores, subjects),
        resamples=resamples,
        seed=seed,
        confidence=confidence,
    )
    exact = partial(exact_auc, value, labels, subjects, confidence)
    low, high = or_exact(spread.intervals.get("auc"), exact) or (None, None)
    return {"value": value, "low": low, "high": high}
