"""Install a model in the folder of a MONAI Label app, completely or not at all."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from data_prep.files import read_json, write_json
from healthygan_monai.composition import output_range
from healthygan_monai.errors import NotFound, UsageError
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.models.places import model_file
from healthygan_monai.paths import CONFIG_FILE, METADATA_FILE, MODEL_FILE, SERVING_FILE, bundle_root
from healthygan_monai.serving.describe import describe
from healthygan_monai.serving.serving_json import stored_description

# of the answer; MONAI Label reads them from channel_def
LABELS = {"0": "background", "1": "anomaly"}
KINDS = ("deepedit", "deepgrow", "detection", "segmentation", "classification")


def install(
    model: Path,
    app: Path,
    name: str = "healthygan",
    dataset: Path | None = None,
    quantile: float | None = None,
    accept_changed: bool = False,
) -> Path:
    """Write APP/model/NAME: the bundle's configs, the weights, serving.json; return that folder.

    Args:
        model: a run folder, its model.pt, or a bundle's folder.
        app: MONAI Label's monaibundle app (``monailabel apps --download --name monaibundle``).
        name: of the model in the app; a bundle of that name is replaced.
        dataset, quantile, accept_changed: see :func:`describe`. Where neither of the first two is
            given, a serving.json of these weights is taken as it is.

    Raises:
        FileNotFoundError, ValueError: no model, incomplete weights, no app, or an invalid name.
    """
    checkpoint = model_file(model)
    generator = load_generator(load_state(checkpoint, accept_changed))
    target = _target(app, name)
    content = stored_description(checkpoint) if dataset is quantile is None else None
    if content is None:
        content = describe(checkpoint, dataset, quantile, accept_changed)
    part = target.with_name(f".{name}.{os.getpid()}.tmp")
    try:
        shutil.copytree(
            bundle_root(), part, ignore=shutil.ignore_patterns("models", "__pycache__", "*.py")
        )
        models = part / "models"
        models.mkdir()
        shutil.copyfile(checkpoint, models / MODEL_FILE)
        if (checkpoint.parent / CONFIG_FILE).is_file():
            shutil.copyfile(checkpoint.parent / CONFIG_FILE, models / CONFIG_FILE)
        write_json(models / SERVING_FILE, content)
        _adapt_metadata(part, content["image_size"], generator)
        if target.exists():
            shutil.rmtree(target)
        os.replace(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _target(app: Path, name: str) -> Path:
    if not (app / "main.py").is_file():
        raise NotFound(
            f"{app}: no MONAI Label app (main.py) there. Make one: monailabel apps --download "
            f"--name monaibundle --output {app.parent}."
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(f"--name {name}: expected letters, digits, dots, dashes.")
    word = next((kind for kind in KINDS if kind in name.lower()), None)
    if word is not None:
        raise UsageError(
            f"--name {name}: to MONAI Label {word!r} in a name means another kind of model."
        )
    target = app / "model" / name
    if target.exists() and not (target / "configs" / "inference.json").is_file():
        raise UsageError(f"{target} exists and is not a bundle; give another --name.")
    target.parent.mkdir(exist_ok=True)
    return target


def _adapt_metadata(bundle: Path, size: int, generator: Any) -> None:
    """Write this model's size and channels, and the labels that are served."""
    channels, translation = generator.image_channels, generator.translation
    path = bundle / "configs" / METADATA_FILE
    content = read_json(path)
    image = content["network_data_format"]["inputs"]["image"]
    pred = content["network_data_format"]["outputs"]["pred"]
    image["spatial_shape"] = pred["spatial_shape"] = [size, size]
    image["num_channels"] = channels
    pred["num_channels"] = channels + (translation == "masked")
    pred["value_range"] = output_range(translation)
    pred["channel_def"] = LABELS
    write_json(path, content)
