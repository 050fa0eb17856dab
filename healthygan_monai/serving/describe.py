"""Make ``serving.json``: where the maps of a model are cut, and how its images were prepared."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import healthygan_monai
from data_prep.datalist import DataError, Dataset
from data_prep.files import sha256, write_json
from healthygan_monai.data import image_transforms, load_dataset
from healthygan_monai.errors import UsageError
from healthygan_monai.models.about import image_size_for, method_of, training_recipe
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.models.scorer import Scorer, generator_scorer
from healthygan_monai.paths import SERVING_FILE
from healthygan_monai.scoring import HEALTHYGAN
from healthygan_monai.serving.serving_json import (
    FORMAT,
    THRESHOLDS,
    evaluated_thresholds,
    own_dataset,
    recipe_in,
    stored_description,
)

QUANTILE = 0.995  # of healthy pixels are below the cut: 1 pixel in 200 of a healthy image is marked
MOST_IMAGES = 200  # for the quantile


def describe(
    checkpoint: Path | str,
    dataset: Path | str | None = None,
    quantile: float | None = None,
    accept_changed: bool = False,
) -> dict[str, Any]:
    """Return the content of serving.json for a model.

    Args:
        checkpoint: the model.pt.
        dataset: the one it was trained on; default: the one that its run.json names.
        quantile: of the difference maps of healthy validation images; gives the label map's
            threshold; default: ``QUANTILE``. No test label is read.
        accept_changed: whether weights changed since training are taken.

    Raises:
        FileNotFoundError, ValueError, DataError: no HealthyGAN model, or no data set.
    """
    path = Path(checkpoint)
    if path.is_file() and method_of(path) != HEALTHYGAN:
        raise UsageError(f"{path}: a model of {method_of(path)}; only HealthyGAN's can be served.")
    quantile = QUANTILE if quantile is None else quantile
    if not 0 < quantile < 1:
        raise UsageError(f"quantile is {quantile}; expected between 0 and 1, such as {QUANTILE}.")
    generator = load_generator(
        load_state(path, accept_changed)
    )  # refuses an export, which is not served
    images = load_dataset(dataset or own_dataset(path), training=False)
    size = image_size_for(path, images.image_size)
    scorer = generator_scorer(generator, size, generator.image_channels)
    value, source = healthy_quantile(scorer, images, quantile)
    return {
        "format": FORMAT,
        "version": healthygan_monai.__version__,
        "weights_sha256": sha256(path),
        "image_size": size,
        "trained_on": {"name": images.name, "content_hash": images.content_hash},
        "recipe": recipe_in(images),
        **({"training_recipe": trained_by} if (trained_by := training_recipe(path)) else {}),
        "map_threshold": {"value": value, "quantile": quantile, "source": source},
        **(evaluated_thresholds(path) or {key: {} for key in THRESHOLDS}),
    }


def healthy_quantile(
    scorer: Scorer, images: Dataset, quantile: float = QUANTILE
) -> tuple[float, str]:
    """Return (value, source) over all pixels of the difference maps of healthy images."""
    healthy = [item for item in images.sections["validation"] if item.label == 0]
    where = "validation"
    if not healthy:
        healthy, where = images.sections["training_healthy"], "training"
    if not healthy:
        raise DataError(f"{images.path}: no healthy image in validation or training.")
    chosen = np.unique(np.linspace(0, len(healthy) - 1, min(MOST_IMAGES, len(healthy))).astype(int))
    load = image_transforms(scorer.image_size, images.bit_depth, scorer.image_channels)
    maps = []
    for index in chosen:
        image = load({"image": str(images.image_path(healthy[index]))})["image"]
        maps.append(scorer(image[None]).maps["difference"].cpu().numpy())
    value = float(np.quantile(np.stack(maps), quantile))
    maps_of = f"the difference maps of {len(chosen)} healthy {where} images"
    return value, f"{100 * quantile:g} % quantile of {maps_of}"


def write_description(content: Mapping[str, Any], folder: Path) -> Path:
    path = folder / SERVING_FILE
    write_json(path, dict(content))
    return path


def description_if_known(checkpoint: Path) -> dict[str, Any] | None:
    """Return serving.json beside the weights, else its content; None without their data set.

    Whoever asks has loaded the weights already, changed or not.
    """
    try:
        return stored_description(checkpoint) or describe(checkpoint, accept_changed=True)
    except (OSError, DataError):
        return None
