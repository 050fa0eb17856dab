"""Run ``healthygan train --seeds``: one run for each seed, then the ensemble of these runs."""

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from data_prep.errors import HealthyGANError, UsageError
from healthygan_monai.cli.arguments import settings
from healthygan_monai.cli.ensemble import show
from healthygan_monai.config.messages import explained
from healthygan_monai.errors import Diverged
from healthygan_monai.paths import CHECKPOINT_FOLDER, PRICES_FILE, RUN_FILE, go_on, read_run
from healthygan_monai.scoring import HEALTHYGAN

log = logging.getLogger(__name__)
Train = Callable[[int, list[Path]], Path | None]


def train_seeds(arguments: argparse.Namespace, train: Train) -> int:
    """Train one run for each seed and average them; after a stop, say how to go on.

    Args:
        arguments: of the command.
        train: trains the run of a seed, adds its folder to a list as soon as there is one, and
            returns it; None for a dry run.

    Raises:
        UsageError: see :func:`check_seeds`.
    """
    check_seeds(arguments)
    seeds: list[int] = arguments.seeds
    begun: list[Path] = []
    with telling_how_to_go_on(arguments, seeds, begun):
        for number, seed in enumerate(seeds, start=1):
            print(f"run {number} of {len(seeds)}: seed {seed}", flush=True)
            if train(seed, begun) is None:
                names = ", ".join(map(str, seeds))
                print(f"the same for each of the seeds {names}; then their ensemble is made")
                return 0
    from healthygan_monai.models.ensemble import make_ensemble

    show(make_ensemble(begun))
    return 0


def check_seeds(arguments: argparse.Namespace) -> None:
    """Refuse options that do not go with ``--seeds``.

    Raises:
        UsageError: names all of them.
    """
    seeds: list[int] = arguments.seeds
    problems = []
    if arguments.resume is not None:
        problems.append(
            "it begins new runs, so it cannot be given with --resume; resume one run at a time, "
            "then: healthygan ensemble RUN RUN"
        )
    if arguments.seed is not None or "seed" in settings(arguments.set):
        problems.append("give either --seeds or one seed")
    if arguments.method != HEALTHYGAN:
        problems.append(f"only for {HEALTHYGAN}, not {arguments.method}")
    if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        problems.append(f"given twice: {', '.join(map(str, twice))}")
    elif len(seeds) < 2:
        problems.append(f"an ensemble needs two or more; for one run: --seed {seeds[0]}")
    if problems:
        raise UsageError("--seeds: " + "; ".join(problems) + ".")


@contextmanager
def telling_how_to_go_on(
    arguments: argparse.Namespace, seeds: Sequence[int], begun: Sequence[Path]
) -> Iterator[None]:
    """Say which commands finish what was stopped: of several runs always, of one where it is not
    about what was given.
    """
    try:
        yield
    except BaseException as error:
        cause = explained(error) if isinstance(error, Exception) else error
        if isinstance(cause, OSError) and cause.errno and not cause.filename and begun:
            cause.filename = str(begun[-1])  # TensorBoard names no file
        if isinstance(cause, Diverged):  # says itself what to do
            raise
        if len(seeds) > 1:
            for text in how_to_go_on(seeds, begun):
                log.warning("%s", text)
        elif not isinstance(cause, HealthyGANError):
            arguments.go_on = next((go_on(run) for run in begun if _is_worth_keeping(run)), None)
        raise


def how_to_go_on(seeds: Sequence[int], begun: Sequence[Path]) -> Iterator[str]:
    """Yield the commands that finish what was stopped; nothing where nothing is worth keeping."""
    finished = [run for run in begun if _is_finished(run)]
    stopped = [run for run in begun[len(finished) :] if _is_worth_keeping(run)]
    kept = [*finished, *stopped]
    if not kept:
        return
    left = seeds[len(kept) :]
    yield "stopped; to go on:"
    for run in stopped:
        yield f"  {go_on(run)}"
    for seed in left:
        yield f"  healthygan train, with --seed {seed} in place of --seeds"
    runs = [*map(str, kept), *["RUN"] * len(left)]
    yield f"  healthygan ensemble {' '.join(runs)}"


def _is_worth_keeping(run: Path) -> bool:
    return any((run / name).exists() for name in (CHECKPOINT_FOLDER, PRICES_FILE))


def _is_finished(run: Path) -> bool:
    return (run / RUN_FILE).is_file() and read_run(run).get("finished") is not None
