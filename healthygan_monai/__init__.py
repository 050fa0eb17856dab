"""HealthyGAN: translate any image into a healthy one; what changes is the anomaly.

The names of the Python API (docs/python_api.md) are loaded when they are first used: importing this
package needs neither torch nor monai, and does nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from data_prep import __version__
from healthygan_monai.telemetry import switch_off

if TYPE_CHECKING:
    from healthygan_monai.api.model import Model, load_model
    from healthygan_monai.api.results import FolderResult, ImageResult, Problem, Result
    from healthygan_monai.errors import (
        DataError,
        HealthyGANError,
        LeakError,
        ModelError,
        NoModel,
        PrepError,
    )
    from healthygan_monai.paths import bundle_root

__all__ = [
    "DataError",
    "FolderResult",
    "HealthyGANError",
    "ImageResult",
    "LeakError",
    "Model",
    "ModelError",
    "NoModel",
    "PrepError",
    "Problem",
    "Result",
    "__version__",
    "bundle_root",
    "load_model",
]

_HOMES = {
    "api.model": ("Model", "load_model"),
    "errors": ("DataError", "HealthyGANError", "LeakError", "ModelError", "NoModel", "PrepError"),
    "paths": ("bundle_root",),
    "api.results": ("FolderResult", "ImageResult", "Problem", "Result"),
}
_MOVED = ("checkpoints", "features", "handlers")  # modules of 0.1 configs; bundle_api has all names
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        return import_module(f"{__name__}.bundle_api")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    switch_off()  # before MONAI loads MLflow, which makes a number for the machine
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
