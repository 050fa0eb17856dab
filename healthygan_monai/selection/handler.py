"""Judge each checkpoint during training, and keep the best as the model."""

import logging
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from healthygan_monai.paths import SELECTION_FILE
from healthygan_monai.selection.candidates import (
    Candidate,
    choose,
    generator_checkpoint,
    has_checkpoints,
    make_model,
    read_selection,
    warn_of_choice,
    write_selection,
)
from healthygan_monai.selection.criteria import aucp_error

logger = logging.getLogger(__name__)


class CheckpointSelection:
    """Handler: after each validation, record the criteria and keep model.pt the best generator so
    far.

    Attach to the trainer, whose checkpoint handler must save the generator before the validation
    runs.

    Args:
        run: the run folder.
        evaluator: whose metrics are the criteria.
        criterion: fid or aucp.
        fid_features: name of the features of FID, for selection.csv.
        judges: mixed and healthy subjects kept out of training, who alone judge; None if the images
            that judge were trained on.
        patience: after more than this many checkpoints without a better one training ends; 0 lets
            it go on to the end.
    """

    def __init__(
        self,
        run: Path | str,
        evaluator: Engine,
        criterion: str,
        fid_features: str,
        patience: int = 0,
        judges: tuple[int, int] | None = None,
    ) -> None:
        # refuse an unknown criterion early
        choose([Candidate(0, 0.0, 0.0, fid_features)], criterion)
        self.run = Path(run)
        self.evaluator = evaluator
        self.criterion = criterion
        self.fid_features = fid_features
        self.patience, self.judges = patience, judges

    def attach(self, engine: Engine) -> None:
        # the evaluator's event, not the trainer's: not every epoch ends with a validation
        # (val_interval)
        self.evaluator.add_event_handler(Events.COMPLETED, lambda _: self(engine))
        engine.add_event_handler(Events.STARTED, self.begin)

    def begin(self, engine: Engine) -> None:
        """Make the model of a resumed run anew: another criterion may have chosen it since, or a
        checkpoint whose training state was lost. Warn where selection.csv has no row.
        """
        iteration = engine.state.iteration
        if not iteration or not has_checkpoints(self.run):
            return
        if earlier := [c for c in read_selection(self.run) if c.iteration <= iteration]:
            chosen = choose(earlier, self.criterion)
            if generator_checkpoint(self.run, chosen.iteration).is_file():
                make_model(self.run, chosen.iteration)
            write_selection(self.run, earlier, chosen)
        else:
            logger.warning(
                "%s has no row of the checkpoints up to iteration %d: none of them can become the "
                "model. Put the file back before you go on, or go on without them.",
                *(self.run / SELECTION_FILE, iteration),
            )

    def __call__(self, engine: Any) -> None:
        iteration = engine.state.iteration
        if iteration == 0:  # the evaluator was run on its own
            return
        metrics = self.evaluator.state.metrics
        found = float(metrics["aucp"])
        candidate = Candidate(
            iteration,
            float(metrics["fid"]),
            found,
            self.fid_features,
            aucp_error=aucp_error(found, *self.judges) if self.judges else 0.0,
        )
        earlier = [c for c in read_selection(self.run) if c.iteration < iteration]
        chosen = choose([*earlier, candidate], self.criterion)
        if chosen.iteration == iteration:
            make_model(self.run, iteration)
        write_selection(self.run, [*earlier, candidate], chosen)
        logger.info(
            "iter %d  FID[%s] %.3f  AUCp %.3f  chosen so far (%s): iter %d",
            *(
                iteration,
                self.fid_features,
                candidate.fid,
                candidate.aucp,
                self.criterion,
                chosen.iteration,
            ),
        )
        since = sum(c.iteration > chosen.iteration for c in [*earlier, candidate])
        if self.patience and since > self.patience:
            logger.info("%d checkpoints without a better one: training ends", since)
            engine.state.ended_early = True
            engine.terminate()
        if engine.state.ended_early or iteration == engine.max_iterations:
            warn_of_choice(self.run, [*earlier, candidate], chosen, self.criterion)
