"""What is known about a model file: its method, image size, seed and hash, and the run it is of."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from data_prep.datalist import instead_of_run
from data_prep.errors import UsageError
from data_prep.files import sha256
from healthygan_monai.errors import NoModel
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.exported_facts import METHOD, Facts, checked_size
from healthygan_monai.models.runtimes import is_exported
from healthygan_monai.paths import (
    CONFIG_FILE,
    METADATA_FILE,
    MODEL_FILE,
    read_config,
    require_model,
    run_of,
    size_in_metadata,
)


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


def method_of(checkpoint: Path | str) -> str:
    """Return the method of a model, from config.json beside it or the file; else ``healthygan``."""
    path = Path(checkpoint)
    if is_exported(path):
        return METHOD
    if (path.parent / CONFIG_FILE).is_file():
        return str(trained_with(path).get("method", METHOD))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # absent or broken: whoever loads it says so
        return METHOD
    return str(state.get("method", METHOD)) if isinstance(state, dict) else METHOD


def inference_config(checkpoint: Path | str) -> str:
    """Return the bundle's config that scores with a model."""
    return "inference.json" if method_of(checkpoint) == METHOD else "inference_baseline.json"


def trained_with(checkpoint: Path | str) -> dict[str, Any]:
    """Return what an export or config.json beside a model says of its training; else nothing."""
    if is_exported(checkpoint):
        return asdict(load_exported(checkpoint).facts)
    return read_config(Path(checkpoint).parent)


def model_file(run_or_model: Path) -> Path:
    """Return the model.pt: the given file, or the one in the given run folder or bundle.

    Raises:
        NoModel: there is none, or no such folder.
    """
    if run_or_model.is_file() and (told := instead_of_run(run_or_model)):
        raise NoModel(f"{run_or_model}: {told}")
    if run_or_model.is_file() or (run_or_model.suffix and not run_or_model.is_dir()):
        return require_model(run_or_model)
    folder = run_of(run_or_model)
    inside = folder / "models" / MODEL_FILE  # of a bundle
    return require_model(inside if inside.is_file() else folder / MODEL_FILE)


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


def bundle_around(checkpoint: Path) -> Path | None:
    """Return the folder of the bundle that a model is in, if any."""
    models = checkpoint.absolute().parent
    found = models.name == "models" and (models.parent / "configs" / METADATA_FILE).is_file()
    return models.parent if found else None


def size_of_its_bundle(checkpoint: Path) -> int:
    """Return the image size in the metadata of a model's bundle; 0 if it is not in a bundle."""
    root = bundle_around(checkpoint)
    return size_in_metadata(root) if root is not None else 0
