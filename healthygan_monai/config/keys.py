"""Begin a workflow of the bundle: refuse unknown config keys and wrong settings."""

import importlib.util
import inspect
import json
import logging
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from pydoc import locate
from typing import Any

from monai.bundle import ComponentLocator, ConfigParser
from monai.utils import set_determinism

from data_prep.errors import NotInstalled
from data_prep.files import read_json
from data_prep.work.kept import keep_freed_memory
from healthygan_monai.config.known import refuse, unknown, unknown_keys
from healthygan_monai.config.messages import shorten_errors
from healthygan_monai.config.ranges import wrong_settings
from healthygan_monai.paths import METADATA_FILE
from healthygan_monai.telemetry import switch_off

# MONAI Label's; a run does not even import them
OF_A_SERVER = ("pre_transforms", "post_transforms")
# our own progress lines say it shorter
CHATTY = ("healthygan_monai.trainer", "ignite", "monai.engines.evaluator")


def begin(config_dir: Path | str, seed: int) -> None:
    """First thing of every workflow: short errors, no telemetry, no unknown keys, determinism, and
    memory that is kept.

    Raises:
        ConfigError: see :func:`refuse_unknown_keys`.
        ModuleNotFoundError: the run is to be tracked with MLflow, which is not there.
    """
    shorten_errors()
    switch_off()
    config = calling_parser().get()
    require_mlflow(config)
    refuse_unknown_keys(config, Path(config_dir))
    keep_freed_memory()
    set_determinism(seed=seed, use_deterministic_algorithms=None)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.CRITICAL)


def refuse_unknown_keys(config: Mapping[str, Any], config_dir: Path) -> None:
    """Refuse keys that nothing reads; MONAI itself would take ``--lamda_gp 5`` in silence.

    Known are the keys of those of the bundle's own files that the config contains (of all of them
    if it is entirely the user's), keys that some ``@reference`` names, and for a component the
    arguments of its class.

    Raises:
        ConfigError: names every unknown key with the nearest known one.
    """
    files = [
        read_json(path) for path in sorted(config_dir.glob("*.json")) if path.name != METADATA_FILE
    ]
    contained = [file for file in files if all(_section(key) in config for key in file)]
    shipped: dict[str, Any] = {}
    for file in contained or files:
        _merge(shipped, file)
    problems = [*unknown_keys(config, shipped)]
    for section in ("train", "validate", "settings", "state"):
        if isinstance(config.get(section), Mapping):
            expected = set(shipped.get(section, {}))
            problems += [
                unknown(f"{section}#{key}", {f"{section}#{name}" for name in expected})
                for key in config[section]
                if key not in expected
            ]
    used = {key: value for key, value in config.items() if key not in OF_A_SERVER}
    problems += [*_wrong_arguments(used), *wrong_settings(config)]
    refuse(problems, shipped)


def _section(key: str) -> str:
    """Return ``train`` of ``+train#trainer#amp``."""
    return key.lstrip("+").partition("#")[0]


def _merge(into: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Keys of a config with ``train#trainer#amp``-like ids unfolded, as far as sections go."""
    for key, value in config.items():
        section, _, rest = key.lstrip("+").partition("#")
        if rest:
            into.setdefault(section, {}).setdefault(rest.partition("#")[0], value)
        elif isinstance(value, Mapping) and isinstance(into.get(section), dict):
            into[section].update(value)
        else:
            into[section] = dict(value) if isinstance(value, Mapping) else value


def _wrong_arguments(config: Any, where: str = "") -> Iterator[str]:
    """Arguments that a component's class does not take, throughout the config."""
    if isinstance(config, list):
        for number, value in enumerate(config):
            yield from _wrong_arguments(value, f"{where}#{number}")
        return
    if not isinstance(config, Mapping):
        return
    for key, value in config.items():
        yield from _wrong_arguments(value, f"{where}#{key}".lstrip("#"))
    target = config.get("_target_")
    if not isinstance(target, str) or target.startswith("$"):
        return
    module, _, name = target.rpartition(".")
    if not module:  # MONAI finds its own components by their bare names
        module = _module_in_monai(name)
        if not module:
            return
    component: Any = locate(f"{module}.{name}")
    if component is None:
        yield f"{where}: {target} does not exist"
        return
    parameters = inspect.signature(component).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for key in config:
        if not key.startswith("_") and key not in parameters:
            yield unknown(f"{where}#{key}", {f"{where}#{p}" for p in parameters})


@cache
def _module_in_monai(name: str) -> str:
    """Return the module of a component; empty where MONAI has none of this name, or several."""
    found = _locator().get_component_module_name(name)
    return found if isinstance(found, str) else ""


@cache
def _locator() -> ComponentLocator:
    """Return MONAI's table of its components, for which it looks through all of its modules."""
    return ComponentLocator()


def calling_parser() -> ConfigParser:
    """Return the MONAI parser that is evaluating an expression.

    The expression itself has no other way to its config; ``exchange/vendoring.py`` needs the
    workflow in the same way, before this package can be imported.
    """
    frame = inspect.currentframe()
    while frame is not None:
        candidate = frame.f_locals.get("self")
        if isinstance(candidate, ConfigParser):
            return candidate
        frame = frame.f_back
    raise RuntimeError("not called from an expression of a MONAI config")


def require_mlflow(config: Mapping[str, Any]) -> None:
    """Refuse a config that tracks with MLflow where it is not installed.

    Raises:
        NotInstalled: says how to install it.
    """
    if "MLFlowHandler" in json.dumps(config, default=str) and not importlib.util.find_spec(
        "mlflow"
    ):
        raise NotInstalled(
            "--tracking mlflow needs MLflow: pip install 'healthygan-monai[tracking]'"
        )
