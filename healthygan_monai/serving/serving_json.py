"""``serving.json`` beside a model: how its images were prepared, and where its maps and scores are cut."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import healthygan_monai
from data_prep.datalist import DataError, Dataset, Item, read
from data_prep.files import read_json, sha256, write_json
from healthygan_monai.data import image_transforms, load_dataset
from healthygan_monai.inferer import HealthyGANInferer, split_translation
from healthygan_monai.models.about import image_size_for, method_of
from healthygan_monai.models.exported_facts import METHOD
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.paths import EVALUATION_FILE, RUN_FILE, SERVING_FILE

logger = logging.getLogger(__name__)
FORMAT = 1
QUANTILE = 0.995  # of healthy pixels below the cut: of a healthy image, 1 pixel in 200 is marked on average
MOST_IMAGES = 200  # that the quantile is taken over
WITHOUT_HEALTHY = 0.1  # of the grey range, where no healthy maps are known


@dataclass(frozen=True)
class Cut:
    """value: a difference in (0, 1] from which a pixel is marked; source: where it is from, in words."""

    value: float
    source: str


@dataclass(frozen=True)
class Description:
    """recipe: of the data set (data_prep); size: pixels a side; cut: of maps; scores: thresholds of the
    validation set by level (image, subject), as evaluation.json has them; warnings: for people."""

    recipe: dict[str, Any]
    size: int
    cut: Cut
    scores: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def describe(
    checkpoint: Path | str, dataset: Path | str | None = None, quantile: float = QUANTILE
) -> dict[str, Any]:
    """What serving.json says of a model.

    Args:
        dataset: the one it was trained on; default: the one its run.json names.
        quantile: of the difference maps of healthy validation images (label 0), the threshold of the label map. No
            label of the test set is looked at.

    Raises:
        FileNotFoundError, ValueError, DataError: no model or not HealthyGAN's, no data set.
    """
    path = Path(checkpoint)
    if path.is_file() and method_of(path) != METHOD:
        raise ValueError(f"{path}: a model of {method_of(path)}; only HealthyGAN's can be served.")
    if not 0 < quantile < 1:
        raise ValueError(f"quantile is {quantile}; expected between 0 and 1, such as {QUANTILE}.")
    weights = load_state(path)
    images = load_dataset(dataset or _own_dataset(path), training=False)
    size = image_size_for(path, images.image_size)
    value, source = _healthy_quantile(weights, images, size, quantile)
    return {
        "format": FORMAT,
        "version": healthygan_monai.__version__,
        "weights_sha256": sha256(path),
        "image_size": size,
        "trained_on": {"name": images.name, "content_hash": images.content_hash},
        "recipe": _recipe(images),
        "map_threshold": {"value": value, "quantile": quantile, "source": source},
        "score_thresholds": _validation_thresholds(path.parent / EVALUATION_FILE, sha256(path)),
    }


def _own_dataset(checkpoint: Path) -> Path:
    run = checkpoint.parent / RUN_FILE
    if not run.is_file():
        raise FileNotFoundError(
            f"{run}: no such file, so the data set of this model is not known; give it with --dataset FOLDER."
        )
    return Path(read_json(run)["dataset"])


def _recipe(images: Dataset) -> dict[str, Any]:
    """data_prep's own; of a data set of another make, what its keys tell."""
    recipe = dict(images.generated_by.get("recipe", {}))
    if recipe:
        return recipe
    return {"kind": "brains" if "brain" in images.modality else "films", "bits": images.bit_depth}


def _healthy_quantile(
    weights: Mapping[str, torch.Tensor], images: Dataset, size: int, quantile: float
) -> tuple[float, str]:
    """(value, source) over all pixels of the difference maps of healthy images."""
    healthy = [item for item in images.sections["validation"] if item.label == 0]
    where = "validation"
    if not healthy:
        healthy, where = images.sections["training_healthy"], "training"
    if not healthy:
        raise DataError(f"{images.path}: no healthy image in validation or training.")
    chosen = np.unique(np.linspace(0, len(healthy) - 1, min(MOST_IMAGES, len(healthy))).astype(int))
    maps = _maps(weights, images, [healthy[i] for i in chosen], size)
    value = float(np.quantile(maps, quantile))
    return (
        value,
        f"{100 * quantile:g} % quantile of the difference maps of {len(chosen)} healthy {where} images",
    )


def _maps(
    weights: Mapping[str, torch.Tensor], images: Dataset, items: list[Item], size: int
) -> np.ndarray:
    """float32 (N, size, size) difference maps."""
    generator = load_generator(weights)
    load = image_transforms(size, images.bit_depth, generator.image_channels)
    found = []
    with torch.no_grad():
        for item in items:
            image = load({"image": str(images.image_path(item))})["image"]
            difference = split_translation(HealthyGANInferer()(image[None], generator)[0])[2]
            found.append(difference.mean(0).numpy())
    return np.stack(found)


def _validation_thresholds(path: Path, weights_sha256: str) -> dict[str, Any]:
    """Of scores, by level: those of evaluation.json chosen on the validation set, if it is of these weights."""
    if not path.is_file():
        return {}
    content = read_json(path)
    if (content.get("provenance") or {}).get("weights_sha256") != weights_sha256:
        return {}
    levels = content.get("levels", {})
    found = {}
    for name, level in levels.items():
        cut = (level.get("thresholds") or {}).get("validation")
        if cut:
            found[name] = {key: cut[key] for key in ("threshold", "policy", "chosen_on")}
    return found


def write_description(content: Mapping[str, Any], folder: Path) -> Path:
    path = folder / SERVING_FILE
    write_json(path, dict(content))
    return path


def told_of(checkpoint: Path) -> dict[str, Any] | None:
    """serving.json beside the weights, or what it would say; None where their data set is not at hand."""
    told = told_beside(checkpoint)
    if told is not None:
        return told
    try:
        return describe(checkpoint)
    except (OSError, DataError):
        return None


def told_beside(checkpoint: Path) -> dict[str, Any] | None:
    """serving.json beside the weights, where it is of them."""
    path = checkpoint.parent / SERVING_FILE
    if not path.is_file():
        return None
    content = read_json(path)
    return content if content.get("weights_sha256") == sha256(checkpoint) else None


def description_of(checkpoint: Path | str, image_size: int) -> Description:
    """What is known of a model: serving.json beside it, else its run's data set, else data_prep's defaults.

    A serving.json of other weights tells nothing about these: its threshold is left aside, and a warning says so.
    """
    path = Path(checkpoint)
    told = path.parent / SERVING_FILE
    unknown = Cut(
        WITHOUT_HEALTHY, "a tenth of the grey range: no healthy maps of this model are known"
    )
    if not told.is_file():
        recipe, warning = _recipe_of_run(path)
        return Description(recipe, image_size, unknown, warnings=(warning,))
    content = read_json(told)
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{told}: format {content.get('format')!r}; expected {FORMAT}. Make it again: python -m "
            "healthygan_monai.serving describe MODEL --dataset FOLDER."
        )
    if content["weights_sha256"] != sha256(path):
        warning = (
            f"{SERVING_FILE} is of other weights: thresholds not taken from it, preparation taken"
        )
        return Description(content["recipe"], image_size, unknown, warnings=(warning,))
    cut = content["map_threshold"]
    return Description(
        content["recipe"],
        image_size,
        Cut(float(cut["value"]), cut["source"]),
        content.get("score_thresholds", {}),
    )


def _recipe_of_run(checkpoint: Path) -> tuple[dict[str, Any], str]:
    remedy = "python -m healthygan_monai.serving makes the file"
    try:
        recipe = _recipe(read(_own_dataset(checkpoint)))
    except (OSError, DataError, KeyError):
        return {}, f"no {SERVING_FILE} beside the model: prepared as films by default; {remedy}"
    return (
        recipe,
        f"no {SERVING_FILE} beside the model: no threshold of its maps is known; {remedy}",
    )
