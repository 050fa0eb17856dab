"""The critic's own score of each image, beside the method's."""

from collections.abc import Callable
from typing import Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

from healthygan_monai.models.scorer import plain


class CriticScores:
    """Handler of an evaluator: each image gets ``critic_score``, for ``ScoresFile``.

    Args:
        critic: images (B, C, H, W) -> (B,); None adds nothing.
    """

    def __init__(self, critic: Callable[[torch.Tensor], torch.Tensor] | None) -> None:
        self.critic = critic

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        if self.critic is not None:
            output: Any = engine.state.output
            output["critic_score"] = self.critic(plain(output["image"]))
