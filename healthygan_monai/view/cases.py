"""The cases of a folder with scores.csv, and the files of each."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.datalist import leads_out
from data_prep.errors import HealthyGANError
from data_prep.files import read_json
from data_prep.film import read_levels
from data_prep.work.kept import decode
from healthygan_monai.paths import PICTURES_FOLDER, SCALE_FILE, SCORES_FILE, picture_stem
from healthygan_monai.scoring import HEALTHYGAN, ScoreRow, read_scores

MAPS = ("healthy", "mask", "difference")
FLAT = ("image", *MAPS)  # the parts of a case that are pictures
VOLUMES = ("volume", "volume_map")  # NIfTI: a scan and its map
PARTS = (*FLAT, *VOLUMES)
KINDS = {  # of the files that are shown, by their endings
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".nii": "application/octet-stream",
    ".nii.gz": "application/gzip",
}
COLUMNS = ("section", "subject", "slice", "label", "score", "stem", "suffix", "has")
SCALED_ON = 32  # pictures of differences that give the top of the scale
TOP_PERCENTILE = 99.8  # of their pixels


@dataclass(frozen=True)
class Cases:
    """The images of FOLDER/scores.csv, with the pictures that ``healthygan infer`` drew.

    folder: with scores.csv. rows: one a case. inputs: the root of their images; None if it is not
    known.
    """

    folder: Path
    rows: list[ScoreRow]
    inputs: Path | None

    def place(self, index: int, part: str) -> tuple[Path | None, str]:
        """Return the folder of a part of a case, and its name below it; "" for none."""
        image = self.rows[index].image
        if part == "image":
            return self.inputs, image
        pictures = self.folder / PICTURES_FOLDER
        return pictures, f"{picture_stem(image)}_{part}.png" if part in MAPS else ""

    def file(self, index: int, part: str) -> tuple[Path, str] | None:
        """Return a file of a case and its media type.

        None if it is not there, leads out of its folder, or is of another kind.

        Args:
            index: of its row.
            part: one of ``PARTS``.
        """
        root, name = self.place(index, part)
        kind = next((kind for end, kind in KINDS.items() if name.lower().endswith(end)), None)
        if root is None or kind is None:
            return None
        path = root / name
        return None if leads_out(root, path) or not path.is_file() else (path, kind)

    @cached_property
    def there(self) -> list[tuple[str, ...]]:
        """The parts that each case has, by the names of the files alone."""
        known: dict[Path | None, set[str]] = {None: set()}
        found = []
        for index in range(len(self.rows)):
            parts = []
            for part in PARTS:
                root, name = self.place(index, part)
                if root not in known:
                    known[root] = set(_below(root)) if root else set()
                if name in known[root]:
                    parts.append(part)
            found.append(tuple(parts))
        return found

    @cached_property
    def white(self) -> float | None:
        """What white means in a picture of a difference; None: each has a scale of its own."""
        if self.rows and self.rows[0].method == HEALTHYGAN:
            return 1.0
        return number_of(self.folder / PICTURES_FOLDER / SCALE_FILE, "white") or 1.0

    @cached_property
    def top(self) -> float:
        """The top of the scale as a share of white: a percentile of 32 evenly spaced pictures."""
        drawn = [index for index, parts in enumerate(self.there) if "difference" in parts]
        chosen = np.unique(np.linspace(0, len(drawn) - 1, SCALED_ON).round().astype(int))
        values = [found for k in chosen if drawn and (found := self._levels(drawn[k])) is not None]
        if not values:
            return 1.0
        top = float(np.percentile(np.concatenate(values), TOP_PERCENTILE))
        return min(1.0, max(0.01, float(np.ceil(100 * top)) / 100))

    def _levels(self, index: int) -> np.ndarray | None:
        found = self.file(index, "difference")
        try:
            levels = None if found is None else decode(read_levels, (found[0],))[0]
        except (HealthyGANError, OSError):
            return None
        return None if levels is None else levels.ravel() / np.iinfo(levels.dtype).max

    def data(self) -> dict[str, Any]:
        """Return what the pages show, but for where the pictures are; see page/shared.js."""
        drawn = {part for parts in self.there for part in parts}
        shown = [part for part in FLAT if part in drawn]
        return {
            "words": self.words(),
            "white": self.white,
            "top": self.top,
            "parts": PARTS,
            "shown": shown if "image" in shown else ["image", *shown],
            "notes": self.notes(drawn),
            "columns": COLUMNS,
            "rows": [self._cells(index, parts) for index, parts in enumerate(self.there)],
        }

    def words(self) -> dict[str, str]:
        """Return what the parts are called."""
        own = {row.method for row in self.rows} <= {HEALTHYGAN}
        return {
            **{"image": "Input", "healthy": "Healthy", "mask": "Mask"},
            "difference": "Difference" if own else "Map",
        }

    def notes(self, drawn: set[str]) -> list[str]:
        """Return what is missing, and what to do; drawn: the parts that any case has."""
        notes = []
        if "image" not in drawn:
            notes.append("The inputs are not there: give their folder with --dataset.")
        if not drawn & set(MAPS):
            notes.append("There are no pictures of maps: healthygan infer draws them.")
        return notes

    def _cells(self, index: int, parts: Sequence[str]) -> tuple[Any, ...]:
        row = self.rows[index]
        stem = picture_stem(row.image)
        suffix = row.image.removeprefix(stem)
        has = sum(1 << PARTS.index(part) for part in parts)
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


def number_of(path: Path, *keys: str) -> float | None:
    """Return a number above 0 of a JSON file, by a key and keys within it; None without one."""
    try:
        value = float(reduce(getitem, keys, read_json(path)))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        return None
    return value if 0 < value < float("inf") else None


def _below(root: Path) -> Iterator[str]:
    """Yield the paths of all files below a folder; links to folders are not followed."""
    for folder, _, names in os.walk(root):
        below = Path(os.path.relpath(folder, root)).as_posix()
        yield from names if below == "." else (f"{below}/{name}" for name in names)
