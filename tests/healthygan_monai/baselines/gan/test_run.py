"""A GAN trained from a prepared data set in a run folder, by its name."""

from __future__ import annotations

import pytest
import torch
from tiny_gans import METHODS, TINY

from healthygan_monai.baselines.gan.run import (
    gan_method,
    gan_settings,
    make_gan,
    save_gan,
    training_images,
)
from healthygan_monai.baselines.gan.trainer import GanTraining
from healthygan_monai.data import load_dataset

SIDE = 32


@pytest.fixture(scope="module")
def images(tiny_data):
    return training_images(load_dataset(tiny_data), SIDE, 1)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_from_a_data_set_to_a_model_that_loads(method, images, tmp_path):
    settings = gan_settings(
        method.name, len(images), SIDE, 1, max_iterations=3, batch_size=2, **TINY[method]
    )
    gan = make_gan(method.name, settings, 0, "cpu")
    training = GanTraining(gan, settings, images, run=tmp_path, epoch_length=2, log_interval=1)
    training.trainer.run()
    path = save_gan(method.name, training)
    state = torch.load(path, weights_only=True)
    loaded = gan_method(state["method"]).from_state(state)
    inputs = torch.stack([images[k] for k in range(3)])
    with torch.no_grad():
        assert torch.equal(loaded.score(inputs), gan.image_scores(inputs))
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoints",
        "metrics.jsonl",
        "model.pt",
    ]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == [
        "generator_0000002.pt",
        "generator_0000003.pt",
        "training_2.pt",
        "training_3.pt",
    ]


def test_only_known_healthy_images_are_trained_on(images, tiny_data):
    dataset = load_dataset(tiny_data)
    assert len(images) == 5
    assert type(images[0]) is torch.Tensor and images[0].shape == (1, SIDE, SIDE)
    assert images[0].min() >= -1 and images[0].max() <= 1
    assert dataset.bit_depth == 8


def test_an_unknown_method_is_refused_with_the_known():
    with pytest.raises(
        ValueError, match="method is 'gan'; the GANs are alad, alocc, f-anogan, ganomaly"
    ):
        gan_method("gan")


def test_a_training_without_a_folder_needs_a_path(images, tmp_path):
    settings = gan_settings(
        "ganomaly", len(images), SIDE, 1, max_iterations=1, features=2, latent=2
    )
    training = GanTraining(make_gan("ganomaly", settings, 0, "cpu"), settings, images)
    with pytest.raises(ValueError, match="no run folder"):
        save_gan("ganomaly", training)
    assert save_gan("ganomaly", training, tmp_path / "some.pt") == tmp_path / "some.pt"
