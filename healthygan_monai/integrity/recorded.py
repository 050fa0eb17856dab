"""The SHA-256 of a run's weights: written when training ends, found beside a model."""

from pathlib import Path

from data_prep.files import sha256, write_json
from healthygan_monai.paths import (
    CONFIG_FILE,
    CRITIC_FILE,
    MODEL_FILE,
    RUN_FILE,
    SERVING_FILE,
    read_config,
    read_run,
    read_run_if_any,
    read_serving,
)

ACCEPT = "--accept-changed-weights"  # the option of every command that loads a model
KEYS = {MODEL_FILE: "weights_sha256", CRITIC_FILE: "critic_sha256"}  # files -> keys of run.json


def sums_of(run: Path) -> dict[str, str]:
    """Return the keys of run.json that identify the weights in a folder."""
    files = {key: run / name for name, key in KEYS.items()}
    return {key: sha256(path) for key, path in files.items() if path.is_file()}


def forget_sums(run: Path) -> None:
    """Remove the sums from run.json before other weights are chosen; a stop then leaves none."""
    known = read_run_if_any(run)
    if any(key in known for key in KEYS.values()):
        others = {name: value for name, value in known.items() if name not in KEYS.values()}
        write_json(run / RUN_FILE, others)


def record_sums(run: Path) -> None:
    """Write the sums of the weights in a run folder into its run.json, if there is one."""
    if (run / RUN_FILE).is_file():
        write_json(run / RUN_FILE, {**read_run(run), **sums_of(run)})


def recorded_sha256(path: Path) -> tuple[str, str | None]:
    """Return which file beside a model.pt or critic.pt may hold its SHA-256, and that, or None.

    A run's own run.json alone counts; without one, serving.json or config.json of a bundle.
    """
    folder = path.parent
    if (folder / RUN_FILE).is_file():
        return RUN_FILE, read_run(folder).get(KEYS[path.name])
    if path.name != MODEL_FILE:
        return CONFIG_FILE, None
    if (folder / SERVING_FILE).is_file():
        return SERVING_FILE, read_serving(folder).get("weights_sha256")
    return CONFIG_FILE, read_config(folder).get("weights_sha256")
