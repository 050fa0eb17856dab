"""A clinic's own cohort: a small CSV or YAML that names subjects and groups, and their volumes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.datalist import DataError
from data_prep.errors import MissingData
from data_prep.inputs.sections import LABELS
from data_prep.read.spreadsheet import read_rows
from data_prep.read.volume import bids
from data_prep.sources.files import Files

GROUPS = {
    **LABELS,
    **dict.fromkeys(("control", "controls"), 0),
    **dict.fromkeys(("migraine", "patient", "patients", "case"), 1),
}
VOLUMES = (".nii", ".nii.gz")
LOCAL = "local"


@dataclass(frozen=True)
class Person:
    """One subject of the local cohort. images: paths below the folder, empty to look for them."""

    subject: str
    label: int
    images: tuple[str, ...] = ()
    age: float | None = None
    sex: str = ""
    site: str = LOCAL


def read_cohort(path: Path) -> list[Person]:
    """Subjects of a CSV table or a YAML file, every problem at once in a DataError."""
    entries = _yaml(path) if path.suffix.lower() in (".yaml", ".yml") else _csv(path)
    people: dict[str, Person] = {}
    problems = []
    for number, entry in enumerate(entries, start=1):
        subject, group = str(entry.get("subject", "")).strip(), str(entry.get("group", "")).strip()
        if not subject:
            problems.append(f"entry {number}: subject is empty.")
        elif group.lower() not in GROUPS:
            problems.append(f"entry {number}: the group is not one of healthy and diseased.")
        else:
            person = _person(subject, GROUPS[group.lower()], entry)
            known = people.get(subject)
            if known is not None and known.label != person.label:
                problems.append(f"entry {number}: the subject is in the other group above.")
            elif known is not None:
                person = replace(known, images=known.images + person.images)
            people[subject] = person
    if problems:
        raise DataError(f"{path}: {len(problems)} problems\n  " + "\n  ".join(problems[:20]))
    if not people:
        raise DataError(f"{path}: names no subject.")
    return list(people.values())


def _person(subject: str, label: int, entry: Mapping[str, Any]) -> Person:
    images = entry.get("image") or entry.get("images") or ()
    listed = (images,) if isinstance(images, str) else tuple(str(image) for image in images)
    try:
        age = float(entry.get("age") or "nan")
    except (TypeError, ValueError):
        age = float("nan")
    sex = str(entry.get("sex") or "").upper()[:1]
    return Person(
        subject,
        label,
        listed,
        age if 0 < age < 120 else None,
        sex if sex in ("M", "F") else "",
        str(entry.get("site") or LOCAL),
    )


def _csv(path: Path) -> list[dict[str, str]]:
    rows = read_rows(path)
    header = [name.lower() for name in rows[0]] if rows else []
    missing = {"subject", "group"} - set(header)
    if missing:
        raise DataError(
            f"{path}: no column {' nor '.join(sorted(missing))}. Expected subject, group."
        )
    return [dict(zip(header, row, strict=False)) for row in rows[1:] if any(row)]


def _yaml(path: Path) -> list[dict[str, Any]]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingData(f"{path}: no such file.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise DataError(f"{path}: not YAML in UTF-8.") from None
    expected = (
        f"{path}: expected lists healthy and diseased, or subjects: [{{subject, group}}, ...]."
    )
    if not isinstance(content, dict):
        raise DataError(expected)
    site = content.get("site", LOCAL)
    entries = content.get("subjects") or []
    listed = [(name, content.get(name) or []) for name in ("healthy", "diseased")]
    if not isinstance(entries, list) or not all(isinstance(names, list) for _, names in listed):
        raise DataError(expected)
    entries = entries + [{"subject": who, "group": name} for name, names in listed for who in names]
    if not all(isinstance(entry, dict) for entry in entries):
        raise DataError(expected)
    return [{"site": site, **entry} for entry in entries]


def volumes_of(person: Person, files: Files) -> tuple[str, ...]:
    """The subject's volumes: listed, or named like it; a folder without NIfTI is a DICOM series."""
    if person.images:
        there = [image for image in person.images if (files.folder / image).exists()]
        return tuple(there) if len(there) == len(person.images) else ()
    named = re.compile(rf"(^|[/_-]){re.escape(person.subject)}(?=[/_.-]|$)")
    mine = [path for path in files.paths if named.search(path)]
    mine = [path for path in mine if not bids.derived(PurePosixPath(path))]
    volumes = [path for path in mine if path.lower().endswith(VOLUMES)]
    others = [path for path in volumes if bids.other_suffix(path)]
    if others and len(others) == len(volumes):
        return ()  # no T1-weighted scan
    volumes = [path for path in volumes if path not in others]
    if volumes:
        return tuple(sorted(volumes))
    series = {PurePosixPath(path).parent.as_posix() for path in mine}
    return tuple(sorted(name for name in series if named.search(name)))
