"""End a GAN's training by held-out healthy images alone."""

import copy
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from ignite.engine import Engine, Events

from healthygan_monai.baselines.gan.base import Gan
from healthygan_monai.baselines.images import Images
from healthygan_monai.selection import finite
from healthygan_monai.training.iterations import IterationTrainer

logger = logging.getLogger(__name__)


class HealthyValidation:
    """Handler: end training once the mean score of held-out healthy images stops falling.

    Every ``every`` iterations the images are scored and the weights of the lowest mean are kept;
    after more than ``patience`` times without a lower one training ends.
    """

    def __init__(
        self, gan: Gan, images: Images, every: int, patience: int, batch_size: int
    ) -> None:
        self.gan, self.images, self.batch_size = gan, images, batch_size
        self.every, self.patience = every, patience
        self.best, self.without_better = float("inf"), 0
        self.weights: dict[str, torch.Tensor] = {}

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.every), self)

    def __call__(self, engine: IterationTrainer) -> None:
        mean = self.mean_score()
        logger.info("iteration %d: held-out healthy score %.6g", engine.state.iteration, mean)
        if mean < self.best:
            self.best, self.without_better = mean, 0
            self.weights = copy.deepcopy(self.gan.scoring.state_dict())
        else:
            self.without_better += 1
        if self.without_better > self.patience:
            engine.state.ended_early = True
            engine.terminate()

    @torch.no_grad()
    def mean_score(self) -> float:
        self.gan.eval()
        device = next(self.gan.parameters()).device
        parts = in_batches(self.images, self.batch_size)
        scores = [self.gan.image_scores(part.to(device)).double().cpu() for part in parts]
        return float(finite(torch.cat(scores)).mean())

    def restore(self) -> None:
        """Restore the weights of the lowest mean."""
        if self.weights:
            self.gan.scoring.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        names = ("best", "without_better", "weights")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.without_better = state["best"], state["without_better"]
        self.weights = dict(state["weights"])


def in_batches(images: Images, size: int, most: int | None = None) -> Iterator[torch.Tensor]:
    """Yield the images in order, ``size`` at a time, at most ``most`` times."""
    for number, first in enumerate(range(0, len(images), size)):
        if number == most:
            return
        numbers = range(first, min(first + size, len(images)))
        yield torch.stack([images[k] for k in numbers])
