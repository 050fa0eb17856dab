"""The cohort table: image, subject, section or group; label, mask, boxes, view, site, age, sex.

`columns` renames (our name -> the table's), `where` filters rows: a registry's export works as
is.
"""

import logging
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from data_prep.datalist import LABEL_WORDS, UNLABELLED, DataError
from data_prep.files import Record
from data_prep.frame.boxes import LesionBox
from data_prep.inputs.find import Found
from data_prep.inputs.parts import places
from data_prep.inputs.sections import GROUPS, HEALTHY, LABELS, SECTION_NAMES, section_of
from data_prep.inputs.table_columns import NAMES, read_table, shown
from data_prep.inputs.table_people import boxes_of, people, view_of
from data_prep.privacy.pseudonyms import BLANKS
from data_prep.read.content import kind_of
from data_prep.source import Source, Truth, Who

log = logging.getLogger(__name__)

TABLE_NEEDED = "one row an image, with the columns image, subject, and group or section"
SHOWN_PROBLEMS = 20
ROUNDED = re.compile(r"\d([.,]\d+)?[eE]\+?\d+")  # a long number, as a spreadsheet shows it
ROUNDED_AWAY = (
    "the subject is a number in scientific notation, so its last digits are lost, and two people "
    "may be one. Format the column as text, and fill it in again."
)
SECTION_AND_GROUP = (
    "the columns for section and group name two groups. Correct one, or take "
    "one column for both: --columns section=...,group=..."
)


def sources_of_table(
    table: Path, folder: Path, found: Found, columns: dict[str, str], where: dict[str, str]
) -> list[Source]:
    """One source for each row that `where` keeps, with the table's own subject names.

    folder: INPUT. An image is a path relative to INPUT or to the table, or a bare file name that
    exists once under INPUT. A row whose file does not exist gives a source of kind 'missing'.
    Raises DataError with every problem of the table at once.
    """
    rows, names, _ = read_table(table, columns, where)
    by_name, by_place = _by_name(found), places(found.sources)
    problems: list[str] = []
    doubts: Counter[str] = Counter()
    sources, seen = [], dict[tuple[str, str], int]()
    for line, row in rows:
        cells = {name: (row.get(names[name]) or "").strip() for name in NAMES if name in names}
        value = {name: cell.strip(BLANKS) for name, cell in cells.items()}
        for name in ("image", "subject"):
            if not value[name]:
                problems.append(f"line {line}: {name} is empty.")
        if ROUNDED.fullmatch(value["subject"]):
            problems.append(f"line {line}: {ROUNDED_AWAY}")
        if not value["image"]:
            continue
        source = _locate(value["image"], folder, table, by_name, by_place)
        place = os.path.abspath(source.path), source.member or ""
        if place in seen:  # also as ./a.png, or by its bare name
            problems.append(f"line {line}: the same image as line {seen[place]}.")
        seen.setdefault(place, line)
        sources.append(_described(source, value, line, folder, table, problems, doubts))
    _warn_of_capitals(table, {source.who.subject for source in sources})
    for doubt, count in sorted(doubts.items()):
        log.warning("%s: in %d rows the %s; it counts as unknown", table, count, doubt)
    if problems:
        shown = problems[:SHOWN_PROBLEMS]
        more = [f"and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
        raise DataError(f"{table}: {len(problems)} problems\n  " + "\n  ".join(shown + more))
    return sources


def _warn_of_capitals(table: Path, subjects: set[str]) -> None:
    alike = Counter(subject.casefold() for subject in subjects)
    count = sum(alike[subject.casefold()] > 1 for subject in subjects)
    if count:
        log.warning(
            "%s: %d subjects differ from others by capitals alone, and count as other people. If "
            "they are not, correct the column subject.",
            *(table, count),
        )


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


def _contradiction(
    section: str | None, group: str | None, label: int | None, boxes: Sequence[LesionBox]
) -> str:
    """Say how label, boxes, group and section differ; "" where they do not."""
    healthy = "group healthy" if group == "healthy" else ""
    if section == HEALTHY:
        healthy = "section healthy"
    if label == 1 and healthy:
        return f"label 1 and {healthy}"
    if boxes and (label == 0 or healthy):
        return f"lesion boxes and {'label 0' if label == 0 else healthy}"
    return "label 0 and group diseased" if label == 0 and group == "diseased" else ""


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
            problems.append(f"line {line}: section '{shown(text)}', expected {expected}.")
    if text := value.get("group", "").lower():
        if group not in (None, text):
            problems.append(f"line {line}: {SECTION_AND_GROUP}")
        group = text
        if group not in GROUPS:
            problems.append(f"line {line}: group '{shown(text)}', expected {', '.join(GROUPS)}.")
    if text := value.get("label", "").lower():
        label = LABELS.get(text)
        if label is None:
            problems.append(f"line {line}: label '{shown(text)}', expected 0 or 1 (diseased).")
    boxes = boxes_of(value.get("boxes", ""), line, problems)
    if told := _contradiction(section, group, label, boxes):
        problems.append(f"line {line}: {told}. Correct one of them.")
    if text := value.get("mask"):
        clean = text.replace("\\", "/")
        mask = next((b / clean for b in (folder, table.parent) if (b / clean).is_file()), None)
        if mask is None and section not in UNLABELLED:
            problems.append(f"line {line}: mask '{shown(text)}' does not exist.")
    if section is None and group is None:
        section = "test"
        if value.get("section") is None and value.get("group") is None and label is not None:
            section, group = None, LABEL_WORDS[label]
    visible = "".join(c for c in value["subject"] if unicodedata.category(c) != "Cf")
    subject = unicodedata.normalize("NFC", visible)  # so that one name is one subject
    return replace(
        source,
        line=line,
        who=Who(subject, **people(value, doubts)),
        truth=Truth(section, group, label, mask, boxes),
        view=view_of(value.get("view", ""), doubts),
    )
