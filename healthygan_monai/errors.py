"""Errors about what the user gave, all children of HealthyGANError; needs neither torch nor monai."""

from __future__ import annotations

from data_prep.datalist import DataError, LeakError
from data_prep.errors import HealthyGANError, PrepError

__all__ = ["DataError", "HealthyGANError", "LeakError", "ModelError", "NoModel", "PrepError"]


class ModelError(HealthyGANError):
    """A file that holds no model, or not the whole of one."""


class NoModel(ModelError, FileNotFoundError):
    """No such file or run folder; as a FileNotFoundError it has no errno."""


class ConfigError(HealthyGANError):
    """A configuration that cannot be meant; the message names the key and the nearest one that exists."""
