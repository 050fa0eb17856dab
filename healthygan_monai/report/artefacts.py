"""Read a run folder; a missing or broken file becomes a sentence in the report, not a crash."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.files import parse_json, read_json, sha256
from healthygan_monai.errors import NoModel
from healthygan_monai.paths import (
    CONFIG_FILE,
    EVALUATION_FILE,
    METRICS_FILE,
    MODEL_FILE,
    PRICES_FILE,
    RUN_FILE,
    SCORED_FILE,
    SCORES_FILE,
    SELECTION_FILE,
    iterations_asked,
    iterations_done,
    read_config,
    read_evaluation,
    read_run,
    training_lacks,
)
from healthygan_monai.pretrained.trials import Trial, read_trials
from healthygan_monai.records.evaluation_json import SCORED
from healthygan_monai.records.metrics_json import METRICS
from healthygan_monai.records.schema import read
from healthygan_monai.records.selection_csv import (
    LOWER_IS_BETTER,
    Candidate,
    best_of,
    choose,
    read_candidates,
)
from healthygan_monai.scoring import HEALTHYGAN, ScoreRow, read_scores

HOW_TO_MAKE = {
    RUN_FILE: "written by training: version, commit, seed, command, times",
    CONFIG_FILE: "written by training: every setting as it was used",
    METRICS_FILE: "written by training: losses and mask statistics",
    SELECTION_FILE: "written by training and 'healthygan select': one line a checkpoint",
    "samples": "written by training: the same films at several iterations",
    MODEL_FILE: "written by training and 'healthygan select': the chosen generator",
    SCORES_FILE: "written by 'healthygan infer': one score an image",
    EVALUATION_FILE: "written by 'healthygan evaluate': metrics with intervals",
    "dataset.json": "written by 'healthygan prep': the images and their sections",
}


OF_A_TRAINING = (METRICS_FILE, SELECTION_FILE, "samples")  # an ensemble has none of its own


@dataclass
class Artefacts:
    """The files of one run; empty if absent, with the reason in ``missing[name]``."""

    folder: Path
    run: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    selection: list[Candidate] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    samples: list[Path] = field(default_factory=list)
    scores: list[ScoreRow] = field(default_factory=list)
    scored: dict[str, Any] = field(default_factory=dict)  # what made the scores
    evaluation: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def read(self, name: str, reader: Callable[[Path], Any], empty: Any) -> Any:
        """Return ``reader(folder / name)``; if absent or damaged ``empty``, with a note why."""
        path = self.folder / name  # which is an absolute name itself
        name, how = path.name, HOW_TO_MAKE.get(path.name, "")
        if not path.exists() and self.members and name in OF_A_TRAINING:
            how = "an ensemble is not trained itself; look in the runs of its members"
        if not path.exists():
            self.missing[name] = f"not run: {name} is not there ({how})"
            return empty
        try:
            found = reader(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            # the kind, not the text: a reader's message may quote paths or values
            self.missing[name] = (
                f"{name} could not be read ({type(error.__cause__ or error).__name__})"
            )
            return empty
        if not found:
            self.missing[name] = f"{name} is empty ({how})"
        return found

    @property
    def members(self) -> list[dict[str, Any]]:
        """Return what run.json says of the members of an ensemble; empty for any other run."""
        return list(self.run.get("members") or [])

    @property
    def iterations(self) -> tuple[int, int]:
        """Return the iterations done and asked for; 0 where it is not known."""
        return iterations_done(self.folder, self.run), iterations_asked(self.config)

    @property
    def unfinished(self) -> str | None:
        """Return what training lacks; None where it finished, or nothing is known of it."""
        return training_lacks(self.folder, self.run, self.config) if self.run else None

    def method(self) -> str:
        return str(self.config.get("method", HEALTHYGAN))

    def is_healthygan(self) -> bool:
        return self.method() == HEALTHYGAN

    @property
    def chosen(self) -> Candidate | None:
        """The checkpoint that became the model; None where selection.csv marks none."""
        return next((row for row in self.selection if row.chosen), None)

    def criterion(self) -> str | None:
        """Return the criterion that chooses the chosen checkpoint: fid, aucp or None.

        The configured one is tried first; a later ``healthygan select`` may have used the other.
        """
        configured = str(self.config.get("criterion", ""))
        for name in sorted(LOWER_IS_BETTER, key=lambda name: name != configured):
            if self.selection and self.chosen == choose(self.selection, name):
                return name
        return None

    def is_best_at_the_end(self) -> bool:
        """Return whether the last checkpoint is the best by the criterion used."""
        name = self.criterion()
        if name is None:
            return False
        return best_of(self.selection, name) == self.selection[-1]


def read_artefacts(folder: Path, dataset: Path | Mapping[str, Any] | None = None) -> Artefacts:
    """Read all files of a run folder; raise NoModel only if the folder is absent."""
    folder = Path(folder)
    if not folder.is_dir():
        raise NoModel(f"{folder}: no such run folder. Give the folder of one run.")
    found = Artefacts(folder)
    found.run = found.read(RUN_FILE, lambda path: read_run(path.parent), {})
    found.config = found.read(CONFIG_FILE, lambda path: read_config(path.parent), {})
    if found.is_healthygan() or (folder / METRICS_FILE).is_file():
        found.metrics = found.read(METRICS_FILE, read_metrics, [])
    if found.is_healthygan():
        found.selection = found.read(SELECTION_FILE, read_candidates, [])
        if (folder / PRICES_FILE).is_file():
            found.trials = found.read(PRICES_FILE, lambda path: read_trials(path.parent), [])
        found.samples = found.read("samples", list_samples, [])
    found.read(MODEL_FILE, lambda path: path.stat().st_size, 0)
    found.scores = found.read(SCORES_FILE, read_scores, [])
    if (folder / SCORED_FILE).is_file():
        found.scored = found.read(SCORED_FILE, lambda path: read(path, SCORED), {})
    found.evaluation = found.read(EVALUATION_FILE, lambda path: read_evaluation(path.parent), {})
    for name in (CONFIG_FILE, MODEL_FILE, SCORES_FILE):
        if (folder / name).is_file():
            found.hashes[name] = sha256(folder / name)
    if isinstance(dataset, Mapping):
        found.dataset = dict(dataset)
    elif dataset is not None:
        path = Path(dataset) / "dataset.json" if Path(dataset).is_dir() else Path(dataset)
        found.dataset = found.read(str(path.absolute()), _json_object, {})
    return found


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read one JSON object a line, by iteration; a last line cut by a crash is dropped.

    A resumed run repeats iterations: the later line counts.
    """
    by_iteration: dict[int, dict[str, Any]] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            entry = parse_json(line)
        except json.JSONDecodeError:
            if number == len(lines) - 1:
                break
            raise
        if wrong := next(METRICS.problems("", entry), None):
            raise ValueError(f"line {number + 1}: {wrong}")
        by_iteration[entry["iteration"]] = entry
    return [by_iteration[iteration] for iteration in sorted(by_iteration)]


def list_samples(folder: Path) -> list[Path]:
    """Return samples/iter_0012000.png and the others, by iteration."""
    return sorted(folder.glob("iter_*.png"), key=sample_iteration)


def sample_iteration(path: Path) -> int:
    digits = re.search(r"\d+", path.stem)
    return int(digits.group()) if digits else -1


def _json_object(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path.name}: expected a JSON object, found {type(content).__name__}.")
    return content
