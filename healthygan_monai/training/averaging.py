"""A moving average of a network's weights, which scores steadier than the last step's weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch.optim.swa_utils import AveragedModel

from data_prep.errors import UsageError
from healthygan_monai.rank_means import unwrapped


class MovingAverage:
    """Handler: after each iteration, average <- r * average + (1 - r) * weights.

    r = min(decay, (1 + t) / (10 + t)) after t iterations, which lets the average leave the
    random start. Its state is part of a checkpoint; without a decay there is no state, and
    ``model`` is the network itself.

    Args:
        network: that is trained; may be wrapped in DistributedDataParallel.
        decay: 0.99 averages over about 100 iterations; 0 is none.

    Attributes:
        model: the averaged network.
    """

    def __init__(self, network: torch.nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise UsageError(f"ema is {decay}; expected a number from 0 to below 1.")
        self.network = unwrapped(network)
        self.average: AveragedModel | None = None
        if decay:

            def blend(average: Any, current: Any, steps: Any) -> Any:
                rate = min(decay, (1 + float(steps)) / (10 + float(steps)))
                return average.lerp(current, 1 - rate)

            self.average = AveragedModel(self.network, avg_fn=blend)

    @property
    def model(self) -> torch.nn.Module:
        return self.network if self.average is None else self.average.module

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        if self.average is not None:
            self.average.update_parameters(self.network)

    def state_dict(self) -> dict[str, Any]:
        return {} if self.average is None else self.average.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self.average is not None:
            self.average.load_state_dict(state)
