"""How the training images of a model were prepared, by the files beside it; needs no torch."""

from pathlib import Path
from typing import Any

from data_prep.datalist import recipe_of_data
from data_prep.files import sha256
from healthygan_monai.paths import RUN_FILE, read_run, read_serving


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
