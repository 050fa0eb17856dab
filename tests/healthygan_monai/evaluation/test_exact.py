"""Intervals where a bootstrap has no width: by hand, and their coverage by simulation."""

from dataclasses import replace

import numpy as np
import pytest

from healthygan_monai.benchmark.compare import against, auc_over_seeds
from healthygan_monai.evaluation.evaluate import Options, evaluate_rows
from healthygan_monai.evaluation.exact import (
    clopper_pearson,
    exact_auc,
    exact_metric,
    exact_share,
    interval_of_share,
)
from healthygan_monai.evaluation.localisation import Localisation, summarise, summarise_boxes
from healthygan_monai.evaluation.metrics import confusion
from healthygan_monai.evaluation.pointing import BoxHit
from healthygan_monai.report.summary import metric_table
from healthygan_monai.scoring import ScoreRow

TAIL = 0.025


def rows_of(section: str, scores: dict[int, list[float]], images: int = 1) -> list[ScoreRow]:
    """One subject a score, with so many images of it."""
    return [
        ScoreRow(section, f"{section}{label}{k}/{i}", f"{section}{label}{k}", value, label=label)
        for label, values in scores.items()
        for k, value in enumerate(values)
        for i in range(images)
    ]


def perfect(subjects: int = 15, images: int = 1) -> list[ScoreRow]:
    scores = {label: [label + k / 100 for k in range(subjects)] for label in (0, 1)}
    return [r for s in ("validation", "test") for r in rows_of(s, scores, images)]


def level_of(rows: list[ScoreRow], unit: str = "image", **options) -> dict:
    return evaluate_rows(rows, options=Options(bootstrap=50, **options))["levels"][unit]


def test_clopper_pearson_by_hand_at_the_edges():
    for n in (1, 10, 200):
        assert clopper_pearson(n, n) == pytest.approx((TAIL ** (1 / n), 1.0))
        assert clopper_pearson(0, n) == pytest.approx((0.0, 1 - TAIL ** (1 / n)))


def test_a_share_between_keeps_wilsons_interval():
    assert interval_of_share(0.5, 10, 0.95) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert interval_of_share(0.0, 10, 0.95) == pytest.approx((0.0, 1 - TAIL**0.1))
    assert exact_share(0.3, 10, 0.95) is None and exact_share(None, 10, 0.95) is None


@pytest.mark.parametrize("images", [1, 4])
def test_a_perfect_ranking_has_an_interval_by_subjects(images):
    auc = level_of(perfect(images=images))["auc"]
    assert auc["value"] == 1.0
    assert (auc["low"], auc["high"]) == pytest.approx((TAIL ** (1 / 15), 1.0))
    turned = [replace(r, score=-r.score) for r in perfect(images=images)]
    auc = level_of(turned)["auc"]
    assert (auc["value"], auc["low"]) == (0.0, 0.0)
    assert auc["high"] == pytest.approx(1 - TAIL ** (1 / 15))


def test_its_pairs_are_as_many_as_disjoint_subjects_allow():
    labels, few = [1, 1, 1, 0, 0], list("abcde")
    assert exact_auc(1.0, labels, few, 0.95)[0] == pytest.approx(TAIL ** (1 / 2))
    both = ["a", "b", "b", "b", "c"]  # b has images of both kinds: {a, b} and {b, c} give one pair
    assert exact_auc(1.0, labels, both, 0.95)[0] == pytest.approx(TAIL)
    assert exact_auc(0.9, labels, few, 0.95) is None


def test_it_covers_the_true_auc_where_the_bootstrap_does_not():
    """Normal scores of a true AUC of 0.90; 8 subjects a class are often ranked perfectly."""
    rng, shift = np.random.default_rng(0), 1.2816 * np.sqrt(2)
    labels, subjects = np.repeat([0, 1], 8), np.arange(16)
    bounds = []
    for _ in range(400):
        scores = rng.normal(labels * shift, 1.0)
        if scores[labels == 1].min() > scores[labels == 0].max():
            bounds.append(exact_auc(1.0, labels, subjects, 0.95))
    assert len(bounds) > 20  # the percentile interval of each is 1 to 1, which lacks 0.90
    assert all(low <= 0.90 <= high for low, high in bounds)


class TestMetricsOfAThreshold:
    def test_at_the_edge_are_exact_by_the_subjects_of_their_denominator(self):
        level = level_of(perfect(images=3))
        cut = level["thresholds"]["validation"]
        for name, subjects in (("sensitivity", 15), ("specificity", 15), ("accuracy", 30)):
            assert cut[name]["value"] == 1.0
            assert cut[name]["low"] == pytest.approx(TAIL ** (1 / subjects)), name
        j = TAIL ** (1 / 15)
        assert cut["f1"]["low"] == pytest.approx(2 * j / (1 + j))
        assert "validation/sensitivity" in level["bootstrap"]["exact"]

    def test_between_are_the_bootstraps(self):
        rows = perfect()
        rows[-1] = replace(rows[-1], score=-1.0)
        level = level_of(rows)
        assert "validation/sensitivity" not in level["bootstrap"]["exact"]
        found = level["thresholds"]["validation"]["sensitivity"]
        assert found["low"] < found["value"] < 1

    @pytest.mark.parametrize("name", ["sensitivity", "specificity", "precision", "accuracy", "f1"])
    def test_of_nothing_right_are_exact_too(self, name):
        labels, called = np.array([1, 1, 0, 0]), np.array([False, False, True, True])
        value = confusion(labels, called.astype(float), 0.5).metrics()[name]
        low, high = exact_metric(name, value, labels, called, np.arange(4), 0.95)
        assert value == 0 and low == 0 and 0.5 < high < 1

    def test_undefined_stay_without(self):
        rows = [replace(r, score=-9.0) if r.section == "test" else r for r in perfect()]
        cut = level_of(rows)["thresholds"]["validation"]
        assert cut["precision"] == {"value": None, "low": None, "high": None}


def test_no_interval_is_claimed_where_none_is_known():
    level = level_of(perfect())
    assert level["average_precision"] == {"value": 1.0, "low": None, "high": None}
    one_each = rows_of("test", {0: [0.1], 1: [0.4]}, 2)
    one_each[1] = replace(one_each[1], score=0.5)  # AUC 0.5 in all resamples: two subjects
    auc = level_of(one_each)["auc"]
    assert auc == {"value": 0.5, "low": None, "high": None}


def test_shares_of_hits_and_means_within_0_and_1_are_exact():
    hit = Localisation(1.0, 0.7, 0.6, True, 3.0, 0.1, None)
    found = summarise([hit] * 6, list("abcdef"), resamples=20)["intervals"]
    for name in ("pointing_hit", "pixel_auroc"):
        assert found[name] == pytest.approx({"low": TAIL ** (1 / 6), "high": 1.0})
    for name in ("pixel_ap", "inside_outside_ratio", "quantile_dice"):
        assert found[name] == {"low": None, "high": None}
    boxes = summarise_boxes([BoxHit(False, 0.1)] * 6, list("aabbcc"), resamples=20)["intervals"]
    assert boxes["box_hit"] == pytest.approx({"low": 0.0, "high": 1 - TAIL ** (1 / 3)})


def test_a_benchmark_of_perfect_methods_claims_no_certainty():
    def scored(move: float) -> list[ScoreRow]:
        return [replace(r, score=r.score + move * (r.label or 0)) for r in perfect()]

    found = auc_over_seeds({0: scored(0.0), 1: scored(2.0)}, "image", 20)
    assert (found.mean, found.low) == (1.0, pytest.approx(TAIL ** (1 / 15)))
    pair = against({0: scored(0.0)}, {0: scored(2.0)}, "image", 20)
    width = 1 - (TAIL / 2) ** (1 / 15)
    assert (pair.low, pair.high) == pytest.approx((-width, width))
    same = against({0: scored(0.0)}, {0: scored(0.0)}, "image", 20)
    assert (same.low, same.high) == (0.0, 0.0)


def test_thresholds_are_shown_with_their_digits():
    """The shown number, typed in, calls the same images."""
    rows = perfect()
    result = evaluate_rows(rows, options=Options(bootstrap=20))
    for block in metric_table(result):
        cuts = result["levels"][block["unit"]]["thresholds"]
        for shown, cut in zip(block["cuts"], cuts.values(), strict=True):
            if cut:
                assert float(shown["value"].removeprefix("score ≥ ")) == cut["threshold"]
