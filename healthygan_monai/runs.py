"""The run folder: its number, what was run, and files that are whole or absent."""

import atexit
import io
import json
import logging
import re
import shutil
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

import healthygan_monai
from data_prep.datalist import recipe_of_data
from data_prep.errors import UsageError
from data_prep.files import lock, remove_left, require_writable, whole, write_json
from healthygan_monai.errors import NoModel
from healthygan_monai.integrity.recorded import BACKBONE_KEY, sums_of
from healthygan_monai.paths import (
    CHECKPOINT_FOLDER,
    CONFIG_FILE,
    LOG_FILE,
    METRICS_FILE,
    MODEL_FILE,
    NUMBERED,
    PRICES_FILE,
    RUN_FILE,
    SAMPLES_FOLDER,
    SCORES_FILE,
    iterations_done,
    read_config,
    read_run,
    refuse_ensemble,
    refuse_not_begun,
    require_utf8,
)
from healthygan_monai.rank_means import ranks

logger = logging.getLogger(__name__)
# what decided the weights of a run that is older than recipes, and is not in its config.json
BEFORE_RECIPES: dict[str, Any] = {
    **{"recipe": "paper", "critic": "paper", "translation": "masked", "ema": 0.0},
    **{"price": 1.0, "price_healthy": 1.0, "price_warmup": 0, "kept_out": 0.0, "patience": 0},
}


def save_weights(content: Mapping[str, Any], path: Path) -> None:
    """Write tensors and plain values, whole or not at all; equal content gives equal bytes.

    PyTorch writes the file's name into the archive, and what is one object, text too, once: so the
    archive is made in memory, of texts that are one object where they are equal.

    Raises:
        WriteError: the disk is full, or the folder cannot be written to.
    """
    archive = io.BytesIO()
    torch.save(_with_equal_texts(dict(content), {}), archive)
    with whole(path) as part:
        part.write_bytes(archive.getbuffer())


def _with_equal_texts(value: Any, known: dict[str, str]) -> Any:
    kind = type(value)
    if kind in (dict, OrderedDict):
        items = value.items()
        made = kind((_with_equal_texts(k, known), _with_equal_texts(v, known)) for k, v in items)
        if notes := getattr(value, "__dict__", None):  # PyTorch's versions of a module's layers
            vars(made).update(_with_equal_texts(notes, known))
        return made
    if kind in (list, tuple):
        return kind(_with_equal_texts(one, known) for one in value)
    return known.setdefault(value, value) if kind is str else value


def new_run_folder(runs_dir: Path | str, name: str, *, logged: bool = True) -> Path:
    """Make and return ``runs_dir/00003-name``, the next number; safe for two at once.

    Raises:
        UsageError: TensorBoard cannot write there, and training is logged.
    """
    runs = Path(runs_dir)
    if logged:
        require_utf8(runs)
    runs.mkdir(parents=True, exist_ok=True)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-") or "run"
    while True:
        taken = [int(m[1]) for p in runs.iterdir() if (m := NUMBERED.match(p.name))]
        folder = runs / f"{max(taken, default=-1) + 1:05d}-{safe}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        atexit.register(_remove_unused, folder)
        return folder


def _remove_unused(folder: Path) -> None:
    """Remove the folder of a run that an error stopped before anything was logged or saved."""
    made = (PRICES_FILE, METRICS_FILE, CHECKPOINT_FOLDER, MODEL_FILE, SCORES_FILE)
    if not any((folder / name).exists() for name in made):
        logging.shutdown()  # its log file is open
        shutil.rmtree(folder, ignore_errors=True)


def run_folder(runs_dir: Path | str, name: str, resume: Path | str | None = None) -> Path:
    """Return the folder to resume, or a new one; of several ranks the first makes it."""
    if resume is not None:
        folder = Path(resume)
        if not (folder / CONFIG_FILE).is_file():
            if folder.is_dir():
                refuse_not_begun(folder)
            raise NoModel(
                f"--resume {folder}: no {CONFIG_FILE} there; give the folder of an earlier run, "
                "such as runs/00003-demo."
            )
        refuse_ensemble(folder)
        require_utf8(folder)
        return folder
    shared: list[Any] = [new_run_folder(runs_dir, name) if is_first_rank() else None]
    if ranks() > 1:
        torch.distributed.broadcast_object_list(shared)
    return shared[0]


def make_folder(folder: Path | str) -> Path:
    """Return the folder, creating it if needed; refuse early where nothing can be written."""
    return require_writable(Path(folder))


def begin_run(
    folder: Path | str,
    settings: Mapping[str, Any],
    *,
    seed: int | list[int],
    data_hash: str,
    dataset: str,
    device: torch.device | str,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write config.json and run.json, with the keys ``more``, and send the log to log.txt.

    Where the folder is being resumed, the settings must be those it was begun with.

    Raises:
        UsageError: another process works on the run, or a resumed run's settings differ (every
            difference is named), or the user's own file of its critic.
    """
    folder = Path(folder)
    if not is_first_rank():
        return
    add_log_file(folder / LOG_FILE)
    _silence_tensorboard()
    for name in (".", CHECKPOINT_FOLDER, SAMPLES_FOLDER):  # of a killed process
        if (folder / name).is_dir():
            remove_left(folder / name)
    run = _record(settings, seed, data_hash, dataset, device) | dict(more or {})
    if (folder / CONFIG_FILE).is_file():
        _refuse_other_settings(folder, settings)
        previous = read_run(folder)
        _refuse_other_backbone(folder, previous.get(BACKBONE_KEY), run.get(BACKBONE_KEY))
        resumed = [*previous.get("resumed", []), run["started"]]
        run |= {"started": previous["started"], "resumed": resumed}
    write_json(folder / RUN_FILE, run)
    write_json(folder / CONFIG_FILE, dict(settings))  # last: with it the run can be resumed
    logger.info("run folder %s", folder)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _record(
    settings: Mapping[str, Any],
    seed: int | list[int],
    data_hash: str,
    dataset: str,
    device: torch.device | str,
) -> dict[str, Any]:
    """Return what run.json says of a run that begins now."""
    by_monai = "monai" in Path(sys.argv[0]).parts
    program = "python -m monai.bundle" if by_monai else Path(sys.argv[0]).name
    return {
        "version": healthygan_monai.__version__,
        "commit": _commit(),
        "torch": torch.__version__,
        "python": sys.version.split()[0],
        "seed": seed,
        "dataset": dataset,
        "data_hash": data_hash,
        "recipe": recipe_of_data(dataset),
        **({"training_recipe": settings["recipe"]} if settings.get("recipe") else {}),
        "device": str(device),
        "command": " ".join([program, *sys.argv[1:]]),
        "started": _now(),
        "finished": None,
    }


def _refuse_other_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuse to go on with other settings than config.json's; what older ones lack is known."""
    earlier = read_config(folder)
    current = json.loads(json.dumps(dict(settings), default=str))
    if "recipe" in current and "recipe" not in earlier:
        earlier |= BEFORE_RECIPES | {"critic_learning_rate": earlier["learning_rate"]}
        current = {k: v for k, v in current.items() if k in earlier}  # others had no meaning
    elif "kept_out" in earlier:  # trials kept out what the run did before they had their own
        earlier.setdefault("price_kept_out", earlier["kept_out"])
        if current.get("price") != "auto":
            current["price_kept_out"] = earlier["price_kept_out"]
    if "prices" in earlier:  # trials had batches of the run before they had their own
        earlier.setdefault("price_batch_size", current.get("price_batch_size"))
    different = [
        f"{k}: {earlier.get(k)!r} then, {current.get(k)!r} now"
        for k in sorted({*earlier, *current})
        if earlier.get(k) != current.get(k)
    ]
    if different:
        raise UsageError(
            f"--resume {folder}: its settings differ from this command's ({'; '.join(different)}). "
            "Resume with the settings the run was begun with, or begin a new run."
        )


def _refuse_other_backbone(folder: Path, then: str | None, now: str | None) -> None:
    """Refuse to go on with another file of the critic's network, by its SHA-256."""
    if then not in (None, now):
        raise UsageError(
            f"--resume {folder}: the file of the critic's network is another one than the run was "
            f"begun with (SHA-256 {str(then)[:16]} then, {str(now)[:16]} now; critic_backbone or "
            f"critic_weights in {CONFIG_FILE}). Put the earlier file back, or begin a new run."
        )


def _silence_tensorboard() -> None:
    """Let its writing thread print no traceback of a full disk; the next write raises it."""
    before = threading.excepthook

    def hook(broken: threading.ExceptHookArgs) -> None:
        of_tensorboard = type(broken.thread).__name__ == "_AsyncWriterThread"
        if not (of_tensorboard and isinstance(broken.exc_value, OSError)):
            before(broken)

    threading.excepthook = hook


def end_run(folder: Path | str) -> None:
    """Note in run.json when the run ended, after how many iterations if it counts them, and the
    SHA-256 of its weights.
    """
    path = Path(folder) / RUN_FILE
    if not is_first_rank():
        return
    done = iterations_done(path.parent)
    write_json(
        path,
        {
            **read_run(path.parent),
            **({"iterations": done} if done else {}),
            "finished": _now(),
            **sums_of(path.parent),
        },
    )


class RunLog(logging.FileHandler):
    """The log.txt of the run that this process is working on; locked, it keeps others out.

    Raises:
        UsageError: another process works on this run.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        if self.stream is not None and not lock(self.stream):
            self.close()
            raise UsageError(
                f"{path.parent}: another process is working on this run. Wait for its end, or stop "
                "it (Ctrl-C)."
            )

    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk costs log lines; the next file that matters says so."""

    def close(self) -> None:
        with suppress(OSError):  # of lines that found no room
            super().close()


def add_log_file(path: Path) -> None:
    """Append everything logged from now on to a file, and no longer to that of an earlier run."""
    root = logging.getLogger()
    for earlier in [h for h in root.handlers if isinstance(h, RunLog)]:
        root.removeHandler(earlier)
        earlier.close()
    handler = RunLog(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)


def is_first_rank() -> bool:
    """Whether this process writes files: the only one, or rank 0 of several."""
    group = torch.distributed
    return not (group.is_available() and group.is_initialized()) or group.get_rank() == 0


def _commit() -> str | None:
    """Commit of the checkout this package runs from, if it runs from one."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
