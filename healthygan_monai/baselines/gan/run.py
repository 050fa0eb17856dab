"""Training one of the four GANs in a run folder: what a bundle's config or a command needs, by the method's name.

images = training_images(dataset, image_size, channels)
settings = gan_settings("ganomaly", len(images), image_size, channels, max_iterations=20_000)
gan = make_gan("ganomaly", settings, seed, device)
training = GanTraining(gan, settings, images, seed=seed, device=device, run=folder, epoch_length=1000)
training.resume()                       # only where the folder is being resumed
training.trainer.run()
save_gan("ganomaly", training)          # folder/model.pt, for ``load_detector``
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from monai.data import CacheDataset

from data_prep.datalist import Dataset
from healthygan_monai.baselines.gan.alad import Alad
from healthygan_monai.baselines.gan.alocc import Alocc
from healthygan_monai.baselines.gan.base import Gan
from healthygan_monai.baselines.gan.data import ItemImages
from healthygan_monai.baselines.gan.detector import GanDetector
from healthygan_monai.baselines.gan.fanogan import FAnoGAN
from healthygan_monai.baselines.gan.ganomaly import Ganomaly
from healthygan_monai.baselines.gan.settings import GanSettings
from healthygan_monai.baselines.gan.trainer import GanTraining
from healthygan_monai.data import image_transforms, training_items
from healthygan_monai.paths import MODEL_FILE

GANS: dict[str, type[GanDetector]] = {d.name: d for d in (Alad, Alocc, FAnoGAN, Ganomaly)}


def gan_method(name: str) -> type[GanDetector]:
    """The detector's class.

    Raises:
        ValueError: no such GAN.
    """
    if name not in GANS:
        raise ValueError(f"method is {name!r}; the GANs are {', '.join(GANS)}.")
    return GANS[name]


def gan_settings(
    method: str, images: int, image_size: int, channels: int, **changes: Any
) -> GanSettings:
    """Resolved settings: the published ones but for ``changes``, for that many training images."""
    found = gan_method(method).make_settings(**changes)
    return found.resolved(images, (channels, image_size, image_size))


def make_gan(method: str, settings: GanSettings, seed: int, device: torch.device | str) -> Gan:
    """New networks of that seed with their optimisers, on the device."""
    return gan_method(method).build(settings, seed).train_on(device)


def training_images(
    dataset: Dataset, image_size: int, channels: int, cache_rate: float = 1.0
) -> ItemImages:
    """The data set's known-healthy images, prepared as HealthyGAN's are; flips are the stream's."""
    transform = image_transforms(image_size, dataset.bit_depth, channels)
    items = [{"image": item["image"]} for item in training_items(dataset, "training_healthy")]
    return ItemImages(CacheDataset(items, transform, cache_rate=cache_rate, progress=False))


def save_gan(method: str, training: GanTraining, path: Path | None = None) -> Path:
    """End the training and write the detector, by default as ``model.pt`` of its run folder; the file's path.

    Raises:
        ValueError: neither a path nor a run folder.
    """
    if path is None and training.run is None:
        raise ValueError("save_gan: the training has no run folder; give the path of the file.")
    path = path or Path(training.run or "") / MODEL_FILE
    training.finish()
    detector = gan_method(method)()
    detector.take(training.settings, training.gan, training.trainer.state.iteration)
    detector.save(path)
    return path
