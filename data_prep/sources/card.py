"""What a protocol hands over: a card of the data set, and a cohort whose rows become the table."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.datalist import SECTIONS, UNLABELLED, LeakError
from data_prep.files import write_csv
from data_prep.frame.boxes import LesionBox
from data_prep.inputs.sections import HEALTHY

COLUMNS = ("image", "subject", "section", "label", "mask", "site", "age", "sex", "boxes")
SexCode = str  # "M", "F" or "" where it is unknown


@dataclass(frozen=True)
class Expected:
    """A file the protocol reads: a pattern of its name, what it is, where to get it."""

    pattern: str
    what: str
    where: str


@dataclass(frozen=True)
class Card:
    """Facts of a data set. kind: films or brains; size: pixels a side in the paper; counts: images
    (or subjects, as `unit` says) of the paper as section -> (healthy, diseased); flaws: what any
    result on it has to be read with; protocol: the training plan of that name, or None; public: it
    was published, so somebody has taken the names off the films.
    """

    name: str
    title: str
    link: str
    licence: str
    citation: str
    volume: str
    expected: tuple[Expected, ...]
    flaws: tuple[str, ...]
    kind: str = "films"
    size: int = 128
    framing: str = "paper"
    unit: str = "images"
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    protocol: str | None = None
    public: bool = True

    def record(self) -> dict[str, Any]:
        """The part that goes into dataset.json."""
        keys = ("name", "title", "link", "licence", "citation")
        return {**{key: getattr(self, key) for key in keys}, "flaws": list(self.flaws)}

    def text(self) -> str:
        """The card as --help shows it."""
        lines = [self.title, f"  {self.link}", f"  licence: {self.licence}", f"  {self.citation}"]
        lines += [f"  size: {self.volume}", "expected below INPUT:"]
        lines += [f"  {e.pattern:<28} {e.what}; from {e.where}" for e in self.expected]
        if self.counts:
            sizes = ", ".join(f"{name} {h:,} + {d:,}" for name, (h, d) in self.counts.items())
            lines.append(f"the paper's {self.unit} (healthy + diseased): {sizes}")
        lines.append("to be read with:")
        for flaw in self.flaws:
            lines += textwrap.wrap(flaw, 96, initial_indent="  - ", subsequent_indent="    ")
        return "\n".join(lines)


@dataclass(frozen=True)
class Row:
    """One image of a cohort. image, mask: POSIX paths relative to INPUT, or bare file names.

    label: the truth, 0 or 1, in training too, where it serves the counts and goes no further; None
    where nobody knows it;
    age in years; sex "M", "F" or ""; boxes: lesions in pixels of the picture as published; view:
    one of dicom.terms.VIEWS or "".
    """

    image: str
    subject: str
    section: str
    label: int | None
    mask: str = ""
    site: str = ""
    age: float | None = None
    sex: SexCode = ""
    boxes: tuple[LesionBox, ...] = ()
    view: str = ""


@dataclass(frozen=True)
class Cohort:
    """rows: sorted by subject; facts: JSON values for dataset.json; warnings: to be read first."""

    rows: tuple[Row, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def counts(self) -> dict[str, tuple[int, int]]:
        """Section -> (healthy, diseased) images."""
        found = {name: [0, 0] for name in SECTIONS}
        for row in self.rows:
            if row.label is not None:
                found[row.section][row.label] += 1
        return {name: (healthy, diseased) for name, (healthy, diseased) in found.items()}


def require_disjoint(rows: Sequence[Row]) -> None:
    """Raise LeakError naming subjects in two sections; a protocol calls it before it hands over."""
    homes: dict[str, set[str]] = {}
    for row in rows:
        homes.setdefault(row.subject, set()).add(row.section)
    torn = sorted(subject for subject, sections in homes.items() if len(sections) > 1)
    if torn:
        raise LeakError(f"{len(torn)} subjects are in more than one section, first {torn[0]}.")


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write the cohort table for data_prep.inputs.table; training rows carry no label.

    The column view is there where a view is known.
    """
    views = ("view",) if any(row.view for row in rows) else ()
    cells = ([*_cells(row), *(row.view for _ in views)] for row in rows)
    write_csv(path, [*COLUMNS, *views], cells)


def _cells(row: Row) -> list[str]:
    """A training row carries no truth, but for the mask of a known-healthy image and what says that
    it is healthy: so that the preparation can see that the mask is empty.
    """
    hidden = row.section in UNLABELLED
    healthy = bool(row.mask) and (row.label == 0 or row.section == HEALTHY)
    boxes = "" if hidden or not row.boxes else json.dumps([box.to_json() for box in row.boxes])
    label = "" if row.label is None or (hidden and not healthy) else str(row.label)
    age = "" if row.age is None else f"{row.age:g}"
    mask = "" if hidden and not healthy else row.mask
    return [row.image, row.subject, row.section, label, mask, row.site, age, row.sex, boxes]
