"""Conformal p-values: how many known-healthy scores are as high as this one.

Neither disease labels nor a distribution of the scores are needed, only exchangeability: the
known-healthy subjects and the healthy subjects to judge could change places (same scanner, same
preparation, same choice of patients).

Sources: Bates, Candès, Lei, Romano, Sesia, Annals of Statistics 51(1):149-178, 2023, Sec. 2
(p-values, Beta law, lists); Vovk, ACML 2012 (Beta law); Lee, Barber, Willett, arXiv:2306.06342
(several images of one subject).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

ROUNDING = 1e-12  # of a product and a quotient
DIGITS = 9  # of sums of votes such as 1/3 + 1/3 + 1/3
Groups = Sequence[ArrayLike]  # known-healthy scores, one array a subject


def p_values(known: Groups, scores: ArrayLike) -> NDArray[np.float64]:
    """Return p = (1 + votes for "as high as s") / (n + 1) of each score s; n known subjects.

    Images of one subject are not exchangeable with those of others, so each subject has one vote:
    the share of its scores >= s (hierarchical conformal prediction, Lee et al.). With one image a
    subject this is (1 + #{known >= s}) / (n + 1) (Bates et al., Sec. 2). For one image drawn from
    a new healthy subject, P(p <= a) <= a for every a. Ties make p larger.

    >>> p_values([[0.1], [0.2], [0.3]], [0.25, 0.3, 0.4]).tolist()
    [0.5, 0.5, 0.25]
    """
    values, votes_from = _votes(known)
    first = np.searchsorted(values, np.asarray(scores, dtype=np.float64), side="left")
    return (1 + votes_from[first]) / (len(known) + 1)


def promised_threshold(known: Groups, rate: float) -> float | None:
    """Return the smallest threshold t for which score >= t means p <= rate; None: too few subjects.

    >>> promised_threshold([[0.1], [0.2], [0.3]], 0.5) > 0.2
    True
    >>> promised_threshold([[0.1], [0.2], [0.3]], 0.05) is None
    True
    """
    values, votes_from = _votes(known)
    above = votes_from[np.searchsorted(values, values, side="right")]  # votes for > value
    allowed = values[(1 + above) / (len(known) + 1) <= rate]
    return float(np.nextafter(allowed[0], np.inf)) if allowed.size else None


def smallest_rate(subjects: int) -> float:
    """Return the smallest false-alarm rate that so many known-healthy subjects can promise."""
    return 1 / (subjects + 1)


def subjects_needed(rate: float) -> int:
    """Return how many known-healthy subjects the promise of a rate needs: n + 1 >= 1 / rate."""
    enough = math.ceil(1 / rate) - 1
    return enough if smallest_rate(enough) <= rate else enough + 1


def realised_bound(subjects: int, rate: float, confidence: float) -> float:
    """Return x with P(false-alarm rate of this very threshold <= x) >= confidence.

    The promise is a mean over draws of the known-healthy subjects. For the draw at hand, the rate
    follows Beta(k, n + 1 - k), k = floor(rate (n + 1)), where scores have no ties, and is smaller
    where they have (Bates et al., Sec. 2; Vovk 2012). One score a subject.

    Raises:
        ValueError: too few subjects for the rate.
    """
    alarms = int(np.sum(np.arange(1, subjects + 1) / (subjects + 1) <= rate))
    if alarms == 0:
        raise ValueError(f"{subjects} subjects cannot promise {rate:g}.")
    return float(stats.beta.ppf(confidence, alarms, subjects + 1 - alarms))


def benjamini_hochberg(p: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Return which of (m,) p-values are on the list: the k smallest, largest k: p_(k) <= rate k/m.

    That is, those whose adjusted p-value is at most ``rate``.

    Conformal p-values of different subjects share the known-healthy scores, so they depend on each
    other, but positively (PRDS: Bates et al., Sec. 2), and then the expected share of healthy
    subjects on the list stays at or below ``rate`` (Benjamini and Yekutieli 2001, Theorem 1.2).
    """
    adjusted = stats.false_discovery_control(np.asarray(p, dtype=np.float64), method="bh")
    return adjusted <= rate * (1 + ROUNDING)  # where p is rate k/m exactly


def smallest_list(subjects: int, tested: int, rate: float) -> int:
    """Return the fewest entries a list can have, since no p is below 1 / (n + 1)."""
    return math.ceil(round(tested * smallest_rate(subjects) / rate, DIGITS))


def wilson(share: float, n: int, confidence: float) -> tuple[float, float]:
    """Return the Wilson score interval of a share of n subjects (Wilson 1927).

    Where the share is a mean of subjects' own shares, the interval errs on the wide side.

    >>> [round(end, 4) for end in wilson(0.0, 10, 0.95)]
    [0.0, 0.2775]
    """
    z = float(stats.norm.ppf((1 + confidence) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def _votes(known: Groups) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the known scores, rising, and the votes from each of them on, with a last 0."""
    groups = [np.asarray(group, dtype=np.float64) for group in known]
    if not groups:
        return np.empty(0), np.zeros(1)
    values = np.concatenate(groups)
    votes = np.concatenate([np.full(group.size, 1 / group.size) for group in groups])
    order = np.argsort(values, kind="stable")
    from_here = np.cumsum(votes[order][::-1])[::-1]
    return values[order], np.round(np.append(from_here, 0.0), DIGITS)
