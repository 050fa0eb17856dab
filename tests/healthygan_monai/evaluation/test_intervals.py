import numpy as np
import pytest

from healthygan_monai.evaluation.intervals import bootstrap, intervals_by_subject
from healthygan_monai.evaluation.metrics import confusion, roc_auc


def auc(labels, scores) -> dict[str, float | None]:
    return {"auc": roc_auc(labels, scores)}


def cohort(n: int = 40, seed: int = 0):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n // 2)
    return labels, rng.normal(labels, 1.0), np.array([f"s{i}" for i in range(n)])


def width(*args, **kwargs) -> float:
    low, high = bootstrap(auc, *args, **kwargs).intervals["auc"]
    return high - low


def test_duplicated_images_of_a_subject_do_not_narrow_the_interval():
    labels, scores, subjects = cohort()
    once = bootstrap(auc, labels, scores, subjects, resamples=300)
    thrice = bootstrap(auc, *(np.repeat(x, 3) for x in (labels, scores, subjects)), resamples=300)
    assert thrice.intervals["auc"] == pytest.approx(once.intervals["auc"])
    # the control: counted as separate subjects, the same copies would narrow it
    copies = np.arange(3 * len(labels)).astype(str)
    assert width(np.repeat(labels, 3), np.repeat(scores, 3), copies, resamples=300) < 0.75 * width(
        labels, scores, subjects, resamples=300
    )


def test_order_of_rows_inside_a_subject_is_irrelevant():
    labels, scores, subjects = (np.repeat(x, 2) for x in cohort())
    scores = scores + np.random.default_rng(1).normal(0, 0.5, len(scores))
    order = np.lexsort((np.random.default_rng(2).random(len(scores)), subjects))
    a = bootstrap(auc, labels, scores, subjects, resamples=100)
    b = bootstrap(auc, labels[order], scores[order], subjects[order], resamples=100)
    assert a.intervals["auc"] == pytest.approx(b.intervals["auc"])


def test_resamples_hold_all_rows_of_each_subject_drawn():
    twice = np.random.default_rng(4).permutation(80) // 2
    labels, scores, subjects = (x[twice] for x in cohort())
    draws = np.random.default_rng(7)
    seen = []

    def note(truth, drawn):
        names = np.unique(subjects)[draws.choice(40, size=40)]
        expected = [pair for name in names for pair in rows[name]]
        assert sorted(zip(truth, drawn, strict=True)) == sorted(expected)
        seen.append(drawn)
        return {}

    pairs = zip(labels, scores, strict=True)
    rows = {name: [] for name in subjects}
    for name, pair in zip(subjects, pairs, strict=True):
        rows[name].append(pair)
    bootstrap(note, labels, scores, subjects, resamples=20, seed=7)
    assert len(seen) == 20


def test_resamples_are_sorted_so_that_ranking_them_is_cheap():
    seen = []
    bootstrap(lambda _, drawn: seen.append(drawn) or {}, *cohort(), resamples=5)
    assert len(seen) == 5 and all((np.diff(drawn) <= 0).all() for drawn in seen)


def test_mean_interval_agrees_with_the_normal_formula():
    values = np.random.default_rng(3).normal(0, 1, 400)
    labels = np.arange(400) % 2
    found = bootstrap(
        lambda _, drawn: {"mean": float(drawn.mean())},
        *(labels, values, np.arange(400)),
        resamples=2000,
    )
    low, high = found.intervals["mean"]
    expected = 2 * 1.96 * values.std() / np.sqrt(400)
    assert high - low == pytest.approx(expected, rel=0.08)
    assert low < values.mean() < high


def test_degenerate_resamples_are_redrawn_and_counted():
    labels, scores = np.array([1, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3])
    spread = bootstrap(auc, labels, scores, np.arange(4), resamples=500)
    # P(the one diseased subject is missed, or nothing but it is drawn) = (3/4)^4 + (1/4)^4
    chance = (3 / 4) ** 4 + (1 / 4) ** 4
    assert spread.redrawn / (500 + spread.redrawn) == pytest.approx(chance, abs=0.06)


def test_undefined_values_are_left_out_and_counted():
    labels, scores = np.array([1, 0, 0, 1]), np.array([0.9, 0.1, 0.2, 0.3])

    def precision(drawn, values):
        return {"precision": confusion(drawn, values, 0.5).metrics()["precision"]}

    spread = bootstrap(precision, labels, scores, np.arange(4), resamples=200)
    assert 0 < spread.undefined["precision"] < 200
    assert spread.intervals["precision"] == (1.0, 1.0)


def test_same_seed_same_interval():
    data = cohort()
    first, again = (bootstrap(auc, *data, resamples=50, seed=7) for _ in range(2))
    assert first == again
    assert bootstrap(auc, *data, resamples=50, seed=8) != first


def test_a_single_class_is_refused_rather_than_looped_over():
    with pytest.raises(ValueError, match="one class only"):
        bootstrap(auc, [1, 1], [0.1, 0.2], ["a", "b"], resamples=10)


def test_one_class_is_enough_where_a_statistic_needs_no_more():
    found = intervals_by_subject(
        lambda rows: {"mean": float(rows.mean())}, np.ones(9), resamples=200, seed=0
    )
    low, high = found["mean"]
    assert 0 < low < 4 < high < 8


def test_a_single_subject_has_no_interval():
    assert intervals_by_subject(lambda _: {"x": 1.0}, [1], resamples=9, seed=0) == {"x": None}
