"""Pictures of a scored data set: what the inference configs save and what the report draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import SaveImaged
from PIL import Image

from healthygan_monai.baselines.registry import load_detector
from healthygan_monai.data import image_transforms, labelled_items, load_dataset, to_display
from healthygan_monai.inferer import HealthyGANInferer, split_translation
from healthygan_monai.models.about import image_size_for, method_of
from healthygan_monai.models.exported_facts import METHOD
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.report.cases import Translation
from healthygan_monai.scoring import ScoreRow


def picture_saver(key: str, folder: Path | str, root: Path | str) -> SaveImaged:
    """MONAI's writer for one part of a translation, (1, H, W) in [0, 1], as ``folder/.../NAME_key.png``.

    The sub-folders below ``root``, where the images came from, are kept: names repeat between subjects.
    """
    saver = SaveImaged(
        keys=key,
        output_dir=str(folder),
        output_postfix=key,
        data_root_dir=str(root),
        output_ext=".png",
        writer="PILWriter",
        output_dtype=np.uint8,
        scale=255,
        resample=False,
        separate_folder=False,
        print_log=False,
    )
    return saver.set_options(write_kwargs={"reverse_indexing": False}) or saver


def load_mask(path: Path | str, shape: tuple[int, ...]) -> np.ndarray:
    """A lesion mask (H, W) bool at the size of the difference map; resized to the nearest pixel."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L").resize(shape[::-1], Image.Resampling.NEAREST)) > 0


def translator(checkpoint: Path | str, dataset: Path | str) -> Callable[[ScoreRow], Translation]:
    """A function from a row of scores.csv to the pictures of that image, for the report.

    Raises:
        FileNotFoundError, ValueError, DataError: as for loading the model and the data set.
    """
    from healthygan_monai.report.cases import Translation

    if method_of(checkpoint) != METHOD:
        return map_drawer(checkpoint, dataset)
    generator = load_generator(load_weights(checkpoint))
    images = load_dataset(dataset, training=False)
    load = image_transforms(
        image_size_for(checkpoint, images.image_size), images.bit_depth, generator.image_channels
    )
    items = {item["name"]: item for item in labelled_items(images)}

    def translate(row: ScoreRow) -> Translation:
        item = items[row.image]
        image = load({"image": item["image"]})["image"]
        with torch.no_grad():
            pred = HealthyGANInferer()(image[None], generator)[0]
        healthy, mask, difference = split_translation(pred)
        lesion = load_mask(item["lesion"], tuple(image.shape[-2:])) if item["lesion"] else None
        return Translation(
            image=to_display(image).numpy(),
            mask=mask[0].numpy(),
            healthy=to_display(healthy).numpy(),
            difference=difference.mean(0).numpy(),
            lesion=lesion,
        )

    return translate


def plain_image(item: dict[str, Any]) -> torch.Tensor:
    """The item's image without what MONAI carries beside it."""
    image = item["image"]
    return image.as_tensor() if hasattr(image, "as_tensor") else torch.as_tensor(image)


def map_drawer(checkpoint: Path | str, dataset: Path | str) -> Callable[[ScoreRow], Translation]:
    """A function from a row of scores.csv to the image and its map, for the report; the method's name is on the page.

    Raises:
        FileNotFoundError, ValueError, DataError: as for loading the model and the data set.
    """
    detector = load_detector(checkpoint)
    images = load_dataset(dataset, training=False)
    load = image_transforms(detector.image_size, images.bit_depth, detector.image_channels)
    items = {item["name"]: item for item in labelled_items(images)}

    def draw(row: ScoreRow) -> Translation:
        item = items[row.image]
        image = plain_image(load({"image": item["image"]}))
        drawn = detector.anomaly_map(image[None])[0, 0] if detector.has_map else None
        lesion = load_mask(item["lesion"], tuple(image.shape[-2:])) if item["lesion"] else None
        return Translation(
            image=to_display(image).numpy(),
            difference=None if drawn is None else drawn.numpy(),
            lesion=lesion,
        )

    return draw
