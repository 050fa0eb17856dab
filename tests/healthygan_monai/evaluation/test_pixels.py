import numpy as np
import pytest

from healthygan_monai.evaluation.pixels import (
    BINS,
    bins_of,
    lowest_value,
    merge,
    quantile_value,
    tally,
)

VALUES = np.array([-3e38, -2.0, -1e-30, -0.0, 0.0, 1e-40, 1e-9, 0.1, 0.5, 1.0, 7e4, 3e38])


def test_bins_keep_the_order_of_values_of_any_scale():
    bins = bins_of(VALUES)
    assert bins[3] == bins[4] and bins.min() >= 0 and bins.max() < BINS
    apart = bins[VALUES != 0]
    assert (np.diff(apart) > 0).all()


def test_values_of_one_bin_differ_by_less_than_one_in_two_thousand():
    values = np.random.default_rng(0).lognormal(0, 3, 2000).astype(np.float32)
    lowest = np.array([lowest_value(b) for b in bins_of(values)])
    assert (lowest <= values).all() and (values < lowest * (1 + 2**-11)).all()
    # the lowest value of a bin is in it, of negative values too
    for bins in (bins_of(values), bins_of(-values)):
        assert (bins_of([lowest_value(b) for b in bins]) == bins).all()


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        bins_of([0.0, np.nan])


def test_a_tally_by_hand_and_two_maps_together():
    difference = np.array([[0.5, 0.25], [0.5, 0.5]])
    lesion = np.array([[True, False], [False, True]])
    bins, counts = tally(difference, lesion, lesion / 2)
    assert [lowest_value(b) for b in bins] == [0.25, 0.5]
    # rows: lesion, healthy, overlap
    np.testing.assert_array_equal(counts, [[0, 2], [1, 1], [0, 1]])
    merged, both = merge(np.concatenate([bins, bins[1:]]), np.hstack([counts, counts[:, 1:]]))
    assert (merged == bins).all()
    np.testing.assert_array_equal(both, [[0, 4], [1, 2], [0, 2]])


def test_the_quantile_calls_no_more_than_its_share():
    values = np.random.default_rng(1).gamma(2, 0.05, 10_000).astype(np.float32)
    cut = quantile_value(np.bincount(bins_of(values), minlength=BINS), 0.99)
    exact = np.quantile(values, 0.99)
    assert exact <= cut * (1 + 1e-6) and cut == pytest.approx(exact, rel=2e-3)
    assert 0.008 < (values >= cut).mean() <= 0.01


def test_the_quantile_of_a_map_without_any_difference_calls_nothing_dark():
    cut = quantile_value(np.bincount(bins_of(np.zeros(100)), minlength=BINS), 0.99)
    assert 0 < cut < 1e-30
