"""``--tracking mlflow``: what a run sends to MLflow beside what MONAI's handler sends."""

import hashlib
import logging
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from ignite.engine import Engine, Events
from monai.handlers import MLFlowHandler
from PIL import Image

from healthygan_monai.paths import (
    CONFIG_FILE,
    RUN_FILE,
    SAMPLES_FOLDER,
    SELECTION_FILE,
    sample_file,
)
from healthygan_monai.training.handlers import scalars

logger = logging.getLogger(__name__)
DATABASE = "mlruns.db"
LONGEST_VALUE = 500  # characters of a parameter that every version of MLflow takes


def tracking_database(run: Path | str) -> str:
    """URI of one SQLite database for all runs of a folder, ``runs/mlruns.db``, so that MLflow can
    compare them.

    ``MLFLOW_TRACKING_URI`` in the environment comes before it; that is MONAI's rule.
    """
    path = (Path(run).parent / DATABASE).resolve().as_posix()
    return f"sqlite:///{path}"


def tracking_name(run: Path | str) -> str:
    """Name of the MLflow run, the same when a run is resumed: the folder's name.

    On a server (``MLFLOW_TRACKING_URI``) others have a 00000-demo too: there a hash of machine and
    path goes with it, since MONAI's handler goes on with an unfinished run of the same name.
    """
    folder = Path(run).resolve()
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        return folder.name
    place = hashlib.sha256(f"{platform.node()}:{folder}".encode()).hexdigest()
    return f"{folder.name}-{place[:8]}"


def track(
    handlers: Sequence[Any],
    judges: Sequence[Any],
    trainer: Engine,
    evaluator: Engine,
    run: Path | str,
    settings: Mapping[str, Any],
    every: int = 1,
) -> None:
    """Let MONAI's MLflow handler of the trainer, if there is one, log what a run of HealthyGAN
    consists of.

    Settings as parameters; every loss and the learning rate, every ``every`` iterations; FID and
    AUCp at the iteration of their checkpoint; the sample pictures; config.json and selection.csv.
    MONAI alone logs ``loss``, and the criteria at the number of their epoch.

    Args:
        handlers, judges: those of the trainer and of the evaluator.
    """
    for judge in judges:
        if isinstance(judge, MLFlowHandler):
            judge.epoch_logger = lambda _: None  # once is enough, see Tracking.criteria
    for handler in handlers:
        if isinstance(handler, MLFlowHandler):
            Tracking(handler, Path(run), settings, every).attach(trainer, evaluator)


class Tracking:
    """The additions of :func:`track` to one handler; all go to the handler's own MLflow run."""

    def __init__(
        self,
        handler: MLFlowHandler,
        run: Path,
        settings: Mapping[str, Any],
        every: int,
    ) -> None:
        self.handler = handler
        self.run = run
        self.settings = settings
        self.every = every

    def attach(self, trainer: Engine, evaluator: Engine) -> None:
        self.handler.iteration_logger = self.losses
        self.handler.epoch_logger = self.sample
        self.handler.artifacts = tuple(
            str(self.run / name) for name in (CONFIG_FILE, RUN_FILE, SELECTION_FILE)
        )
        self.handler.experiment_param = {
            name: str(value)[:LONGEST_VALUE] for name, value in self.settings.items()
        }
        evaluator.add_event_handler(Events.COMPLETED, lambda _: self.criteria(trainer, evaluator))

    def losses(self, engine: Engine) -> None:
        if engine.state.iteration % self.every:
            return
        values = scalars(cast(dict, engine.state.output))
        values["lr"] = cast(Any, engine).generator_optimizer.param_groups[0]["lr"]
        self.log(values, engine.state.iteration)

    def criteria(self, trainer: Engine, evaluator: Engine) -> None:
        if trainer.state.iteration:
            self.log(evaluator.state.metrics, trainer.state.iteration)

    def log(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        if self.handler.cur_run is None:
            return
        now = int(time.time() * 1000)
        self.handler.client.log_batch(
            self.handler.cur_run.info.run_id,
            metrics=[Metric(name, float(value), now, step) for name, value in values.items()],
        )

    def sample(self, engine: Engine) -> None:
        """Send the sample picture of this iteration, if there is one."""
        step = engine.state.iteration
        path = self.run / SAMPLES_FOLDER / sample_file(step)
        if path.is_file() and self.handler.cur_run is not None:
            run_id = self.handler.cur_run.info.run_id
            with Image.open(path) as picture:
                self.handler.client.log_image(run_id, np.asarray(picture), key="samples", step=step)
