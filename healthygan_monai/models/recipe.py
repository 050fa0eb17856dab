"""How the training images of a model were prepared, by the files beside it; needs no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.datalist import DataError, recipe_of_data
from data_prep.files import read_json, sha256
from healthygan_monai.paths import RUN_FILE, SERVING_FILE


def recipe_of(checkpoint: Path | str) -> dict[str, Any] | None:
    """Return how the training images of a model were prepared; None if unknown.

    From ``recipe`` in run.json beside the model, else from the run's data set, if it is still
    there; of a model in a bundle, from serving.json beside it.

    Raises:
        DataError: run.json is not JSON.
    """
    path = Path(checkpoint).parent / RUN_FILE
    if not path.is_file():
        return _recipe_served(Path(checkpoint))
    try:
        run = read_json(path)
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON. Copy the run folder again.") from error
    if not isinstance(run, Mapping):
        return None
    if isinstance(run.get("recipe"), Mapping):
        return dict(run["recipe"])
    return recipe_of_data(run["dataset"]) if run.get("dataset") else None


def _recipe_served(checkpoint: Path) -> dict[str, Any] | None:
    """Return what serving.json says of exactly these weights."""
    path = checkpoint.parent / SERVING_FILE
    if not path.is_file():
        return None
    content = read_json(path)
    of = sha256(checkpoint)
    recipe = content.get("recipe")
    return dict(recipe) if recipe and content.get("weights_sha256") == of else None
