"""Training counted in iterations: what the trainers of this project share."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import Trainer
from monai.engines.workflow import Workflow

from data_prep.errors import UsageError
from healthygan_monai.errors import Diverged
from healthygan_monai.paths import go_on, training_states
from healthygan_monai.rank_means import of_first_rank
from healthygan_monai.training.stopping import StopRequest


class IterationTrainer(Trainer):
    """A MONAI trainer that ends after ``max_iterations`` batches; a child gives ``_iteration``.

    Args:
        device: where to train.
        max_iterations: number of batches.
        epoch_length: iterations between checkpoints; Ignite's epoch. The last one may be shorter.
        train_data_loader: iterable of batches.
        max_epochs: as MONAI's tools set it; by default as many as ``max_iterations`` need.
        amp: kept for MONAI's handlers; the child runs its networks under autocast.
        train_handlers: MONAI/Ignite handlers.

    Raises:
        UsageError: ``max_iterations`` or ``epoch_length`` below 1.
    """

    stop: StopRequest | None = None  # of the handler that saves the state
    folder: Path | None = None  # of the run, where that handler saves it

    def __init__(
        self,
        device: torch.device | str,
        max_iterations: int,
        epoch_length: int,
        train_data_loader: Iterable,
        max_epochs: int | None = None,
        amp: bool = False,
        train_handlers: Sequence | None = None,
    ) -> None:
        for name, value in (("max_iterations", max_iterations), ("epoch_length", epoch_length)):
            if value < 1:
                raise UsageError(f"{name} is {value}; expected at least 1.")
        super().__init__(
            device=torch.device(device),
            max_epochs=max_epochs or -(-max_iterations // epoch_length),
            data_loader=train_data_loader,
            epoch_length=epoch_length,
            amp=amp,
            decollate=False,
            handlers=train_handlers,
        )
        self.max_iterations = max_iterations
        self.epoch_length = epoch_length
        self.state_dict_user_keys.append("ended_early")
        self.state.ended_early = False
        self.logger.setLevel(logging.CRITICAL)  # Ignite's lines; ours say it shorter

        @self.on(Events.ITERATION_COMPLETED)
        def end_at_max_iterations(engine: Any) -> None:
            at_end_of_epoch = engine.state.iteration % epoch_length == 0
            if engine.state.iteration == max_iterations and not at_end_of_epoch:
                engine.terminate_epoch()

        @self.on(Events.EPOCH_COMPLETED)
        def end_with_the_first_rank(engine: Any) -> None:
            # it alone judges checkpoints, and may end the training early
            if of_first_rank(engine.state.ended_early) and not engine.state.ended_early:
                engine.state.ended_early = True
                engine.terminate()

    def ends_epoch(self, iteration: int) -> bool:
        """Whether a checkpoint comes after this iteration."""
        return iteration % self.epoch_length == 0 or iteration == self.max_iterations

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state; one that an earlier version saved knows less."""
        super().load_state_dict({"ended_early": False, **state_dict})

    def run(self) -> None:  # type: ignore[override]
        """Train from the present state to the end; do nothing where the run is complete.

        Raises:
            Diverged: something is not finite; proposes to resume where a whole state is saved.
        """
        if self.state.ended_early or self.state.iteration >= self.max_iterations:
            logging.getLogger(__name__).info(
                "nothing left to train: %d iterations are done", self.state.iteration
            )
            return
        with self.stop or nullcontext():
            # not Trainer.run(): it makes a CUDA gradient scaler, which bfloat16 does not need
            try:
                Workflow.run(self)
            except Diverged as error:
                if self.folder is None or not training_states(self.folder):
                    raise
                remedy = (
                    f"{error.remedy} The checkpoints before it are whole: {go_on(self.folder)} "
                    "goes on from the last one."
                )
                raise Diverged(error.what, remedy) from error
