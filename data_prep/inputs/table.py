"""The cohort table: image, subject, section or group; label, mask, boxes, view, site, age, sex.

`columns` renames (our name -> the table's), `where` filters rows: a registry's export works as
is.
"""

import csv
import logging
import os
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

from data_prep.datalist import DataError
from data_prep.errors import MissingData, UsageError, nearest
from data_prep.files import Record, read_csv
from data_prep.inputs.find import Found
from data_prep.inputs.parts import places
from data_prep.inputs.sections import GROUPS, LABELS, SECTION_NAMES, section_of
from data_prep.inputs.table_people import boxes_of, people, view_of
from data_prep.privacy.pseudonyms import BLANKS
from data_prep.privacy.scrubbing import safe_name
from data_prep.read.content import kind_of
from data_prep.source import Source, Truth, Who

PEOPLE = ("site", "age", "sex", "boxes", "view")  # read by table_people.py
log = logging.getLogger(__name__)

NAMES = ("image", "subject", "section", "group", "label", "mask", "session", *PEOPLE)
TABLE_NEEDED = "one row an image, with the columns image, subject, and group or section"
SHOWN_PROBLEMS = 20
# What no column is called: a file, a number, a date, a name as DICOM writes it
VALUE = re.compile(r"\.[a-z]{2,5}$|\^|\d{3}|^\W*\d[\d\W]*$", re.IGNORECASE)


def sources_of_table(
    table: Path, folder: Path, found: Found, columns: dict[str, str], where: dict[str, str]
) -> list[Source]:
    """One source for each row that `where` keeps, with the table's own subject names.

    folder: INPUT. An image is a path relative to INPUT or to the table, or a bare file name that
    exists once under INPUT. A row whose file does not exist gives a source of kind 'missing'.
    Raises DataError with every problem of the table at once.
    """
    rows, header = _read(table)
    names = _names(table, header, columns)
    rows = _filtered(table, rows, header, where)
    by_name, by_place = _by_name(found), places(found.sources)
    problems: list[str] = []
    doubts: Counter[str] = Counter()
    sources, seen = [], dict[str, int]()
    for line, row in rows:
        cells = {name: (row.get(names[name]) or "").strip() for name in NAMES if name in names}
        value = {name: cell.strip(BLANKS) for name, cell in cells.items()}
        for name in ("image", "subject"):
            if not value[name]:
                problems.append(f"line {line}: {name} is empty.")
        if not value["image"]:
            continue
        if value["image"] in seen:
            problems.append(f"line {line}: the same image as line {seen[value['image']]}.")
        seen.setdefault(value["image"], line)
        source = _locate(value["image"], folder, table, by_name, by_place)
        sources.append(_described(source, value, line, folder, table, problems, doubts))
    for doubt, count in sorted(doubts.items()):
        log.warning("%s: in %d rows the %s; it counts as unknown", table, count, doubt)
    if problems:
        shown = problems[:SHOWN_PROBLEMS]
        more = [f"and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
        raise DataError(f"{table}: {len(problems)} problems\n  " + "\n  ".join(shown + more))
    return sources


def _read(table: Path) -> tuple[list[tuple[int, Record]], list[str]]:
    """Rows with their line numbers, and the header; comma, semicolon or tab."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            header, rows = read_csv(file, delimiter)
            return rows, [name.strip() for name in header]
    except FileNotFoundError:
        raise MissingData(f"{table}: no such table. Correct --table.") from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"{table}: not a CSV file in UTF-8. Export it again as CSV.") from None


def _names(table: Path, header: list[str], columns: dict[str, str]) -> dict[str, str]:
    """Our names -> the table's, for those it has; refuses what a typo would silently drop."""
    for ours, theirs in columns.items():
        if ours not in NAMES:
            raise UsageError(f"--columns {ours}=...: expected one of {', '.join(NAMES)}.")
        if theirs not in header:
            raise UsageError(f"{table}: no column '{theirs}'{_columns(theirs, header)}")
    names = {name: columns.get(name, name) for name in NAMES}
    names = {ours: theirs for ours, theirs in names.items() if theirs in header}
    for name in ("image", "subject"):
        if name not in names:
            there = _columns(name, header)
            raise UsageError(
                f"{table}: no column '{name}'. Name yours: --columns {name}=...{there}"
            )
    return names


def _filtered(
    table: Path, rows: list[tuple[int, Record]], header: list[str], where: dict[str, str]
) -> list[tuple[int, Record]]:
    for column, wanted in where.items():
        if column not in header:
            raise UsageError(f"{table}: no column '{column}' to filter{_columns(column, header)}")
        allowed = wanted.split("|")
        present = {row[column] for _, row in rows}
        rows = [(line, row) for line, row in rows if row[column] in allowed]
        if not rows:
            near = _values(wanted, present)
            raise UsageError(f"{table}: no row has {column}={wanted}{near}")
    if not rows:
        raise DataError(f"{table}: the table has no rows.")
    return rows


def _columns(name: str, header: list[str]) -> str:
    """Say which columns there are, unless the first line is that of a patient."""
    if any(
        section_of(cell) or cell.lower() in (*GROUPS, *LABELS) or VALUE.search(cell)
        for cell in header
    ):
        return "; its first line must hold the names of the columns."
    return nearest(name, header) or f"; there are {', '.join(header[:12])}."


def _values(wanted: str, present: set[str]) -> str:
    """Say which values a column has, those that name nobody."""
    known = sorted(value for value in present if value and _shown(value) == value)
    return nearest(wanted, known) or (f"; there are {', '.join(known[:12])}." if known else ".")


def _shown(text: str) -> str:
    """A cell in a message: it may be the name of a patient in the wrong column."""
    return safe_name(text, unread=True)


def _by_name(found: Found) -> dict[str, Source | None]:
    """Path below INPUT, and bare file name -> its source; None where two files share the name."""
    names: dict[str, Source | None] = {}
    for source in found.sources:
        bare = PurePosixPath(source.name).name
        names[bare] = None if bare in names else source
    return {**names, **{source.name: source for source in found.sources}}


def _locate(
    image: str,
    folder: Path,
    table: Path,
    by_name: dict[str, Source | None],
    by_place: dict[str, Source],
) -> Source:
    clean = image.replace("\\", "/")
    for base in (folder, table.parent):
        path = base / clean
        found = by_place.get(os.path.abspath(path))
        if found is not None:
            return replace(found, name=clean)
        if path.is_file() or path.is_symlink():
            return Source(clean, path, kind_of(path))
        if path.is_dir():
            return Source(clean, path, "series")
    known = by_name.get(clean)
    return replace(known, name=clean) if known else Source(clean, folder / clean, "missing")


def _described(
    source: Source,
    value: Record,
    line: int,
    folder: Path,
    table: Path,
    problems: list[str],
    doubts: Counter[str],
) -> Source:
    section = group = label = mask = None
    if text := value.get("section"):
        section = section_of(text)
        if section is None and text.lower() in GROUPS:
            group = text.lower()
        elif section is None:
            expected = ", ".join(SECTION_NAMES)
            problems.append(f"line {line}: section '{_shown(text)}', expected {expected}.")
    if text := value.get("group", "").lower():
        group = text
        if group not in GROUPS:
            problems.append(f"line {line}: group '{_shown(text)}', expected {', '.join(GROUPS)}.")
    if text := value.get("label", "").lower():
        label = LABELS.get(text)
        if label is None:
            problems.append(f"line {line}: label '{_shown(text)}', expected 0 or 1 (diseased).")
    if text := value.get("mask"):
        clean = text.replace("\\", "/")
        mask = next((b / clean for b in (folder, table.parent) if (b / clean).is_file()), None)
        if mask is None and section not in ("training_mixed", "training_healthy"):
            problems.append(f"line {line}: mask '{_shown(text)}' does not exist.")
    if section is None and group is None:
        section = "test"
        if value.get("section") is None and value.get("group") is None and label is not None:
            section, group = None, ("healthy", "diseased")[label]
    boxes = boxes_of(value.get("boxes", ""), line, problems)
    subject = unicodedata.normalize("NFC", value["subject"])  # so that one name is one subject
    return replace(
        source,
        line=line,
        who=Who(subject, **people(value, doubts)),
        truth=Truth(section, group, label, mask, boxes),
        view=view_of(value.get("view", ""), doubts),
    )
