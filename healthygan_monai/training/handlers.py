"""Ignite handlers of a training run that MONAI and Ignite do not bring ready-made."""

import json
import logging
import math
import warnings
from pathlib import Path
from typing import Any, cast

from ignite.engine import Engine, Events
from monai.handlers import LrScheduleHandler
from torch.optim import Optimizer

from data_prep.files import append_text, write_text
from data_prep.work.progress import Meter
from healthygan_monai.schedule import decay_schedule

logger = logging.getLogger(__name__)


class LearningRate(LrScheduleHandler):
    """MONAI's handler that steps a ``decay_schedule`` at every iteration."""

    def __init__(
        self,
        optimizer: Optimizer,
        max_iterations: int,
        decay_iterations: int,
        schedule: str = "linear",
    ) -> None:
        super().__init__(
            decay_schedule(optimizer, max_iterations, decay_iterations, schedule),  # type: ignore[arg-type]
            print_lr=False,
            epoch_level=False,
        )

    def __call__(self, engine: Engine) -> None:
        with warnings.catch_warnings():
            # the generator's rate follows critic updates too, the first of which precedes its own
            # first step
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
            super().__call__(engine)

    def state_dict(self) -> dict[str, Any]:
        return self.lr_scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.lr_scheduler.load_state_dict(state)


def scalars(output: dict[str, Any]) -> dict[str, float]:
    """Return the trainer's named losses as numbers."""
    return {name: float(value) for name, value in output.items()}


class MetricsLog:
    """Append losses and learning rate to metrics.jsonl every ``every`` iterations.

    Nothing in it depends on the time, so a resumed run leaves the same file. A number that is not
    finite is written as null, so that every line is JSON.
    """

    def __init__(self, path: Path | str, optimizer: Optimizer, every: int) -> None:
        self.path = Path(path)
        self.optimizer = optimizer
        self.every = max(1, every)

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.every), self)

    def start(self, engine: Engine) -> None:
        """Drop what a killed run had logged after the checkpoint that training now goes on from."""
        if not self.path.is_file():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if _iteration_of(line) <= engine.state.iteration]
        if kept != lines:
            write_text(self.path, "".join(kept))

    def __call__(self, engine: Engine) -> None:
        row = {
            "iteration": engine.state.iteration,
            **{
                name: round(value, 6) if math.isfinite(value) else None
                for name, value in scalars(cast(dict, engine.state.output)).items()
            },
            "lr": self.optimizer.param_groups[0]["lr"],
        }
        append_text(self.path, json.dumps(row, allow_nan=False) + "\n")


def _iteration_of(line: str) -> float:
    try:
        return json.loads(line)["iteration"]
    except (json.JSONDecodeError, KeyError):  # the half line of a killed process
        return float("inf")


class Progress:
    """How far an engine is: a bar on a terminal, else a line now and then.

    Args:
        max_iterations: of the engine.
        what, unit: words of the line.
    """

    def __init__(self, max_iterations: int, what: str = "iter", unit: str = "it") -> None:
        self.max_iterations, self.what, self.unit = max_iterations, what, unit
        self.meter: Meter | None = None

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.step)
        engine.add_event_handler(Events.COMPLETED | Events.EXCEPTION_RAISED, self.close)

    def start(self, engine: Engine) -> None:
        self.meter = Meter(self.max_iterations, self.what, self.unit, engine.state.iteration)

    def step(self, engine: Engine) -> None:
        if self.meter is not None:
            self.meter.step(lambda: _losses(engine))

    def close(self, engine: Engine, error: BaseException | None = None) -> None:
        if self.meter is not None:
            self.meter.close()
            if error is None and self.meter.said:
                logger.info("%s", self.meter.line(_losses(engine)))
        if error is not None:
            raise error


def _losses(engine: Engine) -> str:
    """``loss_d -1.93  loss_g 0.41``; nothing of an engine without losses."""
    output = engine.state.output
    found: dict[str, Any] = output if isinstance(output, dict) else {}
    return "  ".join(f"{n} {float(found[n]):.3f}" for n in ("loss_d", "loss_g") if n in found)
