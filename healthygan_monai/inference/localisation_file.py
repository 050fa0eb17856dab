"""localisation.json: how well the difference maps of a data set find its masks and boxes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events

from data_prep.files import write_json
from healthygan_monai.data.images import load_mask
from healthygan_monai.evaluation.defaults import RESAMPLES
from healthygan_monai.evaluation.localisation import (
    Localisation,
    localise,
    summarise,
    summarise_boxes,
)
from healthygan_monai.evaluation.pointing import BoxHit, box_hit
from healthygan_monai.evaluation.pooled import HealthyQuantile, PooledPixels
from healthygan_monai.inference.scores_file import scored_items
from healthygan_monai.models.scorer import plain


class LocalisationFile:
    """Handler of an evaluator: compare difference maps with masks and boxes and write a summary.

    Maps are taken as they were computed, in float32, and are not kept. Images of the validation
    section come before those of the test section: they give the threshold.

    Args:
        path: of localisation.json; removed where the data set has neither masks nor boxes.
        bootstrap: resamples for the intervals.
        seed: of the resamples.
    """

    def __init__(self, path: Path | str, bootstrap: int = RESAMPLES, seed: int = 0) -> None:
        self.path, self.bootstrap, self.seed = Path(path), bootstrap, seed
        self.clear()

    def clear(self) -> None:
        self.found: list[tuple[str, Localisation]] = []
        self.boxes: list[tuple[str, BoxHit]] = []
        self.quantile, self.pooled = HealthyQuantile(), PooledPixels()
        self.left_out = 0

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, lambda _: self.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, lambda _: self.write())

    def collect(self, engine: Engine) -> None:
        for item, output in scored_items(engine):
            if "difference" in output:
                difference = plain(output["difference"])[0].float().cpu().numpy()
                if item["section"] == "test":
                    self.judge(item, difference)
                elif item.get("lesion_free"):
                    self.quantile.add(difference)

    def judge(self, item: Mapping[str, Any], difference: np.ndarray) -> None:
        """Compare the map of a test image with what is known of its lesions."""
        subject = item["subject"]
        if item.get("boxes"):
            self.boxes.append((subject, box_hit(difference, json.loads(item["boxes"]))))
        if item["lesion"]:
            lesion = load_mask(item["lesion"], difference.shape)
        elif item.get("lesion_free"):
            lesion = np.zeros(difference.shape, dtype=bool)
        else:
            self.left_out += 1
            return
        if lesion.all():
            self.left_out += 1
            return
        threshold = self.quantile.value()
        self.pooled.add(difference, lesion, subject, threshold)
        if lesion.any():
            self.found.append((subject, localise(difference, lesion, threshold)))

    def write(self) -> None:
        """Write localisation.json, or remove an old one if there is nothing to say."""
        if not (self.found or self.boxes):
            self.path.unlink(missing_ok=True)
            return
        drawn = (self.bootstrap, self.seed)
        boxes = summarise_boxes([hit for _, hit in self.boxes], [s for s, _ in self.boxes], *drawn)
        content = {
            **summarise([image for _, image in self.found], [s for s, _ in self.found], *drawn),
            "healthy_quantile": self.quantile.about() if self.found else None,
            "pooled": self.pooled.summary(*drawn),
            "left_out": self.left_out if self.found else 0,
            "boxes": boxes,
            "bootstrap": {"resamples": self.bootstrap, "seed": self.seed},
        }
        write_json(self.path, content)
