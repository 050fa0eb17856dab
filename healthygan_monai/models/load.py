"""Load the weights of a generator, from model.pt or from an exported file."""

from collections.abc import Mapping
from pathlib import Path

import torch

from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.models.exported import ExportedNetwork, load_exported
from healthygan_monai.models.runtimes import is_exported
from healthygan_monai.networks import (
    Generator,
    GeneratorEnsemble,
    generator_sizes,
    make_generator,
)
from healthygan_monai.networks.ensemble import weights_of_members
from healthygan_monai.paths import MODEL_FILE, require_model


def load_weights(
    checkpoint: Path | str, accept_changed: bool = False
) -> dict[str, torch.Tensor] | ExportedNetwork:
    """:func:`load_state` of a model.pt; an exported network (.ts, .onnx) as it is, for
    :func:`load_generator`.

    Raises:
        NoModel, ModelError: as there.
        ModuleNotFoundError: an .onnx file, and ONNX Runtime is not installed.
    """
    path = Path(checkpoint)
    return load_exported(path) if is_exported(path) else load_state(path, accept_changed)


def load_state(path: Path, accept_changed: bool = False) -> dict[str, torch.Tensor]:
    """Return the flat state dict of a generator.

    Args:
        path: a model.pt, or a checkpoint of one.
        accept_changed: see :func:`~healthygan_monai.integrity.weights.read_weights`.

    Raises:
        NoModel: no such file.
        ModelError: the file is not a state dict, not a generator's, damaged, or changed since
            training.
    """
    require_model(path)
    weights = read_weights(path, accept_changed=accept_changed)
    if not isinstance(weights, Mapping):
        raise ModelError(f"{path}: expected a flat state dict, found {type(weights).__name__}.")
    others = [name for name, value in weights.items() if not isinstance(value, torch.Tensor)]
    if others and ("main.0.weight" in weights or weights_of_members(weights)):
        raise ModelError(f"{path}: expected a flat state dict of tensors; {others[0]!r} is none.")
    try:
        generator_sizes(weights)
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from error
    return dict(weights)


def load_generator(
    weights: Mapping[str, torch.Tensor] | ExportedNetwork,
) -> Generator | GeneratorEnsemble | ExportedNetwork:
    """Return the generator with these weights, in evaluation mode; the weights give its sizes.

    Weights of an ensemble give an ensemble. An exported network is its own.

    Raises:
        ModelError: weights are missing or left over.
    """
    if isinstance(weights, ExportedNetwork):
        return weights
    generator = make_generator(**generator_sizes(weights))
    try:
        generator.load_state_dict(weights)
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise ModelError(f"these weights do not make a whole generator: {text}") from error
    return generator.eval()


def network_by_name(
    generator: torch.nn.Module, dataset_dir: Path | str | None, bundle_root: Path | str
) -> torch.nn.Module:
    """Return the network of train.json, for programs that load the bundle by its name.

    ``monai.bundle.load`` names no data set. It takes the network of train.json, then the weights of
    ``models/model.pt``, and ignores those that do not fit. Without a data set the network is
    therefore that of ``models/model.pt``, which may translate differently from the demo's.

    Args:
        generator: what train.json trains; returned if there is a data set, or no model.
        dataset_dir: of the data set, or None.
        bundle_root: the bundle's folder.
    """
    checkpoint = Path(bundle_root) / "models" / MODEL_FILE
    if dataset_dir is not None or not checkpoint.is_file():
        return generator
    with torch.random.fork_rng(devices=[]):  # a training of the demo draws the same numbers
        return load_generator(load_state(checkpoint)).train(generator.training)
