import numpy as np
import pytest

from healthygan_monai.evaluation.metrics import confusion
from healthygan_monai.evaluation.threshold import (
    OPTIMISTIC,
    balanced,
    choose,
    paper_threshold,
    youden,
)


def rates(labels, scores, threshold) -> tuple[float, float]:
    metrics = confusion(labels, scores, threshold).metrics()
    return metrics["sensitivity"], metrics["specificity"]


def sets(count: int):
    """Small random sets, with ties, both classes present."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.repeat([0, 1], [rng.integers(1, 12), rng.integers(1, 12)]))
        yield labels, np.round(rng.normal(labels, 1.0), 1)


def test_paper_threshold_equals_brute_force():
    for labels, scores in sets(100):
        gaps = [(abs(np.subtract(*rates(labels, scores, value))), -value) for value in set(scores)]
        assert paper_threshold(labels, scores).value == -min(gaps)[1]


def test_youden_equals_brute_force():
    for labels, scores in sets(100):
        best = max(sum(rates(labels, scores, value)) for value in set(scores))
        assert sum(rates(labels, scores, youden(labels, scores))) == pytest.approx(best)


def test_of_equal_thresholds_the_one_with_fewer_false_alarms_wins():
    # J is 1/2 at 3 (sensitivity 1/2, no alarm) and at 1 (sensitivity 1, specificity 1/2)
    assert youden([1, 0, 1, 0], [3.0, 2.0, 1.0, 0.0]) == 3.0


def test_separable_classes_are_cut_at_the_lowest_diseased_score():
    labels, scores = [0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9]
    assert youden(labels, scores) == balanced(labels, scores) == 0.7


def test_threshold_is_a_finite_score_even_where_the_ranking_is_reversed():
    assert np.isfinite(youden([1, 1, 0, 0], [1.0, 2.0, 3.0, 4.0]))


def test_a_threshold_says_where_it_comes_from():
    assert paper_threshold([0, 1], [0.0, 1.0]).chosen_on == OPTIMISTIC
    assert choose([0, 1], [0.0, 1.0], "youden", "validation").chosen_on == "validation"
    with pytest.raises(ValueError, match="yuden"):
        choose([0, 1], [0.0, 1.0], "yuden", "validation")
