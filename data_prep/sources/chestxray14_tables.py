"""The two tables of ChestX-ray14: films with their findings, and boxes around lesions."""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.datalist import DataError
from data_prep.frame.boxes import LesionBox

COLUMNS = {  # ours -> the names of the two published tables
    "image": ("Image Index",),
    "findings": ("Finding Labels",),
    "patient": ("Patient ID",),
    "age": ("Patient Age",),
    "sex": ("Patient Gender", "Patient Sex"),
    "view": ("View Position",),
}
HEALTHY = "No Finding"
ANNOTATED = 1024  # pixels a side of the published PNG, in which the boxes are given
BOX_LABELS = {"Infiltrate": "Infiltration"}  # the list of boxes uses another word
OLDEST = 120  # years; the table has ages over 400
BOX_SITE = "https://nihcc.app.box.com/v/ChestXray-NIHCC"


@dataclass(frozen=True)
class Entry:
    """One film. findings: without HEALTHY, so empty for a healthy one; age in years."""

    image: str
    patient: str
    findings: tuple[str, ...]
    age: float | None
    sex: str
    view: str


def read_entries(path: Path) -> list[Entry]:
    """Both published forms: the header has unquoted commas, so its end does not match the rows;
    ages are "58" or "058Y"; rows of 2017 end with an empty column. Raises DataError.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        at = {}
        for ours, theirs in COLUMNS.items():
            found = next((header.index(name) for name in theirs if name in header), None)
            if found is None:
                raise DataError(
                    f"{path}: no column '{theirs[0]}'. Expected the table of {BOX_SITE}."
                )
            at[ours] = found
        rows = [row for row in reader if row]
    short = sum(len(row) <= max(at.values()) for row in rows)
    if short:
        raise DataError(f"{path}: {short} rows are cut short. Download the table again.")
    return [_entry({ours: row[k].strip() for ours, k in at.items()}) for row in rows]


def _entry(value: Mapping[str, str]) -> Entry:
    labels = tuple(label.strip() for label in value["findings"].split("|"))
    findings = tuple(label for label in labels if label and label != HEALTHY)
    sex = value["sex"].upper() if value["sex"].upper() in ("M", "F") else ""
    view = value["view"].upper()
    return Entry(value["image"], value["patient"], findings, age_years(value["age"]), sex, view)


def age_years(text: str) -> float | None:
    """Turn 58, 058Y, 007M or 012D into years; None for what no human has."""
    found = re.fullmatch(r"0*(\d+)([YMD]?)", text.strip().upper())
    if not found:
        return None
    years = int(found[1]) / {"": 1, "Y": 1, "M": 12, "D": 365.25}[found[2]]
    return round(years, 2) if years <= OLDEST else None


def eligible(entries: Sequence[Entry]) -> list[Entry]:
    """PA films with no finding or exactly one."""
    return [entry for entry in entries if entry.view == "PA" and len(entry.findings) <= 1]


def read_boxes(path: Path) -> dict[str, tuple[LesionBox, ...]]:
    """Image -> its boxes, [x, y, w, h] in pixels of the published 1024 x 1024 PNG."""
    found: dict[str, list[LesionBox]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if number == 1 or not row:
                continue
            try:
                x, y, w, h = (float(value) for value in row[2:6])
                label = BOX_LABELS.get(row[1].strip(), row[1].strip())
                box = LesionBox(x, y, w, h, label, ANNOTATED, ANNOTATED)
            except (ValueError, IndexError):
                raise DataError(
                    f"{path}: line {number} is not 'image, finding, x, y, w, h'. Download it again."
                ) from None
            found[row[0].strip()].append(box)
    return {image: tuple(boxes) for image, boxes in found.items()}
