"""Train by the paper's recipe in the published order of operations, for its time.

    python benchmarks/published_run.py DATASET --set max_iterations=1500

It takes the words of ``healthygan train`` and leaves the same run folder: the same images, batches,
networks, weights at the start, losses, schedules and checkpoints, so that
``docs/images/time_to_useful.py`` draws it beside other runs. Only the step differs: it is the
transcription of the authors' loop that ``benchmarks/train_step.py`` times, with PyTorch's own
layers and Adam as PyTorch makes it by default. The recipe is always the paper's.
"""

from __future__ import annotations

import inspect
import logging
import sys
from typing import Any

import torch
from plain_orders import N_CRITIC, plain_layers, published_step

from data_prep.errors import UsageError
from healthygan_monai import bundle_api
from healthygan_monai.cli.main import main
from healthygan_monai.trainer import HealthyGANTrainer

# the package's logger, for log.txt
logger = logging.getLogger("healthygan_monai.published_run")


class PublishedOrder(HealthyGANTrainer):
    """The trainer with the authors' iteration; it has their ``n_critic``, in float32."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        if self.n_critic != N_CRITIC:
            raise UsageError(f"n_critic is {self.n_critic}; the published loop has {N_CRITIC}.")
        if self.generator.translation != "masked":
            raise UsageError(
                f"translation is {self.generator.translation}; the published loop's is masked."
            )
        if self.amp:
            raise UsageError("amp is True; the published loop computes in float32.")
        logger.info("steps in the published order of operations")
        optimizers = (self.generator_optimizer, self.critic_optimizer)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["fused"] = None
        networks = plain_layers(self.generator), plain_layers(self.critic)
        self.step = published_step(*networks, optimizers, self.loss)

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, Any]:
        self.generator.train()
        self.critic.train()
        device = engine.state.device
        batch = {
            key: torch.as_tensor(batchdata[key]).to(device) for key in ("mixed", "healthy", "alpha")
        }
        found = {
            name: torch.tensor(value)
            for name, value in self.step(engine.state.iteration, batch).items()
        }
        of_generator = {n: v for n, v in found.items() if n.startswith(("g_", "loss_g"))}
        self._generator_terms = of_generator or self._generator_terms
        self._require_finite(found, batchdata)
        output = {**found, **self._generator_terms}
        output["loss"] = output.get("loss_g", output["loss_d"])
        return output


def make_published(**arguments: Any) -> HealthyGANTrainer:
    return PublishedOrder(**arguments)


make_published.__signature__ = inspect.signature(HealthyGANTrainer)  # type: ignore[attr-defined]


if __name__ == "__main__":
    bundle_api.make_trainer = make_published
    sys.exit(main(["train", *sys.argv[1:], "--recipe", "paper"]))
