import numpy as np
import pytest

from healthygan_monai.evaluation.localisation import (
    best_dice,
    localise,
    pointing_game,
    summarise,
    summarise_boxes,
)
from healthygan_monai.evaluation.pointing import BoxHit


def disc(centre=(20, 40), radius=6, size=64) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def test_a_map_equal_to_the_lesion_is_perfect():
    lesion = disc()
    found = localise(lesion.astype(float), lesion)
    assert (found.pixel_auroc, found.pixel_ap, found.best_dice) == (1.0, 1.0, 1.0)
    assert found.pointing_hit and found.inside_outside_ratio is None
    assert found.lesion_share == lesion.mean()


def test_a_map_elsewhere_misses():
    found = localise(disc(centre=(50, 10)).astype(float), disc())
    assert not found.pointing_hit and found.pixel_auroc < 0.5
    assert found.inside_outside_ratio == 0


def test_best_dice_equals_brute_force_with_ties():
    rng = np.random.default_rng(0)
    for _ in range(20):
        lesion = rng.random((6, 6)) < 0.4
        values = np.round(lesion * 0.3 + rng.random((6, 6)), 1)
        dice = {
            v: 2 * np.sum(lesion & (values >= v)) / (np.sum(values >= v) + lesion.sum())
            for v in np.unique(values)
        }
        assert best_dice(values, lesion) == pytest.approx(
            (max(dice.values()), max(dice, key=dice.get))
        )


def test_one_hot_pixel_outside_does_not_beat_a_warm_lesion():
    lesion = disc(radius=10)
    values = 0.5 * lesion
    values[60, 5] = 1.0
    assert pointing_game(values, lesion)
    assert not pointing_game(values, lesion, smoothing=0.001)


def test_a_flat_map_points_nowhere():
    assert not pointing_game(np.ones((64, 64)), disc(centre=(0, 0)))


@pytest.mark.parametrize("lesion", [np.zeros((64, 64)), np.ones((64, 64)), np.ones((32, 32))])
def test_masks_that_cannot_be_judged_are_refused(lesion):
    with pytest.raises(ValueError, match="mask"):
        localise(np.zeros((64, 64)), lesion)


def test_ratio_is_inside_mean_over_outside_mean():
    lesion = disc()
    assert localise(0.1 + 0.2 * lesion, lesion).inside_outside_ratio == pytest.approx(3.0)


def test_summary_weighs_subjects_not_slices():
    hit, miss = localise(disc().astype(float), disc()), localise(1.0 - disc(), disc())
    summary = summarise([hit, miss, miss, miss], ["a", "b", "b", "b"])
    assert summary["pointing_hit"] == 0.5
    assert (summary["images"], summary["subjects"]) == (4, 2)
    assert summary["best_dice_note"].startswith("optimistic")


def test_dice_at_a_given_threshold_by_hand():
    lesion = np.zeros((4, 4), dtype=bool)
    lesion[0] = True
    values = np.zeros((4, 4))
    values[0, :3] = values[1, 0] = 0.5  # 3 of 4 found, 1 false: 2 * 3 / (4 + 4)
    assert localise(values, lesion, 0.5).quantile_dice == 0.75
    assert localise(values, lesion).quantile_dice is None


def test_intervals_are_of_the_average_over_subjects():
    hit, miss = localise(disc().astype(float), disc()), localise(1.0 - disc(), disc())
    summary = summarise([hit, miss] * 20, [f"s{i}" for i in range(40)], resamples=300)
    interval = summary["intervals"]["pointing_hit"]
    assert interval["low"] < summary["pointing_hit"] == 0.5 < interval["high"]
    half = 1.96 * np.sqrt(0.25 / 40)
    assert interval["high"] - interval["low"] == pytest.approx(2 * half, rel=0.2)
    # a measure that no image has, and a single subject
    assert summary["quantile_dice"] is None
    assert summary["intervals"]["quantile_dice"] == {"low": None, "high": None}
    alone = summarise([hit], ["a"])
    assert alone["intervals"]["pixel_ap"] == {"low": None, "high": None}


def test_boxes_are_averaged_over_subjects_too():
    hits = [BoxHit(True, 0.1), BoxHit(False, 0.3), BoxHit(False, 0.3)]
    found = summarise_boxes(hits, ["a", "b", "b"], resamples=50)
    assert (found["images"], found["subjects"], found["box_hit"]) == (3, 2, 0.5)
    assert found["box_share"] == pytest.approx(0.2)
    assert summarise_boxes([], []) is None
