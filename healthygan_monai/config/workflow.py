"""Run a workflow of the bundle from a command, exactly as ``python -m monai.bundle`` does."""

import logging
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.errors import UsageError
from healthygan_monai.config.literal import as_literal, as_word
from healthygan_monai.errors import ConfigError
from healthygan_monai.paths import bundle_root
from healthygan_monai.scoring import HEALTHYGAN


def equivalent(
    config: str,
    overrides: Mapping[str, Any],
    run_id: str = "run",
    tracking: str | None = None,
) -> str:
    """Return the ``python -m monai.bundle`` command that does the same."""
    words = ["python", "-m", "monai.bundle", "run", run_id]
    words += ["--config_file", str(bundle_root() / "configs" / config)]
    words += ["--tracking", tracking] if tracking else []
    for key, value in overrides.items():
        words += [f"--{key}", as_word(value)]
    return shlex.join(words)


def run_config(config: str, overrides: Mapping[str, Any], run_id: str = "run") -> Any:
    """Initialise and run a workflow of the bundle in this process; returns it, finished."""
    workflow = make_workflow(config, overrides, run_id)
    workflow.initialize()
    workflow.run()
    workflow.finalize()
    return workflow


def make_workflow(
    config: str,
    overrides: Mapping[str, Any],
    run_id: str = "run",
    tracking: str | None = None,
) -> Any:
    """Return the workflow, configured but not initialised.

    Args:
        config: name of the file.
        overrides: keys and their values.
        run_id: the key to run.
        tracking: MONAI's: ``mlflow`` or a file of settings.

    Raises:
        ConfigError: an override such as ``seed#x`` of a key that holds no others.
    """
    import warnings

    warnings.filterwarnings("ignore", message="parsing config_file", category=UserWarning)
    from monai.bundle import ConfigWorkflow

    # MONAI sets them to INFO on import, and warns of no log file
    for name in ("monai.bundle.workflows", "monai.bundle.scripts"):
        logging.getLogger(name).setLevel(logging.ERROR)

    configs = bundle_root() / "configs"
    try:
        return ConfigWorkflow(
            config_file=str(configs / config),
            logging_file=False,
            workflow_type=None,
            run_id=run_id,
            tracking=tracking,
            bundle_root=as_literal(bundle_root()),
            **overrides,
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        inner = [key for key in overrides if "#" in key]
        if not inner:
            raise
        raise ConfigError(f"{config} has no place for {', '.join(inner)} ({error})") from error


def device_override(name: str) -> dict[str, Any]:
    """Return ``device`` for the configs; nothing for auto, their own default.

    Raises:
        ConfigError: the device is missing.
    """
    if name == "auto":
        return {}
    from healthygan_monai.config.devices import best_device

    return {"device": f"$torch.device({str(best_device(name))!r})"}


def chosen_config(
    method: str, changes: Mapping[str, Any], weights: Path | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the bundle's config that trains the method, and its overrides for these settings.

    A setting that the config does not have is passed to the method.

    Raises:
        UsageError: no such method, a setting that neither has (with the nearest), weights for a
            method without.
    """
    if method == HEALTHYGAN:
        if weights is not None:
            raise UsageError("--weights: the backbone of padim or patchcore; healthygan has none.")
        return "train.json", dict(changes)
    from data_prep.files import read_json
    from healthygan_monai.baselines.registry import check_options
    from healthygan_monai.paths import bundle_root

    config = "train_baseline.json"
    known = {*read_json(bundle_root() / "configs" / config)}
    overrides: dict[str, Any] = {"method": method}
    options = {key: value for key, value in changes.items() if key.partition("#")[0] not in known}
    overrides |= {key: value for key, value in changes.items() if key not in options}
    file = None if weights is None else str(weights)
    check_options(method, options, file)
    if options:
        overrides["options"] = options
    if file is not None:
        overrides["weights"] = as_literal(file)
    return config, overrides
