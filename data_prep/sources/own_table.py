"""Your own films by a table, with the checks of a public set: missing files and confounders."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.inputs import sections
from data_prep.inputs.find import Found
from data_prep.inputs.table import TABLE_NEEDED, sources_of_table
from data_prep.source import Source
from data_prep.sources.card import Card, Cohort, Expected, Row, require_disjoint
from data_prep.sources.confound import confounds
from data_prep.sources.files import Files

CARD = Card(
    name="csv",
    title="Your own images, named by a table",
    link="docs/data_format.md",
    licence="yours",
    citation="yours",
    volume="yours",
    expected=(
        Expected(
            "--table FILE.csv",
            "one row an image: image, subject, and group or section; label, mask, boxes, view, "
            "site, age, sex where known",
            "yourself",
        ),
    ),
    flaws=(
        "Whatever differs between the groups besides disease (site, scanner, age) is learned too: "
        "name it in the table and read what it reaches alone.",
    ),
    public=False,
)


@dataclass(frozen=True)
class Options:
    """See data_prep.inputs.table; validation, test: shares of the subjects of a group."""

    seed: int = 0
    table: Path | None = None
    columns: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    validation: float = 0.1
    test: float = 0.2
    output: Path | None = None


def verify(folder: Path, options: Options) -> list[str]:
    """What is wrong with the table, and how many of its images are not there."""
    try:
        sources = _sources(folder, options)
    except DataError as error:
        return [str(error)]
    lost = [source for source in sources if source.kind == "missing"]
    return [f"{len(lost)} of {len(sources)} images of the table are not below {folder}."] * bool(
        lost
    )


def cohort(folder: Path, options: Options) -> Cohort:
    """The table's rows, those with a group drawn into sections. Raises DataError or LeakError."""
    sources = _sources(folder, options)
    split = sections.by_group(
        sources, seed=options.seed, validation=options.validation, test=options.test
    )
    sections.verify(split, named=False)
    rows = [_row(source, folder) for source in split]
    require_disjoint(rows)
    missing = sum(source.kind == "missing" for source in sources)
    facts = {"seed": options.seed, "missing": missing, **confounds(rows)}
    return Cohort(tuple(rows), facts)


def _sources(folder: Path, options: Options) -> list[Source]:
    if options.table is None:
        raise UsageError(f"--table FILE.csv is needed: {TABLE_NEEDED}.")
    sources = sources_of_table(options.table, folder, Found(), options.columns, options.where)
    return list(_found_by_name(sources, folder, options))


def _found_by_name(sources: Sequence[Source], folder: Path, options: Options) -> list[Source]:
    """Bare file names are looked for below INPUT, without opening what is there."""
    if all(source.kind != "missing" for source in sources):
        return list(sources)
    files = Files(folder, options.output)
    result = []
    for source in sources:
        path = None
        if source.kind == "missing" and "/" not in source.name:
            path = files.find(source.name)
        if path is not None:
            source = replace(source, name=path, path=folder / path, kind="other")
        result.append(source)
    return result


def _row(source: Source, folder: Path) -> Row:
    """Paths as seen from INPUT, for a table may lie elsewhere and name images beside it."""
    image = source.name
    if source.kind != "missing" and not (folder / image).exists():
        image = Path(os.path.relpath(source.path, folder)).as_posix()
    who, truth = source.who, source.truth
    mask = Path(os.path.relpath(truth.mask, folder)).as_posix() if truth.mask else ""
    return Row(
        PurePosixPath(image).as_posix(),
        who.subject,
        truth.section or "test",
        0 if truth.label is None and truth.group == "healthy" else truth.label,
        mask,
        who.site or "",
        who.age,
        who.sex or "",
        truth.boxes,
        source.view,
    )
