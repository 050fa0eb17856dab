"""Fit a detector on a data set in a run folder, as ``train_baseline.json`` configures it."""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from monai.data import CacheDataset, DataLoader

from data_prep.datalist import Dataset
from data_prep.files import write_json
from healthygan_monai.baselines.base import Detector
from healthygan_monai.baselines.images import Batches
from healthygan_monai.data import image_transforms, training_items
from healthygan_monai.paths import MODEL_FILE, RUN_FILE, read_run

logger = logging.getLogger(__name__)
HEALTHY = "training_healthy"
IMAGES_AT_ONCE = 16  # no effect on results: the GANs have their own batch size


class SectionImages(torch.utils.data.Dataset):
    """Random-access images of a training section, made as HealthyGAN's are.

    Args:
        dataset, section: where they are listed.
        image_size, channels: of the images.
        cache_rate: share that is kept in memory.
    """

    def __init__(
        self, dataset: Dataset, section: str, image_size: int, channels: int, cache_rate: float = 0
    ) -> None:
        transform = image_transforms(image_size, dataset.bit_depth, channels)
        items = [{"image": item["image"]} for item in training_items(dataset, section)]
        self.items = CacheDataset(items, transform, cache_rate=cache_rate, progress=False)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, k: int) -> torch.Tensor:
        return torch.as_tensor(self.items[k]["image"])

    def batches(self, num_workers: int = 0) -> Iterable[torch.Tensor]:
        """Return one pass in the order of the list."""
        return DataLoader(self, batch_size=IMAGES_AT_ONCE, num_workers=num_workers)


class Fitting:
    """A detector, the data set's training sections, and the run folder that receives ``model.pt``.

    A method with its own :meth:`Detector.training` writes checkpoints and ``metrics.jsonl`` and can
    be resumed; the others read their images once, and start again when resumed.

    Args:
        detector: a new one.
        dataset: healthy images for every method, mixed ones for those that need them.
        image_size, channels: of the images, made as HealthyGAN's are.
        run: the run folder.
        seed: of the fit.
        device: where to train; the detector's.
        checkpoints: how many a training keeps.
        log_interval: iterations between lines of a training's ``metrics.jsonl``.
        num_workers: processes that load images.
        cache_rate: share of the images that a training keeps in memory.
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
        self.detector, self.folder, self.seed = detector.to(device), Path(run), seed

        def batches(section: str) -> Batches:
            images = SectionImages(dataset, section, image_size, channels)
            return partial(images.batches, num_workers)

        self.training = detector.training(
            partial(SectionImages, dataset, HEALTHY, image_size, channels, cache_rate),
            seed=seed,
            run=self.folder,
            checkpoints=checkpoints,
            log_interval=log_interval,
            num_workers=num_workers,
        )
        self.healthy = batches(HEALTHY)
        self.mixed = batches("training_mixed") if detector.needs_mixed else None

    def resume(self) -> None:
        if self.training is not None:
            self.training.resume()

    def fit(self) -> Path:
        """Fit, write ``model.pt`` and the detector's facts in run.json; return the model's path."""
        if self.training is not None:
            self.training.fit()
        else:
            logger.info("fitting %s", self.detector.name)
            self.detector.fit(self.healthy, self.mixed, seed=self.seed)
        path = self.folder / MODEL_FILE
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
    """Return a detector's options as used on the data set's healthy images."""
    images = len(dataset.sections[HEALTHY])
    return detector.options(images, (channels, image_size, image_size))
