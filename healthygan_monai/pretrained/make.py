"""The critic and the trainer that a run's settings ask for."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch

from data_prep.errors import NotInstalled, UsageError, nearest
from healthygan_monai.integrity.recorded import BACKBONE_KEY
from healthygan_monai.networks import Discriminator
from healthygan_monai.pretrained.critic import PretrainedCritic
from healthygan_monai.pretrained.trainer import PretrainedCriticTrainer
from healthygan_monai.rank_means import unwrapped
from healthygan_monai.trainer import HealthyGANTrainer

CRITICS = ("paper", "pretrained")


def make_trainer(**arguments: Any) -> HealthyGANTrainer:
    """Return the trainer that suits the critic; the arguments are HealthyGANTrainer's."""
    pretrained = isinstance(unwrapped(arguments["critic"]), PretrainedCritic)
    return (PretrainedCriticTrainer if pretrained else HealthyGANTrainer)(**arguments)


# a config's arguments are checked against it
make_trainer.__signature__ = inspect.signature(HealthyGANTrainer)  # type: ignore[attr-defined]


def backbone_record(critic: torch.nn.Module) -> dict[str, str]:
    """Return what run.json says of the user's own file in a critic; nothing of another critic."""
    own = unwrapped(critic)
    found = own.file_sha256 if isinstance(own, PretrainedCritic) else None
    return {} if found is None else {BACKBONE_KEY: found}


def make_critic(
    kind: str,
    image_channels: int,
    channels: int,
    layers: int,
    backbone: str,
    weights: Path | str | None,
    side: int,
    dropout: float,
    strength: float,
    adapt: bool,
    seed: int,
) -> torch.nn.Module:
    """Return the paper's critic (Table 2), or one with a frozen pretrained network.

    Args:
        kind: ``paper`` or ``pretrained``.
        image_channels, channels, layers: of the paper's critic; ``channels`` is also the width of
            the heads of the other.
        backbone, weights, side, dropout, strength, adapt, seed: of the pretrained one.

    Raises:
        UsageError: no such critic, or a size that cannot be.
        NotInstalled: the backbone's package is missing.
        NotFound, ModelError: its file is missing, or is another network's.
    """
    if kind not in CRITICS:
        raise UsageError(
            f"critic is {kind!r}{nearest(kind, CRITICS) or ';'} expected one of "
            f"{', '.join(CRITICS)}."
        )
    if kind == "paper":
        return Discriminator(image_channels, channels, layers)
    try:
        return PretrainedCritic(backbone, weights, side, channels, dropout, strength, adapt, seed)
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"{error}. Or train by the paper's recipe: recipe=paper (--set recipe=paper)."
        ) from error
