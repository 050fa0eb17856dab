"""Trivial scores against their formulas; the classifier learns mixed against healthy only."""

import pytest
import torch
from torch.testing import assert_close

from healthygan_monai.baselines.sanity import DistanceToMean, MeanIntensity, PuClassifier


@pytest.fixture
def healthy() -> torch.Tensor:
    return torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(0)) - 0.5


def fitted(detector, healthy):
    detector.fit(lambda: healthy.split(3))
    return detector


def test_mean_intensity_is_two_sided(healthy):
    detector = fitted(MeanIntensity(), healthy)
    level = healthy.mean()
    shifts = torch.tensor([-0.4, -0.1, 0.0, 0.1, 0.4])
    images = (level + shifts).view(5, 1, 1, 1).expand(5, 1, 32, 32)
    assert_close(detector.score(images), shifts.abs(), rtol=1e-4, atol=1e-6)


def test_distance_to_mean_is_the_root_mean_square_difference(healthy):
    detector = fitted(DistanceToMean(), healthy)
    image = healthy.mean(0, keepdim=True).clone()
    assert detector.score(image).item() < 1e-6
    image[0, 0, :16] += 0.5
    assert detector.score(image).item() == pytest.approx((0.5**2 / 2) ** 0.5, rel=1e-5)
    assert_close(detector.anomaly_map(image)[0, 0, :16], torch.full((16, 32), 0.5))


def test_the_classifier_tells_apart_whatever_mixed_and_healthy_differ_in(healthy):
    brighter = (healthy + 0.3).clamp(-1, 1)
    mixed = torch.cat([healthy[:4], brighter[:4]])
    detector = PuClassifier("resnet18", "random")
    detector.fit(lambda: healthy.split(3), lambda: mixed.split(3))
    assert (detector.score(brighter[4:]) > detector.score(healthy[4:])).all()
    assert detector.counts == [8, 8]


def test_the_classifier_gives_the_logit_of_scikit_learns_model(healthy):
    from sklearn.linear_model import LogisticRegression

    detector = PuClassifier("resnet18", "random", strength=0.1)
    mixed = healthy.flip(3)[:5] * 0.5
    detector.fit(lambda: [healthy], lambda: [mixed])
    x = detector._features(torch.cat([healthy, mixed])).double().numpy()
    x = (x - x.mean(0)) / (x.std(0) + 1e-6)
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=5000)
    expected = model.fit(x, [0] * 8 + [1] * 5).decision_function(x)
    found = detector.score(torch.cat([healthy, mixed])).double()
    assert_close(found, torch.from_numpy(expected), rtol=1e-2, atol=1e-2)


def test_sizes_of_the_two_sets_do_not_move_the_score_of_equal_sets(healthy):
    detector = PuClassifier("resnet18", "random")
    detector.fit(lambda: [healthy], lambda: [torch.cat([healthy] * 3)])
    assert detector.score(healthy).abs().max() < 0.05


def test_mixed_images_of_another_size_are_refused(healthy):
    with pytest.raises(ValueError, match="48"):
        PuClassifier("resnet18", "random").fit(
            lambda: [healthy], lambda: [torch.zeros(2, 1, 48, 48)]
        )
