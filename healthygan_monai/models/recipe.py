"""How the training images of a model were prepared, by the files beside it; needs no torch."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data_prep.datalist import Dataset, recipe_of_data
from data_prep.files import sha256
from healthygan_monai.paths import RUN_FILE, read_run, read_serving

OF_NO_PIXEL = ("version", "burned_in")  # keys of a recipe that images do not depend on

logger = logging.getLogger(__name__)


def recipe_of(checkpoint: Path | str) -> dict[str, Any] | None:
    """Return how the training images of a model were prepared; None if unknown.

    From ``recipe`` in run.json beside the model, else from the run's data set, if it is still
    there; of a model in a bundle, from serving.json beside it.

    Raises:
        ModelError: the file is broken, or has an unknown key or a value of a wrong type.
    """
    path = Path(checkpoint)
    if not (path.parent / RUN_FILE).is_file():
        return _recipe_served(path)
    run = read_run(path.parent)
    if run.get("recipe"):
        return dict(run["recipe"])
    return recipe_of_data(run["dataset"]) if run.get("dataset") else None


def _recipe_served(checkpoint: Path) -> dict[str, Any] | None:
    """Return what serving.json says of exactly these weights."""
    content = read_serving(checkpoint.parent)
    if not content.get("recipe") or content.get("weights_sha256") != sha256(checkpoint):
        return None
    return dict(content["recipe"])


def warn_of_preparation(images: Dataset, checkpoint: Path | str) -> None:
    """Warn where a prepared data set was prepared otherwise than a model's training images.

    Nothing is said where either recipe is unknown, as of a folder of pictures.
    """
    ours, theirs = images.generated_by.get("recipe"), recipe_of(checkpoint)
    if not (isinstance(ours, Mapping) and isinstance(theirs, Mapping)):
        return
    if different := [*_different(ours, theirs)]:
        logger.warning(
            "%s: prepared otherwise than the model's training images (%s). Its scores cannot be "
            "compared with the model's own, nor with its thresholds; healthygan score prepares raw "
            "files by the model's recipe.",
            *(images.name, "; ".join(different)),
        )


def _different(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Name the values that differ: 'size 128, in training 64'."""
    for key in sorted({*ours, *theirs} - {*OF_NO_PIXEL}):
        here, there = ours.get(key), theirs.get(key)
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            yield from _different(here, there)
        elif here != there:
            yield f"{key} {here}, in training {there}"
