"""What is to be known of a model and a data set before the one scores the other."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data_prep.datalist import Dataset
from data_prep.errors import UsageError
from data_prep.files import sha256
from healthygan_monai.models.about import trained_with, weights_hash
from healthygan_monai.models.recipe import recipe_of
from healthygan_monai.models.runtimes import is_exported
from healthygan_monai.paths import MODEL_FILE, RUN_FILE, read_run

OF_NO_PIXEL = ("version", "burned_in")  # keys of a recipe that images do not depend on

logger = logging.getLogger(__name__)


def check_inputs(images: Dataset, checkpoint: Path | str, image_size: int) -> None:
    """Refuse another image size than the model's own; warn of what makes scores incomparable.

    That is an export that is older than the model.pt beside it, the run's own data set after a
    change, and a data set that was prepared otherwise than the training images.

    Raises:
        UsageError: the model knows its image size, and it is another one.
    """
    path = Path(checkpoint)
    known = trained_with(path).get("image_size")
    if known and known != image_size:
        raise UsageError(
            f"image_size is {image_size}, and {path} was trained at {known}: its scores would be "
            "on another scale than its thresholds. Leave image_size out."
        )
    if is_exported(path):
        _warn_of_old_export(path)
    _warn_of_change(images, path)
    _warn_of_preparation(images, path)


def _warn_of_old_export(path: Path) -> None:
    model = path.parent / MODEL_FILE
    if model.is_file() and sha256(model) != weights_hash(path):
        logger.warning(
            "%s was exported from another model than the %s beside it; healthygan infer %s "
            "--runtime NAME exports it anew.",
            *(path, MODEL_FILE, path.parent),
        )


def _warn_of_change(images: Dataset, path: Path) -> None:
    """Warn where the run's own data set is not what it was trained on."""
    run = read_run(path.parent) if (path.parent / RUN_FILE).is_file() else {}
    own = run.get("dataset") and Path(run["dataset"]).resolve() == images.root.resolve()
    if own and images.content_hash and run.get("data_hash") not in (None, images.content_hash):
        logger.warning(
            "%s: changed since the training, so images kept out of it are not scored, and the "
            "scores are of other data than run.json says.",
            images.root,
        )


def _warn_of_preparation(images: Dataset, checkpoint: Path) -> None:
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
