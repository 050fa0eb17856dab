"""Migraine: IXI as the known healthy heads, a clinic's own cohort as the mixed and tested ones."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.datalist import DataError
from data_prep.sources import ixi
from data_prep.sources.card import Card, Cohort, Expected, Row, require_disjoint
from data_prep.sources.confound import confounds
from data_prep.sources.counts import Counts, parse_counts, require
from data_prep.sources.draw import shuffled
from data_prep.sources.files import Files
from data_prep.sources.spreadsheet import read_rows
from data_prep.split import LABELS

CARD = Card(
    name="migraine",
    title="Migraine: IXI as known healthy heads, a local cohort of patients and controls",
    link=ixi.HOME,
    licence="IXI: CC BY-SA 3.0; the paper's cohort is not public, yours is yours",
    citation="Rahman Siddiquee et al., HealthyGAN, SASHIMI 2022; IXI data set",
    volume="IXI 4.5 GB, and yours",
    expected=(
        ixi.CARD.expected[0],
        ixi.CARD.expected[1],
        Expected("cohort.yaml or cohort.csv", "your subjects and their groups", "yourself"),
    ),
    flaws=(
        "Known healthy and mixed heads come from different hospitals and scanners: the critic "
        "learns the site first. Use --n4, brain extraction and registration, and read the site's "
        "AUC above.",
        "10 + 10 tested subjects: the 95 % interval of an AUC of 0.75 runs from 0.53 to 0.97.",
        "Sequence, plane and slices of the paper's cohort are not stated.",
    ),
    kind="brains",
    size=256,
    framing="square",
    unit="subjects",
    counts={
        "training_healthy": (424, 0),
        "training_mixed": (84, 76),
        "validation": (10, 10),
        "test": (10, 10),
    },
    protocol="migraine",
)
COHORT_FILES = ("cohort.yaml", "cohort.yml", "cohort.csv")
GROUPS = {
    **LABELS,
    **dict.fromkeys(("control", "controls"), 0),
    **dict.fromkeys(("migraine", "patient", "patients", "case"), 1),
}
VOLUMES = (".nii", ".nii.gz")
LOCAL = "local"


@dataclass(frozen=True)
class Options:
    """heads: IXI's folder, None for INPUT; cohort: the file that names subjects and groups."""

    seed: int = 0
    counts: str = ""
    heads: Path | None = None
    cohort: Path | None = None
    sites: tuple[str, ...] = ()
    ages: tuple[float, float] | None = None
    demographics: Path | None = None
    output: Path | None = None

    def of_ixi(self) -> ixi.Options:
        return ixi.Options(self.seed, self.sites, self.ages, self.demographics, output=self.output)


@dataclass(frozen=True)
class Person:
    """One subject of the local cohort. images: paths below the folder, empty to look for them."""

    subject: str
    label: int
    images: tuple[str, ...] = ()
    age: float | None = None
    sex: str = ""
    site: str = LOCAL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--ixi",
        dest="heads",
        type=Path,
        metavar="FOLDER",
        help="where IXI lies (default: below INPUT)",
    )
    add(
        "--cohort",
        type=Path,
        metavar="FILE",
        help="CSV with columns subject, group (and image, age, sex, site), or YAML with lists "
        "healthy and diseased (default: INPUT/cohort.yaml or .csv)",
    )
    ixi.add_filters(parser)


def verify(folder: Path, options: Options) -> list[str]:
    """What is missing, and where to get it."""
    problems = ixi.verify(options.heads or folder, options.of_ixi())
    try:
        people = read_cohort(cohort_file(folder, options))
    except DataError as error:
        return [*problems, str(error)]
    files = Files(folder, options.output)
    lost = sum(not _images(person, files) for person in people)
    if lost:
        problems.append(
            f"{lost} of {len(people)} subjects of the cohort have no volume below {folder}."
        )
    return problems


def cohort(folder: Path, options: Options) -> Cohort:
    """IXI in training_healthy, the local subjects drawn. Raises DataError where they are too few."""
    heads = ixi.read_heads(options.heads or folder, options.of_ixi())
    files = Files(folder, options.output)
    people = read_cohort(cohort_file(folder, options))
    counts = parse_counts(options.counts, CARD.counts)
    local = [(person, _images(person, files)) for person in people]
    there = [person for person, images in local if images]
    subjects = {row.subject for row in heads.rows}
    clash = sorted(subjects & {person.subject for person in people})
    if clash:
        raise DataError(
            f"{len(clash)} subjects of the cohort are named as in IXI, first {clash[0]}."
        )
    _require(counts, len(subjects), there)
    home = draw(there, counts, options.seed)
    chosen = shuffled(subjects, options.seed, "ixi")[: counts["training_healthy"][0]]
    kept = set(chosen)
    rows = [_placed(row, options.heads, folder) for row in heads.rows if row.subject in kept]
    for person, images in local:
        if person.subject in home:
            rows += [
                Row(image, person.subject, home[person.subject], person.label, site=person.site,
                    age=person.age, sex=person.sex)
                for image in images
            ]  # fmt: skip
    require_disjoint(rows)
    rows.sort(key=lambda row: (row.subject, row.image))
    facts = {"seed": options.seed, "ixi": heads.facts, "cohort": len(people), **confounds(rows)}
    facts["cohort_without_volume"] = len(people) - len(there)
    return Cohort(tuple(rows), facts, tuple(heads.warnings))


def _require(counts: Counts, heads: int, people: Sequence[Person]) -> None:
    diseased = sum(person.label for person in people)
    local = {name: pair for name, pair in counts.items() if name != "training_healthy"}
    require(local, len(people) - diseased, diseased, "the local cohort", "subjects with volumes")
    require({"training_healthy": counts["training_healthy"]}, heads, 0, "IXI", "subjects")


def draw(people: Sequence[Person], counts: Counts, seed: int) -> dict[str, str]:
    """Subject -> section; subjects of each group in the order of their hashes."""
    home: dict[str, str] = {}
    for label in (0, 1):
        order = shuffled((p.subject for p in people if p.label == label), seed, "migraine")
        for section in ("test", "validation", "training_mixed"):
            count = counts[section][label]
            home |= dict.fromkeys(order[:count], section)
            order = order[count:]
    return home


def cohort_file(folder: Path, options: Options) -> Path:
    if options.cohort is not None:
        return options.cohort
    for name in COHORT_FILES:
        if (folder / name).is_file():
            return folder / name
    raise DataError(
        f"{folder}: no {' or '.join(COHORT_FILES)}. Name your subjects and their groups in one, for "
        "example CSV with the columns subject and group (healthy, diseased)."
    )


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
            problems.append(f"entry {number}: group '{group}'; expected healthy or diseased.")
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
        raise DataError(f"{path}: no such file.") from None
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


def _images(person: Person, files: Files) -> tuple[str, ...]:
    """The subject's volumes: those listed, or else files and folders that carry the name.

    A folder without NIfTI files is a DICOM series.
    """
    if person.images:
        there = [image for image in person.images if (files.folder / image).exists()]
        return tuple(there) if len(there) == len(person.images) else ()
    named = re.compile(rf"(^|[/_-]){re.escape(person.subject)}(?=[/_.-]|$)")
    mine = [path for path in files.paths if named.search(path)]
    volumes = [path for path in mine if path.lower().endswith(VOLUMES)]
    if volumes:
        return tuple(sorted(volumes))
    series = {PurePosixPath(path).parent.as_posix() for path in mine}
    return tuple(sorted(name for name in series if named.search(name)))


def _placed(row: Row, ixi_folder: Path | None, folder: Path) -> Row:
    """IXI's path as seen from INPUT, for the table holds one kind of path."""
    if ixi_folder is None:
        return row
    try:
        way = os.path.relpath(ixi_folder.resolve(), folder.resolve())
    except ValueError:  # two drives of one Windows machine
        raise DataError("INPUT and --ixi lie on two drives; move them onto one.") from None
    return replace(row, image=(PurePosixPath(Path(way).as_posix()) / row.image).as_posix())
