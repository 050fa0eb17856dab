import numpy as np
import pytest
from scipy.stats import false_discovery_control

from healthygan_monai.evaluation.conformal import (
    benjamini_hochberg,
    p_values,
    promised_threshold,
    realised_bound,
    smallest_list,
    smallest_rate,
    subjects_needed,
    wilson,
)


def singles(scores) -> list:
    """One image a subject."""
    return [[score] for score in scores]


def false_alarm_rates(known_sets, tests, rate) -> np.ndarray:
    """Share of healthy test scores that are called, one number for each draw of the known."""
    cuts = [promised_threshold(known, rate) for known in known_sets]
    return np.array([np.mean(test >= cut) for cut, test in zip(cuts, tests, strict=True)])


def test_p_values_by_hand():
    known = singles([1.0, 2.0, 2.0, 4.0])
    assert p_values(known, [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]).tolist() == [0.2, 0.4, 0.4, 0.8, 1, 1]
    assert p_values([], [3.0]).tolist() == [1.0]


def test_each_subject_has_one_vote():
    known = [[1.0, 2.0, 3.0], [2.0]]  # votes from 2 on: 2/3 + 1
    assert p_values(known, [0.0, 2.0, 2.5, 3.5]) == pytest.approx([1, 8 / 9, 4 / 9, 1 / 3])
    copied = [[2.0] * 7 if group == [2.0] else group for group in known]
    assert p_values(copied, [2.0]) == pytest.approx(p_values(known, [2.0]))


@pytest.mark.parametrize("rate", [0.05, 0.07, 0.1, 0.29, 0.5, 0.95])
@pytest.mark.parametrize("n", [19, 20, 40, 99])
def test_threshold_and_p_values_call_the_same_and_no_lower_threshold_does(n, rate):
    rng = np.random.default_rng(n)
    known = [np.round(rng.normal(size=rng.integers(1, 4)), 1) for _ in range(n)]  # with ties
    cut = promised_threshold(known, rate)
    scores = np.append(np.concatenate(known), rng.normal(size=200))
    assert ((scores >= cut) == (p_values(known, scores) <= rate)).all()
    assert p_values(known, [np.nextafter(cut, -np.inf)])[0] > rate


def test_ties_with_the_threshold_are_not_called():
    known = singles([0.5] * 19)
    assert promised_threshold(known, 0.05) == np.nextafter(0.5, 1)
    assert p_values(known, [0.5])[0] == 1.0


def test_too_few_subjects_promise_nothing():
    assert promised_threshold(singles(range(18)), 0.05) is None
    assert promised_threshold(singles(range(19)), 0.05) == np.nextafter(18.0, np.inf)
    assert promised_threshold([], 0.5) is None
    assert [subjects_needed(rate) for rate in (0.05, 0.1, 0.3, 0.01)] == [19, 9, 3, 99]
    assert smallest_rate(18) == 1 / 19
    with pytest.raises(ValueError, match="18 subjects"):
        realised_bound(18, 0.05, 0.9)


@pytest.mark.parametrize(("n", "rate", "expected"), [(39, 0.1, 0.1), (45, 0.1, 4 / 46)])
def test_the_promise_holds_on_exchangeable_scores_and_is_not_wasteful(n, rate, expected):
    """The mean rate is floor(rate (n + 1)) / (n + 1) exactly, whatever the distribution."""
    rng = np.random.default_rng(0)
    draws = rng.lognormal(size=(4000, n))
    rates = false_alarm_rates(map(singles, draws), rng.lognormal(size=(4000, 50)), rate)
    error = rates.std() / np.sqrt(len(rates))
    assert abs(rates.mean() - expected) < 3.5 * error < 0.005


def heads(rng, n) -> list[np.ndarray]:
    """Healthy subjects; those with many slices have lower scores, which are alike in a subject."""
    sizes = rng.choice([1, 20], size=n)
    return [rng.normal(-1.5 * (size > 1), 0.3, size) + rng.normal(0, 0.5) for size in sizes]


def test_the_promise_holds_for_an_image_of_a_new_subject_where_pooled_images_break_it():
    rng = np.random.default_rng(1)
    kept, pooled = [], []
    for _ in range(2500):
        *known, new = heads(rng, 40)
        image = rng.choice(new)
        kept.append(image >= promised_threshold(known, 0.1))
        pooled.append(image >= promised_threshold(singles(np.concatenate(known)), 0.1))
    error = np.sqrt(0.1 * 0.9 / len(kept))
    assert 0.06 < np.mean(kept) < 0.1 + 3 * error
    assert np.mean(pooled) > 0.1 + 10 * error


def test_nine_in_ten_thresholds_keep_below_the_bound():
    rng = np.random.default_rng(2)
    bound = realised_bound(40, 0.1, 0.9)
    rates = [1 - promised_threshold(singles(known), 0.1) for known in rng.random((4000, 40))]
    assert np.mean(np.array(rates) <= bound) == pytest.approx(0.9, abs=0.015)
    assert bound == pytest.approx(0.159, abs=0.001)  # Beta(4, 37)


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.4])
def test_list_equals_scipys_and_the_definition(rate):
    for seed in range(50):
        p = np.round(np.random.default_rng(seed).beta(0.5, 3, size=1 + seed), 2)
        listed = benjamini_hochberg(p, rate)
        assert (listed == (false_discovery_control(p) <= rate + 1e-12)).all()
        ranks = [k for k in range(1, len(p) + 1) if np.sort(p)[k - 1] <= rate * k / len(p)]
        assert listed.sum() >= max(ranks, default=0)
        assert (p[listed] <= rate * max(ranks, default=0) / len(p)).all()


def test_the_list_holds_as_few_healthy_as_it_says():
    rng = np.random.default_rng(3)
    shares, found = [], []
    for _ in range(1500):
        known, healthy, diseased = rng.normal(size=199), rng.normal(size=40), rng.normal(3, 1, 10)
        p = p_values(singles(known), [*healthy, *diseased])
        listed = benjamini_hochberg(p, 0.2)
        shares.append(listed[:40].sum() / max(listed.sum(), 1))
        found.append(listed[40:].mean())
    error = np.std(shares) / np.sqrt(len(shares))
    assert 0.1 < np.mean(shares) < 0.2 * 40 / 50 + 3 * error  # at most the share of healthy x 0.2
    assert np.mean(found) > 0.5


def test_a_short_list_needs_many_known_subjects():
    assert smallest_list(subjects=39, tested=40, rate=0.1) == 10
    assert smallest_list(subjects=399, tested=40, rate=0.1) == 1
    for known, entries in ((39, 9), (39, 10)):
        p = np.append(np.full(entries, smallest_rate(known)), np.ones(40 - entries))
        assert benjamini_hochberg(p, 0.1).sum() == (entries if entries >= 10 else 0)
    assert benjamini_hochberg([], 0.1).tolist() == []


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
def test_a_p_value_that_is_rate_times_k_by_m_is_on_the_list(rate):
    for tested in range(1, 200):
        assert benjamini_hochberg([rate] * tested, rate).all()
        assert not benjamini_hochberg([rate * (1 + 1e-9)] * tested, rate).any()


def test_wilson_interval_by_hand():
    assert wilson(0.5, 10, 0.95) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(1.0, 10, 0.95) == pytest.approx((1 - 0.2775, 1.0), abs=1e-4)
