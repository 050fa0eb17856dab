"""Watch a training: numbers that are not finite, and a translation that changes all or nothing."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from ignite.engine import Engine, Events

from healthygan_monai.data.pairs import MixedHealthyPairs, StreamBatches
from healthygan_monai.errors import Diverged
from healthygan_monai.training.states import State, is_additive, state_of

logger = logging.getLogger(__name__)
UNTIL = 0.25  # share of a run in which a translation may still be finding its way
MOST_NAMES = 8  # images that a message names


class TranslationWatch:
    """Handler: say at a checkpoint that the translation changes all of the image, or nothing.

    ``mask_mean`` is averaged since the last checkpoint. A state is said once, and again only after
    another one. In the first quarter of a run nothing is said: a translation is often shut there.

    Args:
        max_iterations: of the run.
    """

    def __init__(self, max_iterations: int) -> None:
        self.first = UNTIL * max_iterations
        self.state: State | None = None
        self.total: torch.Tensor | float = 0.0
        self.count = 0

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def add(self, engine: Engine) -> None:
        self.total = self.total + cast(dict, engine.state.output)["mask_mean"]
        self.count += 1

    def __call__(self, engine: Engine) -> None:
        mean = float(self.total) / max(1, self.count)
        self.total, self.count = 0.0, 0
        if engine.state.iteration <= self.first:
            return
        additive = is_additive(cast(dict, engine.state.output))
        before, self.state = self.state, state_of(mean, additive)
        if self.state is not None and self.state != before:
            logger.warning(
                "iteration %d: %s (%.3g %% of the image). %s.",
                *(engine.state.iteration, self.state.title.lower(), 100 * mean, self.state.remedy),
            )


def require_finite(
    losses: Mapping[str, torch.Tensor],
    networks: Mapping[str, torch.nn.Module],
    iteration: int,
    batch: Mapping[str, Any],
    loader: Any,
) -> None:
    """Refuse losses or gradients that are not finite, at the iteration where they arise.

    Args:
        losses: by their names in metrics.jsonl.
        networks: by name, with the gradients of this iteration.
        iteration: its number.
        batch, loader: its images, and where they came from; for the message.

    Raises:
        Diverged: one is not finite; names the iteration and the images.
    """
    found = {name: value.detach() for name, value in losses.items()}
    for name, network in networks.items():
        norms = [
            torch.linalg.vector_norm(p.grad, math.inf)
            for p in network.parameters()
            if p.grad is not None
        ]
        if norms:
            found[f"a gradient of the {name}"] = torch.stack(norms).max()
    values = torch.stack([value.float() for value in found.values()])
    if torch.isfinite(values).all():
        return
    broken = next(n for n, v in zip(found, values.tolist(), strict=True) if not math.isfinite(v))
    images = _images(iteration, batch, loader)
    raise Diverged(f"at iteration {iteration} {broken} is not finite.{images}")


def _images(iteration: int, batch: Mapping[str, Any], loader: Any) -> str:
    """Return a further sentence that names the images of a batch, or the broken ones of them."""
    pairs, batches = getattr(loader, "dataset", None), getattr(loader, "batch_sampler", None)
    broken = {
        (which, index)
        for which in ("mixed", "healthy")
        for index, image in enumerate(torch.as_tensor(batch.get(which, ())))
        if not torch.isfinite(image).all()
    }
    text = "Some of its images hold values that are not finite" if broken else "Its images"
    if not isinstance(pairs, MixedHealthyPairs) or not isinstance(batches, StreamBatches):
        return f" {text}." if broken else ""
    names = [
        name
        for index, pair in enumerate(batches.pairs(iteration - 1))
        for which, name in zip(("mixed", "healthy"), pairs.names(pair), strict=True)
        if not broken or (which, index) in broken
    ]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f" {text}: {', '.join(names[:MOST_NAMES])}{more}."
