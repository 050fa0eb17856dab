"""What a training will do and cost, said before it begins; its pace is measured on this machine."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events

from data_prep.datalist import UNLABELLED
from data_prep.work.progress import span
from healthygan_monai.config.devices import peak_memory
from healthygan_monai.config.keys import calling_parser
from healthygan_monai.data.kept_out import left_out
from healthygan_monai.data.plan import AUTO, JUDGES, RECIPES, kept_out_for
from healthygan_monai.errors import Diverged
from healthygan_monai.paths import iterations_done
from healthygan_monai.pretrained.make import make_trainer
from healthygan_monai.pretrained.price import optimizer_like
from healthygan_monai.pretrained.trials import most_trials, read_trials
from healthygan_monai.rank_means import of_first_rank, ranks, unwrapped
from healthygan_monai.training.checkpoints import RandomState

logger = logging.getLogger(__name__)
DAY = 24 * 3600.0
LEAST_MEASURED = 2  # iterations, after one to warm up
SLOW = 3.0  # seconds: where the first round takes longer, it is enough


@dataclass(frozen=True)
class Pace:
    """Seconds of an iteration, bytes of memory at its peak (None: unknown), where, and of how many
    iterations the seconds are the mean.
    """

    seconds: float
    memory: int | None
    device: str
    iterations: int


@dataclass(frozen=True)
class Forecast:
    """The plan of a run and its times, in seconds from now; judging checkpoints comes on top.

    Args:
        recipe, translation, image_size, image_channels, batch_size, max_iterations: of the run.
        epoch_length: iterations between checkpoints.
        done: iterations of a run that goes on.
        price: ``auto``, a number, or None.
        trials: of the price search that are still to do, at most.
        trial_iterations: of each.
        trial_share: of the images of a batch, that one of a trial has.
        sizes: of the networks and what they were chosen by, in words.
        kept_out: subjects kept out of training, in words.
        pace: measured.
    """

    recipe: str
    translation: str
    image_size: int
    image_channels: int
    batch_size: int
    max_iterations: int
    epoch_length: int
    done: int
    price: float | str | None
    trials: int
    trial_iterations: int
    trial_share: float
    sizes: str
    kept_out: str
    pace: Pace

    @property
    def search(self) -> float:
        """Seconds of the price search."""
        return self.trials * self.trial_iterations * self.trial_share * self.pace.seconds

    @property
    def to_checkpoint(self) -> float:
        """Seconds to the next checkpoint."""
        at = min(self.max_iterations, (self.done // self.epoch_length + 1) * self.epoch_length)
        return self.search + (at - self.done) * self.pace.seconds

    @property
    def to_end(self) -> float:
        """Seconds to the last iteration."""
        return self.search + (self.max_iterations - self.done) * self.pace.seconds

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield the plan as names and texts."""
        others = " or ".join(f"--set recipe={name}" for name in RECIPES if name != self.recipe)
        side, pace = self.image_size, self.pace
        yield "recipe", f"{self.recipe} (another: {others})"
        yield "translation", self.translation
        yield "images", f"{side} x {side} x {self.image_channels}, in batches of {self.batch_size}"
        yield "sizes", self.sizes
        done = f", {self.done} of them done" if self.done else ""
        yield "iterations", f"{self.max_iterations}{done}; a checkpoint every {self.epoch_length}"
        yield "price of a change", self._price()
        yield "kept out of training", self.kept_out
        memory = "unknown" if pace.memory is None else f"{pace.memory / 1e9:.1f} GB at the peak"
        yield "memory", f"{memory} ({pace.device})"
        batches = f"{pace.iterations} batch{'es' if pace.iterations > 1 else ''}"
        text = f"{pace.seconds:.3g} s, measured on {batches} of random images"
        yield "an iteration", text
        yield "next checkpoint", f"in about {span(self.to_checkpoint)}"
        search = f", {span(self.search)} of them for the price search" if self.trials else ""
        yield "end", f"in about {span(self.to_end)}{search}; judging checkpoints comes on top"

    def _price(self) -> str:
        if self.price == AUTO:
            most = f"at most {self.trials} trials of {self.trial_iterations} iterations"
            return f"searched: {most}" if self.trials else "searched already"
        return "none, changes are free" if self.price is None else f"fixed at {self.price:g}"

    def warning(self) -> str | None:
        """Return what to do where the end is more than a day away, else None."""
        if self.to_end <= DAY:
            return None
        other = "" if self.recipe == "pretrained" else "--set recipe=pretrained is much shorter. "
        gpu = "A GPU is faster. " if self.pace.device == "cpu" else ""
        fewer = max(1, int((DAY - self.search) / self.pace.seconds))
        return (
            f"the end is {span(self.to_end)} away. {other}{gpu}Fewer iterations also end sooner: "
            f"{fewer} take a day (--set max_iterations={fewer})."
        )


def log_forecast() -> None:
    """Log the forecast of the training whose config calls this; nothing where it is complete."""
    parser = calling_parser()
    resume = parser.get_parsed_content("resume")
    if resume and iterations_done(resume) >= parser.get_parsed_content("max_iterations"):
        return
    forecast = forecast_of(parser)
    for name, text in forecast.rows():
        logger.info("%s: %s", name, text)
    warning = forecast.warning()
    if warning is not None:
        logger.warning("%s", warning)


def forecast_of(parser: Any) -> Forecast:
    """Return the forecast of a training from the parser of ``train.json``.

    The networks are made if they are not yet, and stay as they are; no image is read.
    """
    get = parser.get_parsed_content
    resume = get("resume")
    done = iterations_done(resume) if resume else 0
    trials = 0
    if get("price") == AUTO and not done:  # the search comes before the first iteration
        tried = len(read_trials(Path(resume))) if resume else 0
        trials = max(0, most_trials(get("prices"), get("price_folds")) - tried)
    names = ("translation", "image_size", "image_channels", "batch_size", "max_iterations")
    return Forecast(
        recipe=get("plan").recipe,
        **{name: get(name) for name in (*names, "epoch_length", "price")},
        done=done,
        trials=trials,
        trial_iterations=get("price_iterations"),
        trial_share=get("price_batch_size") / get("batch_size"),
        sizes=_sizes(get),
        kept_out=_kept_out(get),
        pace=_measure(get),
    )


def _sizes(get: Any) -> str:
    side = get("critic_size")
    critic = f"; the critic looks at {side} x {side}" if get("critic") == "pretrained" else ""
    mixed = len(get("dataset").sections["training_mixed"])
    return (
        f"generator of {get('generator_channels')} channels, {get('generator_blocks')} blocks"
        f"{critic} (by image size, {mixed} mixed images and {get('device').type})"
    )


def _kept_out(get: Any) -> str:
    share, dataset = get("kept_out"), get("dataset")
    sections = dataset.sections
    if not share:
        recipe = RECIPES[get("plan").recipe]
        few = recipe.kept_out and not kept_out_for(dataset, recipe.kept_out)
        return (
            f"nobody, since fewer than {JUDGES} subjects of a section would judge"
            if few
            else "nobody"
        )
    subjects = {item.subject for name in UNLABELLED for item in sections[name]}
    if not subjects:  # a demo that is not drawn yet
        return f"{share:.0%} of the subjects"
    kept = {subject for _, _, subject in left_out(*get("split"))}
    return f"{len(kept)} of {len(subjects)} subjects"


def _measure(get: Any) -> Pace:
    """Train copies of the networks on random images and leave everything else as it was.

    Where that takes long, a round with one image is told first: a batch takes at most as many
    times that as it has images.
    """
    device, n_critic = get("device"), get("n_critic")
    # a generator update falls to every n_critic-th iteration: whole rounds
    iterations = n_critic * -(-LEAST_MEASURED // n_critic)
    logger.info("measuring the pace of this machine")
    random = RandomState()
    before = random.state_dict()
    try:
        count = get("batch_size") // ranks()
        one = _marks(get, 1, n_critic)
        rough = count * (one[-1] - one[0]) / n_critic
        if n_critic * rough > SLOW:
            whole = span(rough * get("max_iterations"))
            logger.info("an iteration takes up to %s, all of them %s", span(rough), whole)
        marks = _marks(get, count, 1 + iterations)
    except Diverged as error:  # of networks that have not learned anything yet
        raise Diverged(
            f"with random images, before it began: {error.what}",
            "Check the files that were given, as critic_backbone and critic_weights.",
        ) from error
    finally:
        random.load_state_dict(before)
    memory = peak_memory()["gpu" if device.type == "cuda" else "main"]
    first = 1 if len(marks) > 1 + n_critic else 0  # the first iteration warms up
    measured = len(marks) - 1 - first
    return Pace((marks[-1] - marks[first]) / measured, memory, device.type, measured)


def _marks(get: Any, count: int, iterations: int) -> list[float]:
    """Return when a training with batches of ``count`` images began, and ended each iteration.

    Its learning rate is 0: no weights that random images have spoilt, which may diverge. Where the
    first round is slow, it is the last.
    """
    device, n_critic = get("device"), get("n_critic")
    parts: dict[str, Any] = {}
    for role, network in (("generator", "network"), ("critic", "critic_network")):
        parts[role] = copy.deepcopy(unwrapped(get(network)))
        optimizer = get("optimizer" if role == "generator" else "critic_optimizer")
        parts[f"{role}_optimizer"] = optimizer_like(optimizer, parts[role])
        for group in parts[f"{role}_optimizer"].param_groups:
            group["lr"] = 0.0
    trainer = make_trainer(
        device=device,
        max_iterations=iterations,
        epoch_length=iterations,
        train_data_loader=[_batch(get, count)] * iterations,
        loss=get("loss"),
        n_critic=n_critic,
        amp=get("amp"),
        **parts,
    )
    marks: list[float] = []

    def note(_: Any) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        marks.append(time.monotonic())
        if len(marks) == 1 + n_critic and of_first_rank(marks[-1] - marks[0] > SLOW):
            trainer.terminate()

    trainer.add_event_handler(Events.STARTED, note)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
    trainer.run()
    return marks


def _batch(get: Any, count: int) -> dict[str, torch.Tensor]:
    """A batch of so many random images; from no generator but its own."""
    size = get("image_size")
    draw = torch.Generator().manual_seed(0)
    images = {
        name: torch.rand(count, get("image_channels"), size, size, generator=draw) * 2 - 1
        for name in ("mixed", "healthy")
    }
    alpha = torch.rand(count, 1, 1, 1, generator=draw)
    return {**images, "alpha": alpha, "views": torch.rand(count, 4, 6, generator=draw)}
