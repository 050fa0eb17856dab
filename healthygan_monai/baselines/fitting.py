"""Fitting a detector on a prepared data set in a run folder: what the bundle's ``train_baseline.json`` wires."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from monai.data import DataLoader
from monai.data import Dataset as ItemDataset

from data_prep.datalist import Dataset
from data_prep.files import write_json
from healthygan_monai.baselines.base import Detector
from healthygan_monai.baselines.gan.detector import GanDetector
from healthygan_monai.baselines.gan.run import make_gan, save_gan, training_images
from healthygan_monai.baselines.gan.trainer import GanTraining
from healthygan_monai.baselines.registry import used_options
from healthygan_monai.data import image_transforms, training_items
from healthygan_monai.paths import MODEL_FILE, RUN_FILE, read_run

logger = logging.getLogger(__name__)
IMAGES_AT_ONCE = 16  # no method but the GANs, which bring their own, depends on it


def section_batches(
    dataset: Dataset, section: str, image_size: int, channels: int, num_workers: int = 0
) -> Callable[[], Iterable[torch.Tensor]]:
    """A training section as ``Detector.fit`` takes it: each call is one pass, (B, C, H, W) in [-1, 1], from disk."""
    transform = image_transforms(image_size, dataset.bit_depth, channels)
    images = ItemDataset(training_items(dataset, section), transform)
    return partial(_one_pass, images, num_workers)


def _one_pass(images: ItemDataset, num_workers: int) -> Iterable[torch.Tensor]:
    loader = DataLoader(images, batch_size=IMAGES_AT_ONCE, num_workers=num_workers)
    return (torch.as_tensor(batch["image"]) for batch in loader)


class Fitting:
    """A detector, the data set's training sections, and the run folder that receives ``model.pt``.

    The GANs train as workflows with checkpoints, ``metrics.jsonl`` and :meth:`resume`; the other methods read
    their images once, and begin again where they are resumed.

    Args:
        detector: a new one.
        dataset: the data set; healthy images for every method, mixed ones for those that need them.
        image_size, channels: of the images, made as HealthyGAN's are.
        run: the run folder.
        seed: of the fit.
        device: where to train.
        checkpoints: how many a GAN keeps.
        log_interval: iterations between lines of a GAN's ``metrics.jsonl``.
        num_workers: processes that load images.
        cache_rate: share of the images that a GAN keeps in memory.
    """

    def __init__(
        self,
        detector: Detector,
        dataset: Dataset,
        image_size: int,
        channels: int,
        *,
        run: Path | str,
        seed: int = 0,
        device: torch.device | str = "cpu",
        checkpoints: int = 10,
        log_interval: int = 100,
        num_workers: int = 0,
        cache_rate: float = 1.0,
    ) -> None:
        self.detector, self.folder, self.seed = detector, Path(run), seed
        self.training: GanTraining | None = None
        if isinstance(detector, GanDetector):
            images = training_images(dataset, image_size, channels, cache_rate)
            settings = detector.settings.resolved(len(images), (channels, image_size, image_size))
            epoch = max(1, -(-(settings.max_iterations or 1) // max(1, checkpoints)))
            self.training = GanTraining(
                make_gan(detector.name, settings, seed, device),
                settings,
                images,
                seed=seed,
                device=device,
                run=self.folder,
                epoch_length=epoch,
                log_interval=log_interval,
                num_workers=num_workers,
            )
        else:
            sections = partial(
                section_batches,
                dataset,
                image_size=image_size,
                channels=channels,
                num_workers=num_workers,
            )
            self.healthy = sections("training_healthy")
            self.mixed = sections("training_mixed") if detector.needs_mixed else None

    def resume(self) -> None:
        """Go on from a GAN's last checkpoint."""
        if self.training is not None:
            self.training.resume()

    def fit(self) -> Path:
        """Fit, write ``model.pt``, and note in run.json what must stand beside every number; the model's path."""
        path = self.folder / MODEL_FILE
        if self.training is not None:
            self.training.trainer.run()
            save_gan(self.detector.name, self.training, path)
            self.detector.load(path)
        else:
            logger.info("fitting %s", self.detector.name)
            self.detector.fit(self.healthy, self.mixed, seed=self.seed)
            self.detector.save(path)
        facts = self.detector.facts()
        run = read_run(self.folder)
        write_json(self.folder / RUN_FILE, {**run, "method": self.detector.name, "detector": facts})
        named = [str(facts[key]) for key in ("backbone", "weights") if key in facts]
        logger.info("%s fitted%s", self.detector.name, f" on {', '.join(named)}" if named else "")
        return path


def options_for(
    detector: Detector, dataset: Dataset, image_size: int, channels: int
) -> Mapping[str, Any]:
    """:func:`used_options` of a detector for the data set's healthy images."""
    images = len(dataset.sections["training_healthy"])
    return used_options(detector, images, (channels, image_size, image_size))
