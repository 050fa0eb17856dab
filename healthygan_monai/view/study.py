"""The cases of a folder that ``healthygan score`` wrote: films and volumes of new patients."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_prep.files import Record, read_csv, read_json
from healthygan_monai.paths import (
    ABOUT_FILE,
    CASES_FILE,
    LINKS,
    MAPS_FOLDER,
    MARKED,
    PICTURES_FOLDER,
    SCORES_FILE,
)
from healthygan_monai.scoring import ScoreRow, ScoresError, read_scores
from healthygan_monai.view.cases import COLUMNS, Cases, inputs_of, number_of, read_cases

NEEDED = ("name", "subject", "kind", "score")
VOLUME = "volume"
OF_A_VOLUME = {"volume_map": ".nii.gz"}  # the maps of a case, after its name
OF_A_FILM = {"difference": ".png", "mask": f"{MARKED}.png"}


@dataclass(frozen=True)
class Study(Cases):
    """The rows of FOLDER/cases.csv, and the maps in the space of each input.

    The scan of a volume is the input itself: ``inputs`` is INPUT, and FOLDER.links.csv says which
    file below it. Without them the map of a volume is shown alone.
    """

    records: tuple[Record, ...]
    links: Mapping[str, str]

    def place(self, index: int, part: str) -> tuple[Path | None, str]:
        name = self.rows[index].image
        maps, volume = self.folder / MAPS_FOLDER, self.records[index]["kind"] == VOLUME
        if part == "image":
            return self.folder / PICTURES_FOLDER, f"{name}.jpg"
        if part == "volume":
            return self.inputs, self.links.get(name, "") if volume else ""
        ends = OF_A_VOLUME if volume else OF_A_FILM
        return maps, f"{name}{ends[part]}" if part in ends else ""

    @cached_property
    def white(self) -> float | None:
        return number_of(self.folder / ABOUT_FILE, "white")

    def words(self) -> dict[str, str]:
        return {**super().words(), "mask": "Marked"}

    def notes(self, drawn: set[str]) -> list[str]:
        notes = []
        if "volume_map" in drawn and "volume" not in drawn:
            notes.append("The scans are not there: give the INPUT that was scored with --dataset.")
        if self.white is None and "difference" in drawn:
            notes.append("No map threshold is known: white is the largest value of each map.")
        return [*notes, *_thresholds(self.folder / ABOUT_FILE)]

    def data(self) -> dict[str, Any]:
        """As of other cases, with ``more``: the threshold, and the slices that carry the score."""
        data = super().data()
        more = [_more(record) for record in self.records]
        rows = [(*row, text) for row, text in zip(data["rows"], more, strict=True)]
        return {**data, "columns": (*COLUMNS, "more"), "rows": rows}


def open_cases(folder: Path, dataset: Path | None = None) -> Cases:
    """Return the cases of a run folder, or of a folder that ``healthygan score`` wrote.

    Args:
        folder: with scores.csv.
        dataset: what was scored, where its pictures or scans are.

    Raises:
        NoScores: no scores.csv. ScoresError: it or cases.csv is malformed.
    """
    path = folder / CASES_FILE
    if not path.is_file():
        return read_cases(folder, dataset)
    first = read_scores(folder / SCORES_FILE)[0]
    records = _records(path, NEEDED)
    rows = []
    for line, record in enumerate(records, 2):
        try:
            score = float(record["score"])
        except ValueError:
            raise ScoresError(f"{path.name} line {line}: the score is not a number.") from None
        rows.append(
            ScoreRow(
                section="test",
                image=record["name"],
                subject=record["subject"],
                score=score,
                method=first.method,
                seed=first.seed,
            )
        )
    links = _links(folder) if dataset is not None else {}
    return Study(folder, rows, inputs_of(dataset), tuple(records), links)


def _more(record: Record) -> str:
    """The threshold, the slices and the warnings of a case in words."""
    above = {"yes": "reaches the threshold", "no": "below the threshold"}
    plane, slices = record.get("plane") or "", record.get("slices") or ""
    parts = [above.get(record.get("above") or "", ""), f"{plane} slices {slices}" if slices else ""]
    warnings = record.get("warnings")
    return " · ".join(filter(None, [*parts, f"Warning: {warnings}" if warnings else ""]))


def _thresholds(path: Path) -> list[str]:
    """Return the thresholds of about.json and where they are from; none where it has none."""
    words = {"score_threshold": "Threshold of the score", "map_threshold": "Marked from"}
    found = []
    for key, what in words.items():
        value = number_of(path, key, "value")
        if value is not None:
            found.append(f"{what} {value:.4g} ({read_json(path)[key].get('policy', '')}).")
    return found


def _links(folder: Path) -> dict[str, str]:
    """Return the name of a case -> path of its input below INPUT; empty without the file."""
    place = folder.resolve()
    path = place.with_name(place.name + LINKS)
    if not path.is_file():
        return {}
    needed = ("input", "subject", "session")
    return {f"{r['subject']}_{r['session']}": r["input"] for r in _records(path, needed)}


def _records(path: Path, needed: tuple[str, ...]) -> list[Record]:
    """Return the rows of a table; ScoresError: it is none, or lacks a column."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
            columns, rows = read_csv(stream)
    except csv.Error:
        raise ScoresError(f"{path.name}: not a CSV file. Score the patients again.") from None
    if missing := [name for name in needed if name not in columns]:
        raise ScoresError(f"{path.name}: column {', '.join(missing)} missing.")
    for line, row in rows:
        if any(row[name] is None for name in needed):
            raise ScoresError(f"{path.name} line {line}: too few columns.")
    return [row for _, row in rows]
