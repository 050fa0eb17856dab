import numpy as np
import pytest

from healthygan_monai.evaluation import confounders
from healthygan_monai.evaluation.confounders import probe_aucs


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(confounders, "TREES", 20)


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (n, 48, 48)).astype(np.float32)


def cohort(n: int = 40):
    """n images, two a subject, labels by subject."""
    labels = np.repeat(np.arange(n // 2) % 2, 2)
    return noise(n, seed=1), labels, np.repeat([f"s{i}" for i in range(n // 2)], 2)


def by_name(entries) -> dict:
    return {entry["name"]: entry for entry in entries}


def probe(images, labels, subjects, **kwargs) -> dict:
    return by_name(probe_aucs(noise(12), images, labels, subjects, **{"resamples": 50} | kwargs))


def test_a_frame_that_betrays_the_class_is_found_by_the_border_probe():
    images, labels, subjects = cohort()
    images[labels == 1, :2] = 0.0
    found = probe(images, labels, subjects)
    assert found["border only"]["auc"] > 0.95
    assert found["border only"]["supervised"] and not found["PCA reconstruction"]["supervised"]
    assert (
        found["border only"]["low"] <= found["border only"]["auc"] <= found["border only"]["high"]
    )


def test_darker_diseased_images_give_an_unflipped_auc_near_zero():
    images, labels, subjects = cohort()
    images[labels == 1] -= 0.15
    found = probe(images, labels, subjects)
    assert found["mean intensity"]["auc"] < 0.05
    assert found["grey histogram"]["auc"] > 0.95
    assert found["distance to the mean healthy image"]["auc"] > 0.9


def test_one_class_pca_finds_structure_foreign_to_the_healthy():
    rng = np.random.default_rng(0)
    base = np.add.outer(np.linspace(0, 1, 48), np.linspace(0, 1, 48)) / 2
    healthy = [base * s + 0.01 * rng.normal(size=base.shape) for s in rng.uniform(0.5, 1, 30)]
    labels = np.arange(20) % 2
    images = [
        base * 0.8 + 0.01 * rng.normal(size=base.shape) + label * 0.1 * np.sin(np.arange(48))
        for label in labels
    ]
    found = by_name(probe_aucs(healthy, images, labels, np.arange(20), resamples=20))
    assert found["PCA reconstruction"]["auc"] == 1.0


def test_cross_validation_is_by_subject():
    """Each subject's images are alike but labels are random: memory of a subject must not help."""
    rng = np.random.default_rng(5)
    subjects = np.repeat(np.arange(30), 6)
    labels = np.repeat(rng.permutation(np.arange(30) % 2), 6)
    signatures = rng.uniform(0.2, 0.8, (30, 48, 48))
    images = signatures[subjects] + 0.01 * rng.normal(size=(180, 48, 48))
    found = probe(images, labels, subjects)
    assert found["thumbnail"]["auc"] < 0.8
    leaking = probe(images, labels, np.arange(180))  # the control: subjects taken apart
    assert leaking["thumbnail"]["auc"] > 0.9


def test_too_few_subjects_is_a_reason_not_a_number():
    images, labels, _ = cohort(8)
    found = probe(images, labels, np.array(["healthy", "diseased"])[labels])
    assert found["thumbnail"]["auc"] is None and "two subjects" in found["thumbnail"]["reason"]
    assert found["mean intensity"]["auc"] is not None


def test_colour_channels_and_constant_shift_of_the_range_do_not_matter():
    images, labels, subjects = cohort(16)
    grey = probe(images, labels, subjects, seed=3)
    rgb = probe(np.repeat(images[:, None], 3, axis=1), labels, subjects, seed=3)
    assert [e["auc"] for e in grey.values()] == pytest.approx([e["auc"] for e in rgb.values()])


def test_lengths_and_classes_are_checked():
    images, labels, subjects = cohort(8)
    with pytest.raises(ValueError, match="one length"):
        probe_aucs(noise(4), images, labels[:-1], subjects)
    with pytest.raises(ValueError, match="both present"):
        probe_aucs(noise(4), images, np.zeros(8), subjects)
