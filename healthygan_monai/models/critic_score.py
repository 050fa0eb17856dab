"""The critic's own score of an image, of a run with a frozen pretrained critic."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from data_prep.errors import HealthyGANError
from data_prep.files import sha256
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.recorded import BACKBONE_KEY
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.models.about import trained_with
from healthygan_monai.models.runtimes import is_exported
from healthygan_monai.networks.ensemble import weights_of_members
from healthygan_monai.paths import (
    CRITIC_FILE,
    MODEL_FILE,
    RUN_FILE,
    members_of,
    read_run_if_any,
    refuse_program_of,
)
from healthygan_monai.pretrained.critic import PretrainedCritic, own_file

logger = logging.getLogger(__name__)
SETTINGS = {  # keys of config.json -> arguments of PretrainedCritic
    "critic_backbone": "backbone",
    "critic_weights": "weights",
    "critic_size": "side",
    "critic_channels": "channels",
    "critic_dropout": "dropout",
    "seed": "seed",
}


class CriticScore:
    """Images (B, C, H, W) in [-1, 1] -> -mean D(x), (B,), unbounded; higher is less like Set B.

    D is in evaluation mode and sees the images as they are, without augmentation. Of
    several critics, those of an ensemble's members, the score is the mean of their scores.
    """

    def __init__(
        self, critics: Sequence[PretrainedCritic], device: torch.device | str = "cpu"
    ) -> None:
        self.critics = [critic.to(device).eval() for critic in critics]

    @torch.no_grad()
    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        scores = [-critic(critic.features(images)).mean(1) for critic in self.critics]
        return torch.stack(scores).mean(0)


def load_critic_score(
    checkpoint: Path | str, device: torch.device | str = "cpu", accept_changed: bool = False
) -> CriticScore | None:
    """Return the score of the critic that was saved with a model.pt; None if there is none.

    A pretrained critic that cannot be loaded is no error: a warning says why its score is missing.
    """
    path = Path(checkpoint)
    if is_exported(path) or trained_with(path).get("critic") != "pretrained":
        return None
    try:
        return CriticScore(_critics_of(path, accept_changed), device)
    except (HealthyGANError, ModuleNotFoundError, RuntimeError, OSError) as error:
        logger.warning("critic_score is left empty: %s", " ".join(str(error).split()))
        return None


def _critics_of(checkpoint: Path, accept_changed: bool) -> list[PretrainedCritic]:
    """The critic of a run, or of each member of an ensemble."""
    heads = checkpoint.with_name(CRITIC_FILE)
    if checkpoint.name != MODEL_FILE or not heads.is_file():
        raise ModelError(f"{checkpoint}: no {CRITIC_FILE} of this model beside it.")
    weights = read_weights(heads, accept_changed=accept_changed)
    settings, members = trained_with(checkpoint), members_of(checkpoint.parent)
    if not members:
        return [_critic(checkpoint, settings, weights)]
    if not isinstance(weights, dict) or len(each := weights_of_members(weights)) != len(members):
        raise ModelError(f"{heads}: not the heads of this ensemble's critics.")
    return [
        _critic(checkpoint, {**settings, "seed": member["seed"]}, own)
        for member, own in zip(members, each, strict=True)
    ]


def _critic(checkpoint: Path, settings: Mapping[str, Any], weights: Any) -> PretrainedCritic:
    if missing := [key for key in SETTINGS if key not in settings]:
        raise ModelError(f"{checkpoint}: config.json beside it has no {', '.join(missing)}.")
    refuse_program_of(checkpoint.parent, "critic_backbone", settings["critic_backbone"])
    _require_same_file(checkpoint.parent, settings)
    critic = PretrainedCritic(**{name: settings[key] for key, name in SETTINGS.items()})
    try:
        critic.load_state_dict(weights)
    except Exception as error:  # other keys or sizes: a RuntimeError, TypeError or AttributeError
        heads = checkpoint.with_name(CRITIC_FILE)
        raise ModelError(f"{heads}: not the heads of this run's critic.") from error
    return critic


def _require_same_file(run: Path, settings: Mapping[str, Any]) -> None:
    """Refuse a user's own file that has changed since training, before a program in it is run."""
    recorded = read_run_if_any(run).get(BACKBONE_KEY)
    file = own_file(settings["critic_backbone"], settings["critic_weights"])
    if recorded is None or file is None or not file.is_file():
        return
    if (found := sha256(file)) != recorded:
        raise ModelError(
            f"{file}: not the file that the critic was trained with (SHA-256 {found[:16]}, "
            f"{run / RUN_FILE} has {recorded[:16]}). Put that file back."
        )
