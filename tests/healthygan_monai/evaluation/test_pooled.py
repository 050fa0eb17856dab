"""Pooled measures against scikit-learn, and against a PRO that tries every threshold."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label
from sklearn.metrics import average_precision_score, roc_auc_score

from healthygan_monai.evaluation.pixels import bins_of, lowest_value
from healthygan_monai.evaluation.pooled import MEASURES, HealthyQuantile, PooledPixels

SIDE = 24


def cohort(diseased: int = 6, healthy: int = 4, seed: int = 0, whole: bool = False):
    """Maps and masks; some maps share values. whole: values that begin a bin, so none is cut."""
    rng = np.random.default_rng(seed)
    maps, masks = [], []
    for number in range(diseased + healthy):
        mask = np.zeros((SIDE, SIDE), dtype=bool)
        if number < diseased:
            row, column = rng.integers(0, SIDE - 9, 2)
            mask[row : row + 6, column : column + 3 + number % 3] = True
            mask[row + 7, column + 8] = True
        values = rng.gamma(2, 0.05, mask.shape) + 0.12 * mask * rng.random(mask.shape)
        if whole:
            values = np.vectorize(lowest_value)(bins_of(np.round(values, 2)))
        maps.append(values.astype(np.float32))
        masks.append(mask)
    return maps, masks


def pooled(maps, masks, threshold=None, resamples=50, subjects=None):
    found = PooledPixels()
    for number, (values, mask) in enumerate(zip(maps, masks, strict=True)):
        subject = subjects[number] if subjects else f"s{number:02d}"
        found.add(values, mask, subject, threshold)
    return found.summary(resamples, 0)


def naive_aupro(maps, masks, limit=0.3) -> float:
    """One threshold after the other, one region after the other."""
    regions = []
    for number, mask in enumerate(masks):
        marked, count = label(mask, np.ones((3, 3)))
        regions += [(number, marked == k) for k in range(1, count + 1)]
    healthy = sum((~mask).sum() for mask in masks)
    points = [(0.0, 0.0)]
    for cut in np.unique(np.concatenate([m.ravel() for m in maps]))[::-1]:
        false = sum(((m >= cut) & ~mask).sum() for m, mask in zip(maps, masks, strict=True))
        shares = [(maps[n] >= cut)[region].mean() for n, region in regions]
        points.append((false / healthy, float(np.mean(shares))))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 < limit and x1 > x0:
            end = min(x1, limit)
            at_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
            area += (end - x0) * (y0 + at_end) / 2
    return area / limit


def test_smoothed_maps_are_judged_beside_the_maps_themselves():
    """As PaDiM and PatchCore do: sigma 4 of 224 to 256 pixels; a healthy image adds nothing."""
    maps, masks = cohort(8, 4, seed=3)
    found = pooled(maps, masks, threshold=0.2)
    soft = [gaussian_filter(m.astype(float), SIDE / 64, mode="nearest") for m in maps]
    alone = pooled(soft[:8], masks[:8])["diseased"]
    assert found["smoothed"] == alone != found["diseased"]
    assert found["smoothed"]["quantile_dice"]["value"] is None


@pytest.mark.parametrize("scope", ["diseased", "all"])
def test_values_are_those_of_scikit_learn_and_of_a_naive_pro(scope):
    maps, masks = cohort(whole=True)
    found = pooled(maps, masks)[scope]
    count = 6 if scope == "diseased" else 10
    truth, values = np.ravel(masks[:count]), np.ravel(maps[:count])
    assert found["pixel_auroc"]["value"] == pytest.approx(roc_auc_score(truth, values), abs=1e-12)
    precision = average_precision_score(truth, values)
    assert found["pixel_ap"]["value"] == pytest.approx(precision, abs=1e-12)
    naive = naive_aupro(maps[:count], masks[:count])
    assert found["aupro"]["value"] == pytest.approx(naive, abs=1e-12)
    assert found["lesion_share"] == pytest.approx(truth.mean())
    assert (found["images"], found["subjects"], found["regions"]) == (count, count, 12)


def test_bins_change_full_precision_values_by_little():
    maps, masks = cohort(seed=3)
    found = pooled(maps, masks)["all"]
    truth, values = np.ravel(masks), np.ravel(maps)
    assert found["pixel_auroc"]["value"] == pytest.approx(roc_auc_score(truth, values), abs=1e-4)
    precision = average_precision_score(truth, values)
    assert found["pixel_ap"]["value"] == pytest.approx(precision, abs=1e-3)
    assert found["aupro"]["value"] == pytest.approx(naive_aupro(maps, masks), abs=1e-3)


def test_a_scale_of_a_methods_own_changes_nothing():
    maps, masks = cohort(whole=True)
    one, other = pooled(maps, masks), pooled([m * 4096 for m in maps], masks)
    assert one == other


def test_dice_at_the_quantile_by_hand():
    lesion = np.zeros((4, 4), dtype=bool)
    lesion[0, :2] = True
    diseased = np.where(lesion, 0.9, 0.1)
    diseased[3, 3] = 0.8  # one false call
    healthy = np.full((4, 4), 0.1)
    healthy[0, 0] = 0.7  # another
    found = pooled([diseased, healthy], [lesion, np.zeros_like(lesion)], threshold=0.5)
    assert found["diseased"]["quantile_dice"]["value"] == pytest.approx(2 * 2 / (3 + 2))
    assert found["all"]["quantile_dice"]["value"] == pytest.approx(2 * 2 / (4 + 2))
    none = pooled([diseased], [lesion])["diseased"]["quantile_dice"]
    assert none == {"value": None, "low": None, "high": None}


def test_healthy_images_can_only_add_false_calls():
    maps, masks = cohort()
    loud = [*maps[:6], *(m + 1 for m in maps[6:])]
    found = pooled(loud, masks)
    for name in ("pixel_auroc", "pixel_ap", "aupro"):
        assert found["all"][name]["value"] < found["diseased"][name]["value"]


def test_intervals_hold_the_value_and_narrow_with_more_subjects():
    few = pooled(*cohort(10, 5, seed=1), threshold=0.2, resamples=200)
    many = pooled(*cohort(60, 30, seed=1), threshold=0.2, resamples=200)
    for scope in ("diseased", "all"):
        for name in MEASURES:
            small, large = few[scope][name], many[scope][name]
            assert small["low"] < small["value"] < small["high"]
            assert large["high"] - large["low"] < small["high"] - small["low"]


def test_images_of_one_subject_do_not_narrow_an_interval():
    maps, masks = cohort(6, 0)
    once = pooled(maps, masks)["diseased"]["pixel_auroc"]
    names = [f"s{number:02d}" for number in range(6)] * 3
    thrice = pooled(maps * 3, masks * 3, subjects=names)["diseased"]
    assert thrice["subjects"] == 6 and thrice["images"] == 18
    assert thrice["pixel_auroc"]["low"] == pytest.approx(once["low"])
    assert thrice["pixel_auroc"]["high"] == pytest.approx(once["high"])


def test_one_subject_has_no_interval_and_no_lesion_no_summary():
    maps, masks = cohort(1, 0)
    found = pooled(maps, masks)["all"]["aupro"]
    assert found["value"] is not None and found["low"] is None
    assert pooled(*cohort(0, 3)) is None


def test_the_threshold_is_that_of_the_healthy_images_seen_before_it_is_used():
    rng = np.random.default_rng(0)
    maps = [rng.random((50, 50)).astype(np.float32) for _ in range(4)]
    quantile = HealthyQuantile()
    for values in maps:
        quantile.add(values)
    assert quantile.value() == pytest.approx(np.quantile(maps, 0.99), rel=1e-3)
    quantile.add(maps[0] + 5)
    assert quantile.about() == {
        **{"quantile": 0.99, "threshold": quantile.value(), "images": 4, "reason": None},
    }
    assert quantile.value() < 1


def test_without_healthy_images_there_is_no_threshold_and_a_reason():
    about = HealthyQuantile().about()
    assert about["threshold"] is None and about["reason"] == "no healthy validation image"
