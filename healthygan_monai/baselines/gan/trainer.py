"""Training of the competing GANs as a MONAI/Ignite workflow, in a run folder or without one."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from torch.utils.data import DataLoader

from healthygan_monai.baselines.gan.base import Gan
from healthygan_monai.baselines.gan.data import HealthyStream, Images, held_out, noise_generator
from healthygan_monai.baselines.gan.settings import GanSettings
from healthygan_monai.data.pairs import StreamBatches
from healthygan_monai.paths import METRICS_FILE
from healthygan_monai.training import checkpoints
from healthygan_monai.training.handlers import MetricsLog, Progress
from healthygan_monai.training.iterations import IterationTrainer

logger = logging.getLogger(__name__)


class GanTrainer(IterationTrainer):
    """Calls the method's ``step`` on every batch; ``engine.state.output`` holds its losses, and ``loss`` = loss_g.

    A batch is a dictionary with ``image`` (B, C, H, W), healthy images in [-1, 1]. The noise of an iteration is
    a function of (seed, iteration), so that a run is a function of weights, batches and seed.

    Args:
        device: where to train.
        max_iterations, epoch_length, train_data_loader: see
            :class:`~healthygan_monai.training.iterations.IterationTrainer`.
        gan: networks and optimisers, on the device.
        seed: of the noise.
        train_handlers: MONAI/Ignite handlers.
    """

    def __init__(
        self,
        device: torch.device | str,
        max_iterations: int,
        epoch_length: int,
        train_data_loader: Iterable,
        gan: Gan,
        seed: int = 0,
        train_handlers: Sequence | None = None,
    ) -> None:
        super().__init__(
            device,
            max_iterations,
            epoch_length,
            train_data_loader,
            train_handlers=train_handlers,
        )
        self.gan = gan
        self.seed = seed

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, Any]:
        images = torch.as_tensor(batchdata["image"]).to(
            engine.state.device, non_blocking=self.non_blocking
        )
        iteration = engine.state.iteration - 1
        self.gan.train()
        terms = self.gan.step(
            images, iteration, noise_generator(self.seed, iteration, images.device)
        )
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        output = {name: value.detach() for name, value in terms.items()}
        output["loss"] = output.get("loss_g", next(iter(output.values())))
        return output


class HealthyValidation:
    """Handler: end training once the mean score of held-out healthy images has stopped falling (no label is used).

    Every ``every`` iterations the images are scored; the weights of the lowest mean are kept, and after more
    than ``patience`` times without a lower one training ends. :meth:`restore` brings the kept weights back.
    """

    def __init__(
        self, gan: Gan, images: Images, every: int, patience: int, batch_size: int
    ) -> None:
        self.gan = gan
        self.images = images
        self.every = every
        self.patience = patience
        self.batch_size = batch_size
        self.best = float("inf")
        self.without_better = 0
        self.weights: dict[str, torch.Tensor] = {}

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.every), self)

    def __call__(self, engine: GanTrainer) -> None:
        mean = self.mean_score()
        logger.info("iteration %d: held-out healthy score %.6g", engine.state.iteration, mean)
        if mean < self.best:
            self.best, self.without_better = mean, 0
            self.weights = copy.deepcopy(self.gan.scoring.state_dict())
        else:
            self.without_better += 1
        if self.without_better > self.patience:
            engine.ended_early = True
            engine.terminate()

    @torch.no_grad()
    def mean_score(self) -> float:
        self.gan.eval()
        device = next(self.gan.parameters()).device
        scores = [
            self.gan.image_scores(part.to(device)).double().cpu()
            for part in in_batches(self.images, self.batch_size)
        ]
        return float(torch.cat(scores).mean())

    def restore(self) -> None:
        """Put the weights of the lowest mean back."""
        if self.weights:
            self.gan.scoring.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        names = ("best", "without_better", "weights")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.without_better = state["best"], state["without_better"]
        self.weights = dict(state["weights"])


class GanTraining:
    """Everything around a trainer: stream, loader, handlers, checkpoints, and the end.

    Args:
        gan: networks and optimisers, on ``device``.
        settings: resolved ones.
        images: the healthy training images.
        seed: of order, flips, noise and held-out images.
        run: folder for ``metrics.jsonl`` and ``checkpoints/``; None writes nothing.
        epoch_length: iterations between checkpoints; None for one at the end.
        log_interval: iterations between lines of metrics.jsonl.
        num_workers: processes that load images.
        handlers: further handlers of the trainer.
    """

    def __init__(
        self,
        gan: Gan,
        settings: GanSettings,
        images: Images,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        run: Path | None = None,
        epoch_length: int | None = None,
        log_interval: int = 100,
        num_workers: int = 0,
        handlers: Sequence = (),
    ) -> None:
        iterations, batch = settings.max_iterations or 0, settings.batch_size
        self.gan, self.settings, self.run = gan, settings, run
        self.validation: HealthyValidation | None = None
        if settings.patience and settings.validation_share:
            images, kept_back = held_out(images, settings.validation_share, seed)
            every = max(1, len(images) // batch)
            self.validation = HealthyValidation(gan, kept_back, every, settings.patience, batch)
        self.images = images
        stream = HealthyStream(images, iterations * batch, seed, settings.flip_prob)
        self.batches = StreamBatches(iterations, batch)
        loader = DataLoader(
            stream,
            batch_sampler=self.batches,
            num_workers=num_workers,
            generator=torch.Generator().manual_seed(seed),
        )
        self.state = self._state()
        self.trainer = GanTrainer(
            device,
            iterations,
            min(epoch_length or iterations, iterations),
            loader,
            gan,
            seed,
            [*self._handlers(log_interval), *handlers],
        )

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"gan": self.gan}
        state |= {f"{name}_optimizer": o for name, o in self.gan.optimizers.items()}
        return state | ({"validation": self.validation} if self.validation else {})

    def _handlers(self, log_interval: int) -> Iterator[Any]:
        if self.validation:
            yield self.validation
        if self.run is not None:
            yield Progress(self.settings.max_iterations or 0)
            first = next(iter(self.gan.optimizers.values()))
            yield MetricsLog(self.run / METRICS_FILE, first, log_interval)
            yield checkpoints.RunCheckpoints(self.run, self.gan.scoring, self.state)

    def resume(self) -> int:
        """Go on from the last checkpoint of the run folder; the iterations already done.

        Raises:
            ValueError: no checkpoint can be read, or it is of another training.
        """
        assert self.run is not None
        done = checkpoints.resume(self.run, self.state, self.trainer, self.batches)
        if self.validation and self.validation.without_better > self.validation.patience:
            self.trainer.ended_early = True
        return done

    def finish(self) -> None:
        """After the last iteration: the best weights where a validation chose, and batch norm's statistics."""
        if self.validation:
            self.validation.restore()
        count = self.settings.calibration_batches
        if count:
            device = next(self.gan.parameters()).device
            parts = in_batches(self.images, self.settings.batch_size, count)
            self.gan.calibrate(part.to(device) for part in parts)


def in_batches(images: Images, size: int, most: int | None = None) -> Iterator[torch.Tensor]:
    """The images in their order, ``size`` at a time, at most ``most`` times."""
    for number, first in enumerate(range(0, len(images), size)):
        if number == most:
            return
        numbers = range(first, min(first + size, len(images)))
        yield torch.stack([images[k] for k in numbers])
