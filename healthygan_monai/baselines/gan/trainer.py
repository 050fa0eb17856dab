"""Train the competing GANs as a MONAI/Ignite workflow, with or without a run folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from monai.engines.utils import IterationEvents
from torch.utils.data import DataLoader

from healthygan_monai.baselines.gan.base import Gan
from healthygan_monai.baselines.gan.data import HealthyStream, held_out, noise_generator
from healthygan_monai.baselines.gan.settings import GanSettings
from healthygan_monai.baselines.gan.validation import HealthyValidation, in_batches
from healthygan_monai.baselines.images import Images
from healthygan_monai.data.pairs import StreamBatches
from healthygan_monai.paths import METRICS_FILE
from healthygan_monai.training import checkpoints
from healthygan_monai.training.handlers import MetricsLog, Progress
from healthygan_monai.training.iterations import IterationTrainer
from healthygan_monai.training.watch import require_finite


class GanTrainer(IterationTrainer):
    """Call the method's ``step`` on every batch: ``image`` (B, C, H, W), healthy, in [-1, 1].

    ``engine.state.output`` holds the losses of the step, and ``loss`` (= ``loss_g``). The noise of
    an iteration is a function of (seed, iteration): a run is a function of weights, batches and
    seed.

    Args:
        gan: networks and optimisers, on ``device``.
        settings: resolved ones.
        images: the healthy training images.
        seed: of order, flips, noise and held-out images.
        device: where to train.
        run: folder for ``metrics.jsonl`` and ``checkpoints/``; None writes nothing.
        checkpoints: how many, evenly spaced.
        log_interval: iterations between lines of metrics.jsonl.
        num_workers: processes that load images.
        done: called at the end of :meth:`fit` with settings, networks and iterations.
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
        checkpoints: int = 1,
        log_interval: int = 100,
        num_workers: int = 0,
        done: Callable[[GanSettings, Gan, int], None] | None = None,
    ) -> None:
        iterations, batch = settings.max_iterations or 0, settings.batch_size
        self.gan, self.settings, self.seed, self.folder, self.done = gan, settings, seed, run, done
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
        epoch_length = -(-iterations // max(1, checkpoints))
        handlers = [*self._handlers(log_interval)]
        super().__init__(device, iterations, epoch_length, loader, train_handlers=handlers)

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, Any]:
        state = engine.state
        images = torch.as_tensor(batchdata["image"])
        images = images.to(state.device, non_blocking=self.non_blocking)
        noise = noise_generator(self.seed, state.iteration - 1, images.device)
        self.gan.train()
        terms = self.gan.step(images, state.iteration - 1, noise)
        require_finite(terms, {}, state.iteration, {"healthy": images}, self.data_loader)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        output = {name: value.detach() for name, value in terms.items()}
        output["loss"] = output.get("loss_g", next(iter(output.values())))
        return output

    def _saved(self) -> dict[str, Any]:
        saved: dict[str, Any] = {"gan": self.gan}
        saved |= {f"{name}_optimizer": o for name, o in self.gan.optimizers.items()}
        return saved | ({"validation": self.validation} if self.validation else {})

    def _handlers(self, log_interval: int) -> Iterator[Any]:
        if self.validation:
            yield self.validation
        if self.folder is not None:
            yield Progress(self.settings.max_iterations or 0)
            first = next(iter(self.gan.optimizers.values()))
            yield MetricsLog(self.folder / METRICS_FILE, first, log_interval)
            yield checkpoints.RunCheckpoints(self.folder, self.gan.scoring, self._saved())

    def resume(self) -> int:
        """Continue from the last checkpoint of the run; return the iterations already done."""
        assert self.folder is not None
        done = checkpoints.resume(self.folder, self._saved(), self, self.batches)
        if self.validation and self.validation.without_better > self.validation.patience:
            self.state.ended_early = True
        return done

    def fit(self) -> None:
        """Train to the end, finish, and give the networks to ``done``."""
        self.run()
        self.finish()
        if self.done is not None:
            self.done(self.settings, self.gan, self.state.iteration)

    def finish(self) -> None:
        """Use the best weights if a validation chose them, and calibrate batch norm."""
        if self.validation:
            self.validation.restore()
        count = self.settings.calibration_batches
        if count:
            device = next(self.gan.parameters()).device
            parts = in_batches(self.images, self.settings.batch_size, count)
            self.gan.calibrate(part.to(device) for part in parts)
