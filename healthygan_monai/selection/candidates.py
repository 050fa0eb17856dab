"""The judged checkpoints of a run, and the one that is its model."""

import logging
from contextlib import closing
from dataclasses import astuple, replace
from pathlib import Path

from data_prep.errors import NotFound
from data_prep.files import write_csv
from healthygan_monai.integrity.recorded import replacing_weights
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.paths import (
    CHECKPOINT_FOLDER,
    CRITIC_FILE,
    FIRST_IS_BEST,
    LOG_FILE,
    MODEL_FILE,
    PRICES_FILE,
    SELECTION_FILE,
    refuse_ensemble,
)
from healthygan_monai.records.selection_csv import (
    Candidate,
    choose,
    doubt,
    read_candidates,
)
from healthygan_monai.runs import RunLog, save_weights

logger = logging.getLogger(__name__)


def read_selection(run: Path) -> list[Candidate]:
    """Return selection.csv of a run folder; empty where there is none.

    Raises:
        ModelError: it is broken; names the line.
    """
    return read_candidates(run / SELECTION_FILE)


def write_selection(run: Path, candidates: list[Candidate], chosen: Candidate) -> None:
    """Write selection.csv, completely or not at all, in the order of iterations."""
    rows = (
        astuple(replace(c, chosen=int(c.iteration == chosen.iteration)))
        for c in sorted(candidates, key=lambda c: c.iteration)
    )
    write_csv(run / SELECTION_FILE, list(Candidate.__dataclass_fields__), rows)


def warn_of_choice(
    run: Path, candidates: list[Candidate], chosen: Candidate, criterion: str
) -> None:
    """Warn where the first of several checkpoints was chosen, or by an AUCp that means little."""
    if len(candidates) > 1 and chosen.iteration == min(c.iteration for c in candidates):
        logger.warning("%s", FIRST_IS_BEST)
    searched = (run / PRICES_FILE).is_file()
    if criterion == "aucp" and (text := doubt(chosen.aucp, chosen.aucp_error, searched)):
        logger.warning("%s", text)


def generator_checkpoint(run: Path, iteration: int) -> Path:
    """Return the file of the generator's weights after an iteration."""
    return run / CHECKPOINT_FOLDER / f"generator_{iteration:07d}.pt"


def has_checkpoints(run: Path) -> bool:
    """Whether a run has the generator's weights of any iteration."""
    return any((run / CHECKPOINT_FOLDER).glob("generator_*.pt"))


def critic_checkpoint(run: Path, iteration: int) -> Path:
    """Return the file of a pretrained critic's heads after an iteration."""
    return run / CHECKPOINT_FOLDER / f"critic_{iteration:07d}.pt"


def make_model(run: Path, iteration: int) -> None:
    """Write model.pt from a checkpoint's generator, and critic.pt from its critic if there is one.

    The old critic.pt is removed first: a stopped process leaves none, but never another
    checkpoint's.
    """
    (run / CRITIC_FILE).unlink(missing_ok=True)
    generator, critic = generator_checkpoint(run, iteration), critic_checkpoint(run, iteration)
    save_weights(read_weights(generator), run / MODEL_FILE)
    if critic.is_file():
        save_weights(read_weights(critic), run / CRITIC_FILE)


def select(run: Path, criterion: str) -> Candidate:
    """Choose again among the judged checkpoints of a run; rewrite its model and selection.csv.

    Raises:
        UsageError: the run is an ensemble, which has no checkpoints, or it is being trained.
    """
    refuse_ensemble(run)
    with closing(RunLog(run / LOG_FILE)):
        candidates = read_selection(run)
        chosen = choose(candidates, criterion)
        path = generator_checkpoint(run, chosen.iteration)
        if not path.is_file():
            text = "is gone, so it cannot become model.pt; choose another criterion."
            raise NotFound(f"{path} {text}")
        with replacing_weights(run):
            make_model(run, chosen.iteration)
            write_selection(run, candidates, chosen)
    warn_of_choice(run, candidates, chosen, criterion)
    return chosen
