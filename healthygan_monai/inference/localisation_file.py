"""localisation.json: how well the difference maps of a data set find its lesion masks."""

from pathlib import Path

import numpy as np
from ignite.engine import Engine, Events

from data_prep.files import write_json
from healthygan_monai.data.images import load_mask
from healthygan_monai.evaluation.localisation import Localisation, localise, summarise
from healthygan_monai.inference.scores_file import scored_items


class LocalisationFile:
    """Handler of an evaluator: compare difference maps with lesion masks and write a summary."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.found: list[Localisation] = []
        self.subjects: list[str] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.finish)

    def start(self, engine: Engine) -> None:
        self.found.clear()
        self.subjects.clear()

    def collect(self, engine: Engine) -> None:
        for item, output in scored_items(engine):
            if item["section"] == "test" and item["lesion"] and "difference" in output:
                difference = np.asarray(output["difference"])[0]
                lesion = load_mask(item["lesion"], difference.shape)
                if lesion.any() and not lesion.all():
                    self.found.append(localise(difference, lesion))
                    self.subjects.append(item["subject"])

    def finish(self, engine: Engine) -> None:
        if self.found:
            write_json(self.path, summarise(self.found, self.subjects))
        else:
            self.path.unlink(missing_ok=True)
