"""Unprepared files as a model's training images were prepared; needs neither torch nor monai.

One home for everything that scores raw DICOM, NIfTI and pictures: the Python API and servers. The work
itself is data_prep's own pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.datalist import DataError, Dataset, recipe_of_data
from data_prep.files import read_json, sha256
from data_prep.inputs.copies import leave_copies
from data_prep.inputs.find import find
from data_prep.inputs.plan import find_inputs, plan
from data_prep.outcome import Outcome
from data_prep.per_input import process_all
from data_prep.pipeline import dataset_of, pool_for
from data_prep.repeat import default_recipe, settings_from_recipe
from data_prep.settings import Settings
from data_prep.source import Source
from healthygan_monai.paths import RUN_FILE, SERVING_FILE

__all__ = [
    "Prepared",
    "default_recipe",
    "kind_of_inputs",
    "prepare",
    "recipe_of",
    "settings_from_recipe",
]


@dataclass(frozen=True)
class Prepared:
    """dataset: all images in section `test`, PNGs below its root; sources and outcomes: one each an input."""

    dataset: Dataset
    sources: list[Source]
    outcomes: list[Outcome]

    def source_of(self) -> dict[str, str]:
        """Image name -> path of its input below INPUT; these paths may name patients."""
        pairs = zip(self.sources, self.outcomes, strict=True)
        return {image.image: source.name for source, o in pairs for image in o.images}


def recipe_of(checkpoint: Path | str) -> dict[str, Any] | None:
    """How the training images of a model were prepared; None where nothing says so.

    From ``recipe`` in run.json beside the model, else from the run's data set, if it is still there; of a model in a
    bundle, from serving.json beside it.

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
    """What serving.json says of these very weights."""
    path = checkpoint.parent / SERVING_FILE
    if not path.is_file():
        return None
    content = read_json(path)
    of = sha256(checkpoint)
    recipe = content.get("recipe")
    return dict(recipe) if recipe and content.get("weights_sha256") == of else None


def kind_of_inputs(folder: Path | str) -> str:
    """'brains' where a NIfTI volume lies there, else 'films': for models that say nothing of their data."""
    return "brains" if any(s.kind == "nifti" for s in find(Path(folder)).sources) else "films"


def prepare(settings: Settings) -> Prepared:
    """Prepare all inputs as ``healthygan prep`` does, into ``settings.output``, whatever their folders are called.

    No lists, no report and no dataset.json are written, only ``images/`` and its sidecars. A bad file is among the
    outcomes. ``settings.salt`` must be set where subjects are to get keyed pseudonyms.

    Raises:
        DataError, FileNotFoundError: nothing to prepare.
    """
    settings.work_folder().mkdir(parents=True, exist_ok=True)
    with pool_for(settings) as pool:
        found = find_inputs(settings, pool)
        sources = plan(found, settings, pool, by_folders=False)
        outcomes = leave_copies(sources, process_all(sources, settings, pool))
    return Prepared(dataset_of(sources, outcomes, settings), sources, outcomes)
