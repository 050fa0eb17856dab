"""Convert the authors' checkpoints (``360000-G.ckpt``) to weights of our networks, and back."""

from collections.abc import Mapping
from pathlib import Path

import torch

from healthygan_monai.errors import ModelError, NoModel
from healthygan_monai.integrity.weights import require_whole
from healthygan_monai.networks.ensemble import weights_of_members

RUNNING_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
WRAPPER = "module."  # put before every name by torch.nn.DataParallel
PUBLISHED_SIZE = 256  # pixels; authors' train_covid.sh


def load_authors_file(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict, tensors only; names lose the ``module.`` of DataParallel.

    Raises:
        NoModel, ModelError: no such file; not a flat dictionary of tensors.
    """
    if not path.is_file():
        raise NoModel(f"{path}: no such file; the authors name theirs like 360000-G.ckpt.")
    require_whole(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises errors of any kind
        raise ModelError(
            f"{path.name}: cannot be read as tensors alone; pickled objects are not opened, since "
            "that would run their code. Save the network's state_dict()."
        ) from error
    flat = "expected a flat state dict of tensors, as the authors' solver.py saves it"
    if not isinstance(content, Mapping) or not content:
        raise ModelError(f"{path.name}: {flat}; found {type(content).__name__}.")
    others = [name for name, value in content.items() if not isinstance(value, torch.Tensor)]
    if others:
        if "method" in others:
            raise ModelError(
                f"{path.name}: a model of method {content['method']!r} of this project, which "
                "healthygan infer reads as it is; only HealthyGAN has files of the authors."
            )
        kind = type(content[others[0]]).__name__
        raise ModelError(f"{path.name}: {flat}; {str(others[0])!r} holds {kind}.")
    return {str(name).removeprefix(WRAPPER): value for name, value in content.items()}


def generator_from_authors(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the authors' weights for :class:`~healthygan_monai.networks.Generator`.

    Names and order agree; of Brainomaly's generator, which draws no mask, they are of a
    :class:`~healthygan_monai.networks.AdditiveGenerator`. Running statistics are dropped: the
    authors never evaluate with them (``docs/paper_vs_code.md``).
    """
    weights = {name: value for name, value in state_dict.items() if not _is_statistic(name)}
    first, last = weights.get("main.0.weight"), list(weights.values())[-1]
    if first is not None and len(last) == first.shape[1]:  # Brainomaly's: no mask
        weights |= {"tanh_of_sum": torch.tensor(True), "dead_zone": torch.zeros(())}
    return weights


def statistics_of_authors(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return what :func:`generator_from_authors` drops."""
    return {name: value for name, value in state_dict.items() if _is_statistic(name)}


def generator_to_authors(
    weights: Mapping[str, torch.Tensor], statistics: Mapping[str, torch.Tensor] | None = None
) -> dict[str, torch.Tensor]:
    """Return the state dict that the authors' ``Generator`` loads, names in its order.

    Their normalisation layers need running statistics. Missing ones get the values of a new layer
    (mean
    0, variance 1, no batch). No output depends on them: the authors never leave training mode.

    Raises:
        ModelError: the weights are of an additive generator or an ensemble, which they do not have.
    """
    if weights_of_members(weights):
        raise ModelError(
            "an ensemble has no form in the authors' code; export the runs of its members, or the "
            "ensemble as onnx or torchscript."
        )
    form = weights.get("tanh_of_sum")
    if form is not None and not form:
        raise ModelError(
            "an additive generator has no form in the authors' code; export it as onnx or "
            "torchscript, or train with translation=masked or brainomaly."
        )
    statistics = statistics or {}
    theirs: dict[str, torch.Tensor] = {}
    for name, value in weights.items():
        if name in ("tanh_of_sum", "dead_zone"):
            continue
        theirs[name] = value
        layer, _, part = name.rpartition(".")
        if part == "bias":  # convolutions of the generator have none
            none = torch.zeros((), dtype=torch.long)
            fresh = (torch.zeros_like(value), torch.ones_like(value), none)
            for statistic, new in zip(RUNNING_STATISTICS, fresh, strict=True):
                theirs[f"{layer}.{statistic}"] = statistics.get(f"{layer}.{statistic}", new)
    return theirs


def check_generator(state_dict: Mapping[str, torch.Tensor], name: str) -> None:
    """Raise ModelError unless these are complete, finite weights of a generator."""
    from healthygan_monai.models.load import load_generator

    if "conv1.weight" in state_dict:
        raise ModelError(f"{name}: the critic's weights; give the generator's (360000-G.ckpt).")
    try:
        load_generator(generator_from_authors(state_dict))
    except ValueError as error:
        raise ModelError(f"{name}: {error}") from error
    broken = [key for key, value in state_dict.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise ModelError(f"{name}: {broken[0]} holds infinite numbers or NaN.")


def _is_statistic(name: str) -> bool:
    return name.rpartition(".")[2] in RUNNING_STATISTICS
