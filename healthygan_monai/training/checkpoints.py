"""Checkpoints from which training goes on as if it had never stopped."""

import logging
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, DiskSaver
from monai.engines import Trainer
from torch.nn.parallel import DistributedDataParallel

from data_prep.errors import UsageError
from healthygan_monai.data.pairs import StreamBatches
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.paths import CHECKPOINT_FOLDER
from healthygan_monai.selection import critic_checkpoint, generator_checkpoint

logger = logging.getLogger(__name__)
TRAINING_PREFIX = "training"
STATES_KEPT = 2


class RandomState:
    """The global random generators of Python, NumPy and PyTorch, as one object with a state.

    Training draws from none of them (batches are functions of the seed); handlers of a user's may.
    """

    def state_dict(self) -> dict[str, Any]:
        name, keys, *rest = np.random.get_state()
        version, internal, gauss = random.getstate()
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "torch": torch.get_rng_state(),
            "cuda": cuda,
            "numpy": [str(name), torch.as_tensor(np.asarray(keys).astype(np.int64)), *rest],
            "python": [version, list(internal), gauss],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        torch.set_rng_state(state["torch"].cpu())
        if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda"]])
        name, keys, *rest = state["numpy"]
        np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))
        version, internal, gauss = state["python"]
        random.setstate((version, tuple(internal), gauss))


class RunCheckpoints:
    """Handler: after every epoch, the model's weights alone (all kept) and the whole state (last
    two kept).

    ``checkpoints/generator_0010000.pt`` is a flat state dict, what model.pt is chosen from;
    ``checkpoints/training_10000.pt`` holds networks, optimisers, schedules, iteration and random
    generators, tensors and plain values only. Both are written by Ignite to a temporary file first.
    ``checkpoints/critic_0010000.pt`` holds the heads of a pretrained critic.

    Args:
        run: the run folder.
        model: the generator whose weights may become model.pt.
        state: name -> object with ``state_dict``; the trainer itself is added as ``trainer``.
        critic: the pretrained critic whose heads are kept beside the model; None keeps none.
    """

    def __init__(
        self,
        run: Path | str,
        model: torch.nn.Module,
        state: Mapping[str, Any],
        critic: torch.nn.Module | None = None,
    ) -> None:
        self.run = Path(run)
        self.model = unwrapped(model)
        self.critic = None if critic is None else unwrapped(critic)
        self.state = with_state(state)

    def attach(self, engine: Engine) -> None:
        folder = str(self.run / CHECKPOINT_FOLDER)
        self.saver = DiskSaver(folder, create_dir=True, require_empty=False, atomic=True)
        whole = Checkpoint(
            {**self.state, "trainer": engine, "random": RandomState()},
            self.saver,
            filename_pattern="{filename_prefix}_{global_step}.pt",
            filename_prefix=TRAINING_PREFIX,
            n_saved=None,  # Ignite would count from the resumption; see remove_old
            global_step_transform=lambda engine, _: engine.state.iteration,
        )
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.save_model)
        engine.add_event_handler(Events.STARTED, self.start, whole)

    def save_model(self, engine: Engine) -> None:
        iteration = engine.state.iteration
        if self.critic is not None:
            self.saver(self.critic.state_dict(), critic_checkpoint(self.run, iteration).name)
        self.saver(self.model.state_dict(), generator_checkpoint(self.run, iteration).name)

    def start(self, engine: Engine, whole: Checkpoint) -> None:
        """Remove what a killed run left half-written, and save whole states from now on.

        They are saved behind everything else that an epoch's end brings: a run killed before its
        checkpoint was judged resumes from the one before, and judges it then.
        """
        for path in (self.run / CHECKPOINT_FOLDER).glob("tmp*"):
            path.unlink()
        if not engine.has_event_handler(whole, Events.EPOCH_COMPLETED):
            engine.add_event_handler(Events.EPOCH_COMPLETED, whole)
            engine.add_event_handler(Events.EPOCH_COMPLETED, self.remove_old)

    def remove_old(self) -> None:
        for path in training_states(self.run)[:-STATES_KEPT]:
            path.unlink()


def unwrapped(network: torch.nn.Module) -> torch.nn.Module:
    """Return the network inside DistributedDataParallel, or itself."""
    return network.module if isinstance(network, DistributedDataParallel) else network


def with_state(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what has nothing to save, such as an average that is none."""
    return {name: part for name, part in parts.items() if part.state_dict()}


def training_states(run: Path | str) -> list[Path]:
    """Whole states of a run, oldest first."""
    found = (Path(run) / CHECKPOINT_FOLDER).glob(f"{TRAINING_PREFIX}_*.pt")
    return sorted(found, key=_iteration_of)


def _iteration_of(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def iterations_done(run: Path | str) -> int:
    """Return the iterations at the last whole state of a run; 0 without one."""
    states = training_states(run)
    return _iteration_of(states[-1]) if states else 0


def resume(
    run: Path | str,
    state: Mapping[str, Any],
    trainer: Trainer,
    batches: StreamBatches,
) -> int:
    """Put the last whole state of a run into these objects; return the iterations already done.

    A run that ended before its first checkpoint begins again; a run is a function of its seed, so
    nothing is lost.

    Raises:
        UsageError: no checkpoint can be read, or it is not of this training (other networks,
            missing parts).
    """
    path, content = _last_readable(Path(run))
    if path is None:
        logger.info("%s has no checkpoint yet: its training begins again", run)
        return 0
    objects = {
        name: unwrapped(o) if isinstance(o, torch.nn.Module) else o
        for name, o in with_state(state).items()
    }
    objects |= {"trainer": trainer, "random": RandomState()}
    max_epochs = trainer.state.max_epochs
    try:
        Checkpoint.load_objects(objects, content)
    except (KeyError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"{path} does not fit this training: {str(error).splitlines()[0][:200]}. Resume with "
            "the settings the run was begun with."
        ) from error
    trainer.state.max_epochs = max_epochs
    batches.start = trainer.state.iteration
    logger.info("resumed %s at iteration %d", run, trainer.state.iteration)
    return trainer.state.iteration


def _last_readable(run: Path) -> tuple[Path | None, Any]:
    """Return the newest readable state; name each damaged one and take the one before it."""
    states = training_states(run)
    for path in reversed(states):
        try:
            return path, read_weights(path)
        except ModelError as error:
            logger.warning("%s", error)
    if states:
        raise ModelError(
            f"{run}: none of its {len(states)} checkpoints/{TRAINING_PREFIX}_*.pt can be read."
        )
    return None, None
