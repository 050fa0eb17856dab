"""The cases of a folder with scores.csv, and the files of each."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.datalist import leads_out
from data_prep.errors import HealthyGANError
from data_prep.files import read_json
from data_prep.film import read_levels
from data_prep.work.kept import decode
from healthygan_monai.paths import PICTURES_FOLDER, SCALE_FILE, SCORES_FILE, picture_stem
from healthygan_monai.scoring import ScoreRow, read_scores

MAPS = ("healthy", "mask", "difference")
PARTS = ("image", *MAPS)
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
SCALED_ON = 32  # pictures of differences that give the top of the scale
TOP_PERCENTILE = 99.8  # of their pixels
HEALTHYGAN = "healthygan"


@dataclass(frozen=True)
class Cases:
    """The rows of FOLDER/scores.csv, and where their pictures are.

    folder: with scores.csv. inputs: the root of their images; None if it is not known.
    """

    folder: Path
    rows: list[ScoreRow]
    inputs: Path | None

    @property
    def pictures(self) -> Path:
        return self.folder / PICTURES_FOLDER

    def file(self, index: int, part: str) -> Path | None:
        """Return a picture of a case; None if it is not there or outside of its folder.

        Args:
            index: of its row.
            part: one of ``PARTS``.
        """
        image = self.rows[index].image
        if part == "image":
            root, name = self.inputs, image
        else:
            root, name = self.pictures, f"{picture_stem(image)}_{part}.png"
        if root is None or Path(name).suffix.lower() not in PICTURES:
            return None
        path = root / name
        return None if leads_out(root, path) or not path.is_file() else path

    @cached_property
    def there(self) -> list[tuple[str, ...]]:
        """The parts that each case has, by the names of the files alone."""
        inputs, maps = _names(self.inputs), _names(self.pictures)
        stems = [picture_stem(row.image) for row in self.rows]
        return [
            (("image",) if row.image in inputs else ())
            + tuple(part for part in MAPS if f"{stem}_{part}.png" in maps)
            for row, stem in zip(self.rows, stems, strict=True)
        ]

    @cached_property
    def white(self) -> float:
        """What white means in a picture of a difference, on the method's own scale."""
        try:
            found = read_json(self.pictures / SCALE_FILE)
            return float(found["white"])
        except (OSError, json.JSONDecodeError, KeyError, TypeError, ValueError):
            return 1.0

    @cached_property
    def top(self) -> float:
        """The top of the scale as a share of white: a percentile of 32 evenly spaced pictures."""
        drawn = [i for i, parts in enumerate(self.there) if "difference" in parts]
        chosen = np.unique(np.linspace(0, len(drawn) - 1, SCALED_ON).round().astype(int))
        values = [found for i in chosen if drawn and (found := self._levels(drawn[i])) is not None]
        if not values:
            return 1.0
        top = float(np.percentile(np.concatenate(values), TOP_PERCENTILE))
        return min(1.0, max(0.01, np.ceil(100 * top) / 100))

    def _levels(self, index: int) -> np.ndarray | None:
        path = self.file(index, "difference")
        try:
            levels = None if path is None else decode(read_levels, (path,))[0]
        except (HealthyGANError, OSError):
            return None
        return None if levels is None else levels.ravel() / np.iinfo(levels.dtype).max

    def data(self) -> dict[str, Any]:
        """Return what the pages show, but for where the pictures are; see page/shared.js."""
        shown = [part for part in PARTS if any(part in parts for parts in self.there)]
        methods = {row.method for row in self.rows}
        return {
            "map": "Difference" if methods <= {HEALTHYGAN} else "Map",
            "white": self.white,
            "top": self.top,
            "parts": PARTS,
            "shown": shown if "image" in shown else ["image", *shown],
            "notes": self._notes(shown),
            "columns": COLUMNS,
            "rows": [
                _cells(row, sum(1 << PARTS.index(part) for part in parts))
                for row, parts in zip(self.rows, self.there, strict=True)
            ],
        }

    def _notes(self, shown: Sequence[str]) -> list[str]:
        notes = []
        if "image" not in shown:
            notes.append("The inputs are not there: give their folder with --dataset.")
        if not set(shown) & set(MAPS):
            notes.append("There are no pictures of maps: healthygan infer draws them.")
        return notes


COLUMNS = ("section", "subject", "slice", "label", "score", "stem", "suffix", "has")


def _cells(row: ScoreRow, has: int) -> tuple[Any, ...]:
    stem = picture_stem(row.image)
    suffix = row.image.removeprefix(stem)
    return row.section, row.subject, row.slice, row.label, row.score, stem, suffix, has


def read_cases(folder: Path, dataset: Path | None = None) -> Cases:
    """Return the cases of a folder with scores.csv.

    Args:
        folder: a run folder after ``healthygan infer``, or where that wrote.
        dataset: the data set or folder of pictures that was scored, or its dataset.json.

    Raises:
        NoScores: no scores.csv. ScoresError: it is malformed.
    """
    return Cases(folder, read_scores(folder / SCORES_FILE), inputs_of(dataset))


def inputs_of(dataset: Path | None) -> Path | None:
    """Return the root of a data set's images: the folder, or that of its dataset.json."""
    return dataset.parent if dataset is not None and dataset.is_file() else dataset


def _names(root: Path | None) -> set[str]:
    """Return the paths of the pictures below a folder; links to folders are not followed."""
    return set() if root is None else {os.path.normpath(name) for name in _walk(root)}


def _walk(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        below = os.path.relpath(folder, root)
        yield from (f"{below}/{name}" for name in names)
