"""PaDiM: Eq. 1 and Eq. 2 against direct computation, and memory that images do not fill."""

import numpy as np
import pytest
import torch
from tiny_detectors import generator, noisy
from torch.testing import assert_close

from healthygan_monai.baselines.frozen.base import heat_map
from healthygan_monai.baselines.frozen.gaussian import RunningGaussian
from healthygan_monai.baselines.frozen.padim import Padim

IMAGES = noisy(20, 1, 32, 32)


@pytest.fixture(scope="module")
def padim(backbone) -> Padim:
    detector = Padim(backbone, channels=12)
    detector.fit(lambda: IMAGES.split(7), seed=4)
    return detector


def direct_embedding(backbone, images: torch.Tensor, index: torch.Tensor) -> np.ndarray:
    """(N, d, h, w): each coarser cell repeated over the positions of layer1 that it covers."""
    first, second, third = (level.numpy() for level in backbone(images))
    second = second.repeat(2, 2).repeat(2, 3)
    third = third.repeat(4, 2).repeat(4, 3)
    return np.concatenate([first, second, third], 1)[:, index.numpy()]


def test_eq1_and_eq2_against_a_direct_covariance_at_every_position(padim, backbone):
    healthy = direct_embedding(backbone, IMAGES, padim.index).astype(np.float64)
    tested = noisy(3, 1, 32, 32, seed=9)
    found = padim.distances(tested)[:, 0].numpy()
    vectors = direct_embedding(backbone, tested, padim.index)
    for row in range(8):
        for column in range(8):
            x = healthy[:, :, row, column]
            inverse = np.linalg.inv(np.cov(x, rowvar=False) + 0.01 * np.eye(12))
            away = vectors[:, :, row, column] - x.mean(0)
            expected = np.sqrt(np.einsum("bi,ij,bj->b", away, inverse, away))
            np.testing.assert_allclose(found[:, row, column], expected, rtol=1e-3)


def test_the_score_is_the_maximum_of_the_smoothed_map(padim):
    distances = padim.distances(IMAGES)
    assert_close(padim.anomaly_map(IMAGES), heat_map(distances, (32, 32), 4.0))
    assert_close(padim.score(IMAGES), padim.anomaly_map(IMAGES).amax((1, 2, 3)))


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_running_covariances_are_those_of_all_vectors_at_once(batch):
    x = torch.randn(50, 2, 6, generator=generator()) * torch.tensor([1, 2, 3, 4, 5, 6.0]) + 1000
    gaussian = RunningGaussian()
    for part in x.split(batch):
        gaussian.update(part)
    mean, whitening = gaussian.finish(0.01)
    assert_close(mean, x.mean(0), rtol=1e-6, atol=1e-3)
    for position in range(2):
        inverse = (whitening[position].T @ whitening[position]).double().inverse().numpy()
        expected = np.cov(x[:, position].double().numpy(), rowvar=False) + 0.01 * np.eye(6)
        np.testing.assert_allclose(inverse, expected, rtol=1e-3, atol=1e-3)


def test_what_is_kept_while_fitting_does_not_grow_with_the_number_of_images():
    def kept(count: int) -> int:
        gaussian = RunningGaussian()
        for _ in range(count):
            gaussian.update(torch.randn(4, 3, 5))
        tensors = [v for v in vars(gaussian).values() if isinstance(v, torch.Tensor)]
        assert not [v for v in vars(gaussian).values() if isinstance(v, (list, dict))]
        return sum(t.numel() for t in tensors)

    assert kept(1) == kept(100) == 3 * (5 + 5 + 25)


def test_published_numbers_of_channels_are_the_defaults():
    assert Padim("resnet18", "random").channels == 100
    assert Padim("wide_resnet50_2", "random").channels == 550
    assert Padim("resnet18", "random").ridge == 0.01


def test_the_seed_draws_the_channels(backbone):
    drawn = []
    for seed in (0, 1):
        detector = Padim(backbone, channels=12)
        detector.fit(lambda: [IMAGES], seed=seed)
        assert len(set(detector.index.tolist())) == 12
        drawn.append(detector.index.tolist())
    assert drawn[0] != drawn[1]


def test_the_grid_follows_the_images_size(backbone):
    detector = Padim(backbone, channels=4)
    tall = noisy(4, 1, 64, 40)
    detector.fit(lambda: [tall])
    assert detector.mean.shape == (16 * 10, 4) and detector.whitening.shape == (160, 4, 4)
    assert detector.anomaly_map(tall).shape == (4, 1, 64, 40)


def test_channels_may_all_be_drawn_from_one_layer(backbone):
    detector = Padim(backbone, channels=1)
    for seed in range(4):
        detector.fit(lambda: [IMAGES], seed=seed)
        assert detector.mean.shape == (64, 1)


def test_one_image_has_no_covariance(backbone):
    with pytest.raises(ValueError, match="at least 2"):
        Padim(backbone, channels=4).fit(lambda: [IMAGES[:1]])


def test_settings_that_cannot_be_meant_are_refused(backbone):
    with pytest.raises(ValueError, match="1 to 448"):
        Padim(backbone, channels=449)
    with pytest.raises(ValueError, match="no inverse"):
        Padim(backbone, ridge=0.0)


def test_smoothing_is_scipys_gaussian_filter_with_mirrored_borders():
    from scipy.ndimage import gaussian_filter

    patches = torch.rand(1, 1, 10, 10, generator=generator())
    plain = heat_map(patches, (40, 40), sigma=0)
    expected = gaussian_filter(plain[0, 0].numpy(), 4.0, mode="mirror", truncate=4.0)
    np.testing.assert_allclose(heat_map(patches, (40, 40))[0, 0].numpy(), expected, rtol=1e-4)
    assert_close(heat_map(torch.ones(1, 1, 4, 4), (40, 40)), torch.ones(1, 1, 40, 40))
