"""The settings of a training: what config.json records, and what is refused before it begins."""

import logging
from collections.abc import Sequence
from typing import Any

from data_prep.datalist import SIZES, Dataset, fits_networks
from healthygan_monai.config.key_words import MEANINGS
from healthygan_monai.config.keys import calling_parser
from healthygan_monai.errors import ConfigError
from healthygan_monai.networks import Discriminator
from healthygan_monai.selection import LOWER_IS_BETTER

logger = logging.getLogger(__name__)

# of the keys of train.json, those that do not decide the weights
NOT_RECORDED = ("num_workers", "cache_rate", "checkpoints", "log_interval", "val_interval")
RECORDED = tuple(key for key in MEANINGS if key not in NOT_RECORDED)


def settings_of(**instead: Any) -> dict[str, Any]:
    """Return the values of ``RECORDED`` in the config that calls this, for config.json.

    Args:
        instead: values to record in place of the config's, or beside them.
    """
    parser = calling_parser()
    return {name: parser.get_parsed_content(name) for name in RECORDED} | instead


def judging_interval(interval: int, checkpoints: int) -> int:
    """Return ``val_interval``, of which the number of checkpoints must be a multiple.

    Raises:
        ConfigError: it is not, so the last checkpoint, or every one, would never be judged.
    """
    if checkpoints % interval:
        raise ConfigError(
            f"val_interval is {interval}, and there are {checkpoints} checkpoints: the last one "
            f"would not be judged. Expected a divisor of {checkpoints}."
        )
    return interval


def check_settings(criterion: str, dataset: Dataset, image_size: int, parts: Sequence[Any]) -> None:
    """Refuse what only the first checkpoint would have tripped over; ``parts`` need only exist by
    now.

    Raises:
        ConfigError: the criterion is unknown, or the image size does not suit the networks.
    """
    if criterion not in LOWER_IS_BETTER:
        raise ConfigError(f"criterion is {criterion!r}; expected one of {sorted(LOWER_IS_BETTER)}.")
    if not fits_networks(image_size):
        raise ConfigError(f"image_size is {image_size}; expected {SIZES}.")
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
