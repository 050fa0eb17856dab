"""Collect what is known of one trained model: weights, training, data, results."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from data_prep.datalist import FILE_NAME, read
from data_prep.errors import UsageError
from data_prep.files import read_json, sha256
from healthygan_monai.errors import NoModel
from healthygan_monai.models.load import load_state
from healthygan_monai.models.places import model_file, size_of_its_bundle
from healthygan_monai.networks import generator_sizes, output_translation
from healthygan_monai.paths import (
    CONFIG_FILE,
    EVALUATION_FILE,
    MODEL_FILE,
    bundle_root,
    size_in_metadata,
)
from healthygan_monai.report.artefacts import Artefacts, read_artefacts
from healthygan_monai.scoring import HEALTHYGAN

NOT_EXPORTED = ("data_hash", "seed")  # said elsewhere


@dataclass(frozen=True)
class ModelFacts:
    """One model for export.

    Attributes:
        weights: the file of the generator's flat state dict.
        state: the weights themselves.
        image_size: pixels of a side, as trained.
        sizes: arguments of ``make_generator``: image_channels, channels, blocks, translation and
            members where they are not the defaults.
        found: what its run folder holds; empty without one.
        of_bundle: whether it is the bundle's own model, which the bundle's metadata describe.
    """

    weights: Path
    state: dict[str, torch.Tensor]
    image_size: int
    sizes: dict[str, Any]
    found: Artefacts = field(default_factory=lambda: Artefacts(Path()))
    of_bundle: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """Return config.json of its training, without paths of the machine."""
        return {name: _without_folder(value) for name, value in self.found.config.items()}

    @property
    def translation(self) -> str:
        """Return what the output's channels are: ``masked``, or a change."""
        return output_translation(self.sizes)

    @property
    def kind(self) -> str:
        """Return films or brains, as the images were prepared; nothing for unknown data."""
        if self.of_bundle:
            return "films"
        recipe = (self.found.dataset.get("generated_by") or {}).get("recipe") or {}
        return str(recipe.get("kind", ""))

    @property
    def evaluation(self) -> dict[str, Any]:
        return self.found.evaluation

    @property
    def sha256(self) -> str:
        return sha256(self.weights)


def _without_folder(value: Any) -> Any:
    if isinstance(value, str) and ("/" in value or "\\" in value):
        return Path(value.replace("\\", "/")).name
    return value


def _own_model() -> Path:
    return bundle_root() / "models" / MODEL_FILE


def bundled_model() -> ModelFacts:
    """Return the bundle's own ``models/model.pt``; raise NoModel if it is missing."""
    path = _own_model()
    if not path.is_file():
        raise NoModel(f"{path}: the bundle brings no model; give one with --model RUN.")
    state = load_state(path)
    side = size_in_metadata(bundle_root())
    return ModelFacts(path, state, side, generator_sizes(state), of_bundle=True)


def model_facts(
    model: Path | str | None, image_size: int | None = None, accept_changed: bool = False
) -> ModelFacts:
    """Return the model of a run folder, a bundle or a file of weights; None is the bundle's own.

    Only facts of these weights are taken: an evaluation whose provenance names their SHA-256, and a
    data set whose content is unchanged since training.

    Args:
        model: a run folder, a bundle's folder or a file of weights.
        image_size: for a file without config.json beside it.
        accept_changed: whether weights changed since training are taken.

    Raises:
        FileNotFoundError: no such run, or no model in it.
        ValueError: another method's model, or the image size is not known.
    """
    if model is None:
        return bundled_model()
    path = Path(model)
    weights = model_file(path)
    if weights.resolve() == _own_model().resolve():
        return bundled_model()
    folder = weights.parent
    known_run = (folder / CONFIG_FILE).is_file()
    found = read_artefacts(folder) if known_run else Artefacts(folder)
    if (method := found.method()) != HEALTHYGAN:
        raise UsageError(
            f"{path}: a model of {method}; the bundle's network is that of {HEALTHYGAN}."
        )
    state = load_state(weights, accept_changed)
    found.evaluation = _evaluation_of(weights, found)
    found.dataset = _dataset_of(found)
    known = found.config.get("image_size", image_size) or size_of_its_bundle(weights)
    if not known:
        raise UsageError(
            f"{weights}: no {CONFIG_FILE} beside it gives the image size of its training; give "
            "--image-size."
        )
    return ModelFacts(weights, state, int(known), generator_sizes(state), found)


def _evaluation_of(weights: Path, found: Artefacts) -> dict[str, Any]:
    path = weights.parent / EVALUATION_FILE
    if not path.is_file():
        return {}
    of = (found.evaluation.get("provenance") or {}).get("weights_sha256")
    return found.evaluation if of == sha256(weights) else {}


def _dataset_of(found: Artefacts) -> dict[str, Any]:
    """Return dataset.json of the training, else the data set's name; never its path."""
    where = str(found.run.get("dataset") or "")
    if not where:
        return {}
    path = Path(where) / FILE_NAME
    # its reader refuses values of wrong types
    if path.is_file() and read(path).content_hash == found.config.get("data_hash"):
        return read_json(path)
    return {"name": Path(where.replace("\\", "/")).name}
