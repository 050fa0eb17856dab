import numpy as np
import pytest

from healthygan_monai.evaluation.overlap import aupro, region_weights


def test_pixels_that_touch_at_a_corner_are_one_region():
    lesion = np.zeros((4, 5), dtype=bool)
    lesion[0, 0] = lesion[1, 1] = True
    lesion[3, 2:5] = True
    weights, count = region_weights(lesion)
    assert count == 2
    assert weights[0, 0] == weights[1, 1] == 1 / 2
    np.testing.assert_allclose(weights[3], [0, 0, 1 / 3, 1 / 3, 1 / 3])
    assert weights.sum() == pytest.approx(2) and (weights[~lesion] == 0).all()


def test_an_empty_mask_has_no_region():
    weights, count = region_weights(np.zeros((3, 3)))
    assert count == 0 and not weights.any()


def test_area_by_hand():
    # (0, 0) -> (0, 0.5) -> (0.2, 0.5) -> (0.4, 1) -> (1, 1): up to 0.3 it is at 0.75
    overlap, false = [0.5, 0.5, 1.0, 1.0], [0.0, 0.2, 0.4, 1.0]
    area = 0.2 * 0.5 + 0.1 * (0.5 + 0.75) / 2
    assert aupro(overlap, false) == pytest.approx(area / 0.3)
    assert aupro(overlap, false, 0.2) == pytest.approx(0.5)
    assert aupro(overlap, false, 1.0) == pytest.approx(0.1 + 0.2 * 0.75 + 0.6)


def test_perfect_and_blind_maps():
    assert aupro([1.0, 1.0], [0.0, 1.0]) == pytest.approx(1)
    assert aupro([1.0], [1.0]) == pytest.approx(0.15)  # one grey: the diagonal
    assert aupro([0.0, 1.0], [1.0, 1.0]) == 0
