"""A Scorer in MONAI's evaluator: what ``inference_baseline.json`` wires."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents

from healthygan_monai.models.scorer import Scorer


class DetectorEvaluator(SupervisedEvaluator):
    """Each item gets ``score`` and, where the method draws one, ``difference``: its map, (1, H, W).

    Args:
        device: where the images go.
        val_data_loader: batches of dictionaries with ``image``.
        scorer: of a fitted detector.
        postprocessing: called on each item.
        val_handlers: MONAI/Ignite handlers.
    """

    def __init__(
        self,
        device: torch.device | str,
        val_data_loader: Iterable,
        scorer: Scorer,
        postprocessing: Callable | None = None,
        val_handlers: Sequence | None = None,
    ) -> None:
        super().__init__(
            device=torch.device(device),
            val_data_loader=val_data_loader,
            network=torch.nn.Identity(),
            postprocessing=postprocessing,  # type: ignore[arg-type]
            val_handlers=val_handlers,
        )
        self.scorer = scorer

    def _iteration(self, engine: Any, batchdata: dict[str, Any]) -> dict[str, Any]:
        images = batchdata["image"].to(engine.state.device, non_blocking=self.non_blocking)
        scores, maps = self.scorer(images)
        engine.state.output = {"image": images, "score": scores, **maps}
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output  # what the handlers made of it
