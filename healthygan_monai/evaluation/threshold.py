"""Choose the threshold of a score; it belongs to the set it was chosen on, and says so."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_curve

from healthygan_monai.evaluation.metrics import require_both_classes

OPTIMISTIC = "optimistic: chosen on the test labels"


@dataclass(frozen=True)
class Threshold:
    """Call an image anomalous where score >= value.

    words: the rule. label_chosen: whether disease labels were needed to choose the value.
    """

    value: float
    policy: str
    chosen_on: str
    words: str
    label_chosen: bool = True


def youden(labels: ArrayLike, scores: ArrayLike) -> float:
    """Maximise J = sensitivity + specificity - 1 (Youden 1950); of equals take the highest."""
    fpr, tpr, thresholds = _candidates(labels, scores)
    return float(thresholds[np.argmax(tpr - fpr)])


def balanced(labels: ArrayLike, scores: ArrayLike) -> float:
    """Minimise |sensitivity - specificity|; of equals take the highest score.

    On test labels this is the rule behind the paper's Table 1 (solver.py:445-491). The authors'
    call of roc_curve ignores collinear points; here every distinct score is a candidate.
    """
    fpr, tpr, thresholds = _candidates(labels, scores)
    return float(thresholds[np.argmin(np.abs(tpr - (1 - fpr)))])


POLICIES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "youden": youden,
    "balanced": balanced,
}
POLICY_WORDS = {
    "youden": "sensitivity + specificity is largest (Youden's J)",
    "balanced": "sensitivity and specificity are closest to each other",
}


def choose(labels: ArrayLike, scores: ArrayLike, policy: str, chosen_on: str) -> Threshold:
    """Apply a policy; ``chosen_on`` is kept beside the number ("validation", ...)."""
    if policy not in POLICIES:
        raise ValueError(f"threshold policy {policy!r}; expected one of {sorted(POLICIES)}.")
    return Threshold(POLICIES[policy](labels, scores), policy, chosen_on, POLICY_WORDS[policy])


def paper_threshold(labels: ArrayLike, scores: ArrayLike) -> Threshold:
    """Return the paper's cut: ``balanced`` on the same labels that it is judged by."""
    return choose(labels, scores, "balanced", OPTIMISTIC)


def promised(value: float, rate: float, chosen_on: str) -> Threshold:
    """Return the cut of ``conformal.promised_threshold``, which needs no disease label."""
    words = f"a healthy case gives a false alarm with a chance of at most {rate:g}"
    return Threshold(value, "promised", chosen_on, words, label_chosen=False)


def _candidates(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Return (fpr, tpr, threshold) at every distinct score, falling.

    sklearn's first point, threshold inf, is dropped: it is neither a score nor JSON.
    """
    require_both_classes(labels, "a threshold")
    fpr, tpr, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    return fpr[1:], tpr[1:], thresholds[1:]
