"""Checkpoints from which training goes on as if it had never stopped."""

import logging
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint

from data_prep.errors import UsageError
from healthygan_monai.data.pairs import StreamBatches
from healthygan_monai.errors import Diverged, ModelError
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.paths import (
    CHECKPOINT_FOLDER,
    TRAINING_PREFIX,
    go_on,
    iteration_of,
    training_states,
)
from healthygan_monai.rank_means import unwrapped
from healthygan_monai.runs import is_first_rank, save_weights
from healthygan_monai.selection import critic_checkpoint, generator_checkpoint
from healthygan_monai.training.iterations import IterationTrainer
from healthygan_monai.training.stopping import Stopped, StopRequest

logger = logging.getLogger(__name__)
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
    generators, tensors and plain values only. ``checkpoints/critic_0010000.pt`` holds the heads of
    a pretrained critic.

    Ctrl-C or SIGTERM also saves the whole state after the iteration at hand, and ends with
    :class:`~healthygan_monai.training.stopping.Stopped`.

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
        self.stop = StopRequest()

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.save_model)
        engine.add_event_handler(Events.STARTED, self.start)
        trainer = cast(IterationTrainer, engine)
        trainer.stop, trainer.folder = self.stop, self.run

    def save_model(self, engine: Engine) -> None:
        iteration = engine.state.iteration
        weights = {generator_checkpoint(self.run, iteration): self.model}
        if self.critic is not None:
            weights[critic_checkpoint(self.run, iteration)] = self.critic
        for path, network in weights.items():
            save_weights(require_finite_weights(network.state_dict(), path.stem), path)

    def start(self, engine: Engine) -> None:
        """Save whole states from now on.

        They are saved behind everything else that an epoch's end brings: a run killed before its
        checkpoint was judged resumes from the one before, and judges it then.
        """
        if not engine.has_event_handler(self.end_epoch, Events.EPOCH_COMPLETED):
            engine.add_event_handler(Events.ITERATION_COMPLETED, self.end_iteration)
            engine.add_event_handler(Events.EPOCH_COMPLETED, self.end_epoch)

    def end_iteration(self, engine: IterationTrainer) -> None:
        """Stop here if asked to; at an epoch's end, first let the checkpoint be judged."""
        if self.stop.made and not engine.ends_epoch(engine.state.iteration):
            self.save_state(engine)
            self.end(engine)

    def end_epoch(self, engine: IterationTrainer) -> None:
        self.save_state(engine)
        remove_old_states(self.run, engine)
        if self.stop.made:
            self.end(engine)

    def end(self, engine: IterationTrainer) -> None:
        raise Stopped(
            f"iteration {engine.state.iteration} of {engine.max_iterations} is saved; to go on: "
            f"{go_on(self.run)}"
        )

    def save_state(self, engine: Engine) -> None:
        parts = {**self.state, "trainer": engine, "random": RandomState()}
        path = self.run / CHECKPOINT_FOLDER / f"{TRAINING_PREFIX}_{engine.state.iteration}.pt"
        save_weights({name: unwrapped(part).state_dict() for name, part in parts.items()}, path)


def require_finite_weights(weights: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the weights.

    Raises:
        Diverged: one is not finite: the last step was too large.
    """
    for key, value in weights.items():
        if isinstance(value, torch.Tensor) and not torch.isfinite(value).all():
            raise Diverged(f"weights of {name} ({key}) are not finite.")
    return weights


def remove_old_states(run: Path | str, engine: IterationTrainer) -> None:
    """Keep the whole states of the last two epochs, and none between: a stop leaves no trace."""
    states = training_states(run)
    kept = [path for path in states if engine.ends_epoch(iteration_of(path))][-STATES_KEPT:]
    for path in states:
        if path not in kept:
            path.unlink()


def with_state(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what has nothing to save, such as an average that is none."""
    return {name: part for name, part in parts.items() if part.state_dict()}


def resume(
    run: Path | str,
    state: Mapping[str, Any],
    trainer: IterationTrainer,
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
    objects = {name: unwrapped(part) for name, part in with_state(state).items()}
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
    if is_first_rank() and trainer.ends_epoch(
        trainer.state.iteration
    ):  # of a run that was stopped there, it is one
        remove_old_states(run, trainer)
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
