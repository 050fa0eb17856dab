"""The settings of a training: what config.json records, and what is refused before it begins."""

import logging
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from data_prep.datalist import Dataset
from healthygan_monai.config.keys import calling_parser
from healthygan_monai.errors import ConfigError
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.networks import Discriminator
from healthygan_monai.selection import LOWER_IS_BETTER

logger = logging.getLogger(__name__)

RECORDED = (  # keys of train.json that decide the weights
    "recipe",
    "critic",
    "translation",
    "image_size",
    "image_channels",
    "generator_channels",
    "generator_blocks",
    "critic_channels",
    "critic_layers",
    "critic_backbone",
    "critic_weights",
    "critic_size",
    "critic_dropout",
    "critic_strength",
    "critic_adapt",
    "batch_size",
    "max_iterations",
    "decay_iterations",
    "lr_schedule",
    "learning_rate",
    "critic_learning_rate",
    "betas",
    "n_critic",
    "ema",
    "prices",
    "price_folds",
    "price_iterations",
    "price_kept_out",
    *(field.name for field in fields(HealthyGANLoss)),
    "flip_prob",
    "mirrored",
    "amp",
    "epoch_length",
    "criterion",
    "fid_features",
    "selection_images",
    "kept_out",
    "patience",
    "seed",
)


def settings_of(**instead: Any) -> dict[str, Any]:
    """Return the values of ``RECORDED`` in the config that calls this, for config.json.

    Args:
        instead: values to record in place of the config's, or beside them.
    """
    parser = calling_parser()
    return {name: parser.get_parsed_content(name) for name in RECORDED} | instead


def check_settings(criterion: str, dataset: Dataset, image_size: int, parts: Sequence[Any]) -> None:
    """Refuse what only the first checkpoint would have tripped over; ``parts`` need only exist by
    now.

    Raises:
        ConfigError: the criterion is unknown, or the image size does not suit the networks.
    """
    if criterion not in LOWER_IS_BETTER:
        raise ConfigError(f"criterion is {criterion!r}; expected one of {sorted(LOWER_IS_BETTER)}.")
    if image_size % 4 or image_size < 16:
        raise ConfigError(f"image_size is {image_size}; expected a multiple of 4, at least 16.")
    layers = [len(p.main) // 2 for p in parts if isinstance(p, Discriminator)]
    if any(image_size < 2**n for n in layers):
        raise ConfigError(
            f"critic_layers is {max(layers)}: images of {image_size} pixels cannot be halved that "
            "often."
        )
    if image_size != dataset.image_size:
        logger.warning(
            "training at %d pixels on images prepared at %d", image_size, dataset.image_size
        )
