"""The methods that HealthyGAN is compared with: one contract, ``base``; one list, ``names``."""

from importlib import import_module
from typing import Any

_HOMES = {"Batches": "images", "Detector": "base", "NotFitted": "base"}  # the rest: registry
__all__ = ["DETECTORS", *_HOMES, "check_options", "load_detector", "make_detector"]


def __getattr__(name: str) -> Any:
    """Load a name's module when it is first used; ``names`` alone needs no PyTorch."""
    if name == "scoring":  # a module of 0.1 configs
        return import_module("healthygan_monai.bundle_api")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'registry')}"), name)
