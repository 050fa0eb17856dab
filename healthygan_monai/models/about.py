"""What is known about a model file: its method, image size, seed and hash, and the run it is of."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from data_prep.errors import UsageError
from data_prep.files import sha256
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.exported_facts import Facts, checked_size
from healthygan_monai.models.places import size_of_its_bundle
from healthygan_monai.models.runtimes import is_exported
from healthygan_monai.paths import (
    CONFIG_FILE,
    MODEL_FILE,
    read_config,
    read_serving,
)
from healthygan_monai.scoring import HEALTHYGAN


def weights_hash(checkpoint: Path | str) -> str:
    """SHA-256 of the model.pt that scores; of an exported network, of the one it was made from."""
    path = Path(checkpoint)
    return load_exported(path).facts.model_sha256 if is_exported(path) else sha256(path)


def image_size_for(checkpoint: Path | str, otherwise: int) -> int:
    """Return a model's image size, from its export or config.json, or ``otherwise``."""
    return int(trained_with(checkpoint).get("image_size", otherwise))


def seed_of(checkpoint: Path | str) -> int:
    """Return the seed of a model's training, from where its image size is; 0 if unknown."""
    return int(trained_with(checkpoint).get("seed", 0))


def training_recipe(checkpoint: Path | str) -> str | None:
    """Return the recipe of a model's training: from where its image size is, else from a
    serving.json beside it that is of these weights; None if unknown. An export's is that of the
    model.pt beside it that it was made from.
    """
    path = Path(checkpoint)
    model = path.parent / MODEL_FILE
    if is_exported(path) and model.is_file() and sha256(model) == weights_hash(path):
        path = model  # the export knows no recipe
    if recipe := trained_with(path).get("recipe"):
        return str(recipe)
    found = read_serving(Path(checkpoint).parent)
    known = found.get("training_recipe")
    return known if known and found["weights_sha256"] == weights_hash(checkpoint) else None


def method_of(checkpoint: Path | str) -> str:
    """Return the method of a model, from config.json beside it or the file; else ``healthygan``."""
    path = Path(checkpoint)
    if is_exported(path):
        return HEALTHYGAN
    if (path.parent / CONFIG_FILE).is_file():
        return str(trained_with(path).get("method", HEALTHYGAN))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # absent or broken: whoever loads it says so
        return HEALTHYGAN
    return str(state.get("method", HEALTHYGAN)) if isinstance(state, dict) else HEALTHYGAN


def inference_config(checkpoint: Path | str) -> str:
    """Return the bundle's config that scores with a model."""
    return "inference.json" if method_of(checkpoint) == HEALTHYGAN else "inference_baseline.json"


def trained_with(checkpoint: Path | str) -> dict[str, Any]:
    """Return what an export or config.json beside a model says of its training; else nothing."""
    if is_exported(checkpoint):
        return asdict(load_exported(checkpoint).facts)
    return read_config(Path(checkpoint).parent)


def facts_about(
    checkpoint: Path, image_channels: int, translation: str, image_size: int | None = None
) -> Facts:
    """Return the facts of a model.pt: image size and seed from config.json beside it.

    Raises:
        UsageError: no image size is given and none is known, or one that the generator cannot take.
    """
    known = image_size_for(checkpoint, size_of_its_bundle(checkpoint))
    size = known if image_size is None else image_size
    if image_size is None and not known:
        raise UsageError(
            f"{checkpoint}: no config.json beside it says at which image size it was trained; "
            "give --image-size."
        )
    return Facts(
        checked_size(size),
        image_channels,
        sha256(checkpoint),
        seed_of(checkpoint),
        translation=translation,
    )
