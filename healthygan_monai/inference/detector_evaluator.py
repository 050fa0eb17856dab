"""Scores and maps of a fitted detector through MONAI's evaluator: what ``inference_baseline.json`` wires."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from torch.utils.data import Dataset

from data_prep.files import write_json
from healthygan_monai.baselines.base import Detector
from healthygan_monai.inference.pictures import picture_saver, plain_image

SCALED_ON = 32  # images whose maps give the pictures their white
WHITE_PERCENTILE = 99.8  # of their values
SCALE_FILE = "scale.json"


class DetectorEvaluator(SupervisedEvaluator):
    """Each item gets ``score`` and, where the method draws one, ``difference``: its map, (1, H, W).

    Args:
        device: where the images go.
        val_data_loader: batches of dictionaries with ``image``.
        detector: fitted.
        postprocessing: called on each item.
        val_handlers: MONAI/Ignite handlers.
    """

    def __init__(
        self,
        device: torch.device | str,
        val_data_loader: Iterable,
        detector: Detector,
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
        self.detector = detector

    def _iteration(self, engine: Any, batchdata: dict[str, Any]) -> dict[str, Any]:
        images = batchdata["image"].to(engine.state.device, non_blocking=self.non_blocking)
        plain = plain_image({"image": images})
        output: dict[str, Any] = {"image": images, "score": self.detector.score(plain)}
        if self.detector.has_map:
            output["difference"] = self.detector.anomaly_map(plain)
        engine.state.output = output
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output  # what the handlers made of it


class MapPictures:
    """Write an item's map as ``folder/.../NAME_difference.png``, or nothing where there is none.

    Maps have no upper end of their own: white is the 99.8th percentile of the maps of 32 evenly spaced images, and
    stands in ``folder/scale.json``; one scale for a run, so that pictures can be compared.

    Args:
        detector: fitted.
        images: the items to be scored.
        folder: of the pictures; None writes none.
        root: where the images came from.
    """

    def __init__(
        self, detector: Detector, images: Dataset, folder: Path | str | None, root: Path | str
    ) -> None:
        self.detector, self.images, self.root = detector, images, root
        self.folder = Path(folder) if folder is not None and detector.has_map else None
        self.white: float | None = None

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        if self.folder is None:
            return data
        if self.white is None:
            self.white = map_white(self.detector, self.images)
            self.saver = picture_saver("difference", self.folder, self.root)
            write_json(self.folder / SCALE_FILE, {"white": self.white})
        shown = (data["difference"] / self.white).clip(0, 1)
        source = data["image"]
        picture = source[:1].clone()  # keeps the name of the file it came from
        picture[...] = torch.as_tensor(np.asarray(shown.cpu()), device=source.device)
        self.saver({"difference": picture})
        return data


def map_white(detector: Detector, images: Any, count: int = SCALED_ON) -> float:
    """The 99.8th percentile of the maps of ``count`` evenly spaced images; never 0."""
    chosen = np.unique(np.linspace(0, len(images) - 1, count).round().astype(int))
    device = getattr(detector, "device", torch.device("cpu"))
    values = [
        np.asarray(detector.anomaly_map(plain_image(images[int(k)]).to(device)[None]).cpu()).ravel()
        for k in chosen
    ]
    return max(float(np.percentile(np.concatenate(values), WHITE_PERCENTILE)), 1e-6)
