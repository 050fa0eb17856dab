import numpy as np
import pytest

from healthygan_monai.evaluation.metrics import (
    Confusion,
    average_precision,
    confusion,
    ranking_metrics,
    roc_auc,
)


def test_auc_counts_pairs_and_half_of_ties():
    # pairs diseased > healthy: (.8,.1) (.8,.4) (.4,.1) win, (.4,.4) ties -> 3.5 of 4
    assert roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8]) == 3.5 / 4


def test_auc_of_a_reversed_score_is_not_flipped():
    assert roc_auc([0, 0, 1, 1], [4.0, 3.0, 2.0, 1.0]) == 0.0


def test_average_precision_by_hand():
    # diseased at ranks 1 and 3: 1/2 * 1/1 + 1/2 * 2/3
    assert average_precision([1, 0, 1, 0], [4.0, 3.0, 2.0, 1.0]) == pytest.approx(5 / 6)


def test_confusion_calls_a_score_on_the_threshold_anomalous():
    assert confusion([1, 0, 1, 0], [0.5, 0.5, 0.4, 0.1], 0.5) == Confusion(tp=1, fp=1, fn=1, tn=1)


def test_metrics_of_counts_by_hand():
    metrics = Confusion(tp=6, fp=2, fn=4, tn=8).metrics()
    assert metrics == {
        "sensitivity": 0.6,
        "recall": 0.6,
        "specificity": 0.8,
        "precision": 0.75,
        "f1": pytest.approx(2 / (1 / 0.75 + 1 / 0.6)),
        "accuracy": 0.7,
    }


def test_precision_of_no_calls_is_undefined_not_zero():
    assert Confusion(tp=0, fp=0, fn=3, tn=5).metrics()["precision"] is None


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], [0, 1, 2]])
def test_labels_that_cannot_be_ranked_are_refused(labels):
    with pytest.raises(ValueError, match="both present"):
        roc_auc(labels, np.arange(len(labels)))


def test_the_fast_ranking_equals_sklearn_with_and_without_ties():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.repeat([0, 1], [rng.integers(1, 20), rng.integers(1, 20)]))
        scores = np.round(rng.normal(labels, 1.0), seed % 3)
        assert ranking_metrics(labels, scores) == pytest.approx(
            {"auc": roc_auc(labels, scores), "average_precision": average_precision(labels, scores)}
        )
