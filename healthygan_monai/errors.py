"""Errors about what the user gave, all children of HealthyGANError; no torch, no monai."""

from data_prep.datalist import DataError, LeakError
from data_prep.errors import Ended, HealthyGANError, MissingData, NotFound, PrepError, UsageError

__all__ = [
    "ConfigError",
    "DataError",
    "Diverged",
    "Ended",
    "HealthyGANError",
    "LeakError",
    "MissingData",
    "ModelError",
    "NoModel",
    "NotFound",
    "PrepError",
    "UsageError",
]


class ModelError(HealthyGANError):
    """A file that holds no model, or not the whole of one."""


class NoModel(ModelError, NotFound):
    """No such file or run folder."""


class ConfigError(UsageError):
    """An invalid configuration; the message names the key and the nearest one that exists."""


class Diverged(HealthyGANError):
    """A training whose networks give no finite numbers any more.

    Args:
        what: is not finite, where: a sentence or more.
        remedy: what to do, in sentences.
    """

    def __init__(
        self, what: str, remedy: str = "Begin a new run with a lower learning_rate."
    ) -> None:
        super().__init__(f"the training diverged: {what} {remedy}")
        self.what, self.remedy = what, remedy
