"""The SHA-256 of a run's weights: written when training ends, found beside a model."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

BACKBONE_KEY = "critic_backbone_sha256"  # of run.json: a user's own file of the pretrained critic


def sums_of(run: Path) -> dict[str, str]:
    """Return the keys of run.json that identify the weights in a folder."""
    files = {key: run / name for name, key in KEYS.items()}
    return {key: sha256(path) for key, path in files.items() if path.is_file()}


@contextmanager
def replacing_weights(run: Path) -> Iterator[None]:
    """Replace the sums in run.json while other weights are chosen.

    A killed process leaves none. One that fails leaves those of the files that it did not change.
    """
    before = {k: v for k, v in read_run_if_any(run).items() if k in KEYS.values()}
    if before:
        _write(run, {})
    try:
        yield
    except BaseException:
        kept = {key: value for key, value in sums_of(run).items() if before.get(key) == value}
        if kept:
            with suppress(OSError):  # the error that led here is the one to tell
                _write(run, kept)
        raise
    record_sums(run)


def record_sums(run: Path) -> None:
    """Write the sums of the weights in a run folder into its run.json, if there is one."""
    if (run / RUN_FILE).is_file():
        _write(run, sums_of(run))


def _write(run: Path, sums: dict[str, str]) -> None:
    others = {name: value for name, value in read_run(run).items() if name not in KEYS.values()}
    write_json(run / RUN_FILE, {**others, **sums})


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
