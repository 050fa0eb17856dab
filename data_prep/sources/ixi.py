"""IXI: about 580 healthy heads of three London hospitals, with the quirks of its spreadsheet."""

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.frame.recipe import flag
from data_prep.sources.card import Card, Cohort, Expected, Row
from data_prep.sources.confound import confounds
from data_prep.sources.draw import shuffled
from data_prep.sources.files import Files
from data_prep.sources.ixi_people import HOME, read_people

FETCH = "`healthygan fetch ixi FOLDER`"
SITES = ("Guys", "HH", "IOP")
IMAGE = re.compile(r"^IXI(\d{3})-(Guys|HH|IOP)-(\d{4})-T1.*\.nii(\.gz)?$")
DEMOGRAPHICS = "IXI.xls"
CARD = Card(
    name="ixi",
    title="IXI T1: healthy heads of Guy's, Hammersmith and the Institute of Psychiatry",
    link=HOME,
    licence="CC BY-SA 3.0",
    citation="IXI data set, Imperial College London",
    volume="about 580 T1 volumes",
    expected=(
        Expected("IXI*-T1*.nii.gz", "T1 volumes, IXI-T1.tar unpacked", f"{HOME} or {FETCH}"),
        Expected(DEMOGRAPHICS, "sex and age, also as CSV or .xlsx", f"{HOME} or {FETCH}"),
    ),
    flaws=(
        "Site and scanner are one: HH is 3 T, the others 1.5 T. A cohort from elsewhere differs "
        "by scanner before it differs by disease.",
        "The paper takes 424 of the heads and does not say which.",
        "The spreadsheet has subjects twice, zeros for missing values, rows without images and "
        "images without rows.",
    ),
    kind="brains",
    size=256,
    framing="square",
    unit="subjects",
    counts={"training_healthy": (424, 0)},
)
HELD = "training_healthy"


def _sites(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _ages(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: expected for example 20:60") from None


@dataclass(frozen=True)
class Filters:
    """Which of IXI's heads are used; migraine has them too. ages: both ends included."""

    sites: tuple[str, ...] = flag(
        (), "IXI hospitals to use (default: all)", type=_sites, metavar="HH,Guys,IOP"
    )
    ages: tuple[float, float] | None = flag(
        None, "IXI subjects of these ages, in years", type=_ages, metavar="FROM:TO"
    )
    demographics: Path | None = flag(
        None, "IXI.xls, .xlsx or .csv (default: found)", metavar="FILE"
    )

    def __post_init__(self) -> None:
        wrong = sorted(set(self.sites) - set(SITES))
        if wrong:
            raise UsageError(f"--sites {','.join(wrong)}: expected some of {', '.join(SITES)}")
        if self.ages is not None and not 0 <= self.ages[0] <= self.ages[1]:
            raise UsageError("--ages: expected for example 20:60")


@dataclass(frozen=True)
class Options(Filters):
    """limit: that many subjects by seed, 0 for all."""

    seed: int = 0
    section: str = flag(HELD, "where the heads go", choices=(HELD, "test"))
    limit: int = 0
    output: Path | None = None


@dataclass(frozen=True)
class Head:
    """One T1 volume. name: path below the folder."""

    name: str
    subject: str
    site: str


@dataclass
class Heads:
    """The heads that pass the filters, and what became of the others."""

    rows: list[Row] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def verify(folder: Path, options: Options) -> list[str]:
    """What is missing, and where to get it."""
    files = Files(folder, options.output)
    problems = []
    if not find_heads(files):
        problems.append(
            f"{folder}: no IXI*-T1*.nii.gz below it. Get them by {FETCH} or from {HOME}."
        )
    if demographics_file(files, options) is None:
        problems.append(
            f"{folder}: no {DEMOGRAPHICS} (nor .xlsx, .csv) below it: sex and age stay unknown. "
            f"Get it by {FETCH} or from {HOME}."
        )
    return problems


def cohort(folder: Path, options: Options) -> Cohort:
    """All heads that pass the filters, in one section. Raises DataError where there are none."""
    heads = read_heads(folder, options)
    warnings = list(heads.warnings)
    if options.section == HELD:
        warnings.append(
            "IXI alone is healthy: training needs mixed images too, see `healthygan prep migraine`"
        )
    facts = {**heads.facts, **confounds(heads.rows)}
    return Cohort(tuple(heads.rows), facts, tuple(warnings))


def read_heads(folder: Path, options: Options) -> Heads:
    """The heads with their demographics, filtered; a subject scanned twice keeps both scans."""
    files = Files(folder, options.output)
    found = find_heads(files)
    if not found:
        raise DataError(
            f"{folder}: no IXI*-T1*.nii.gz below it. Get them by {FETCH} or from {HOME}."
        )
    path = demographics_file(files, options)
    if path is None and options.ages is not None:
        raise UsageError(f"--ages needs {DEMOGRAPHICS} below {folder}, or --demographics FILE.")
    people, quirks = read_people(path) if path is not None else ({}, {})
    heads = Heads()
    unknown_age = 0
    for head in found:
        sex, age = people.get(head.subject, ("", None))
        if options.sites and head.site not in options.sites:
            continue
        if options.ages is not None:
            unknown_age += age is None
            if age is None or not options.ages[0] <= age <= options.ages[1]:
                continue
        heads.rows.append(
            Row(head.name, head.subject, options.section, 0, site=head.site, age=age, sex=sex)
        )
    _limit(heads, options)
    shown = {head.subject for head in found}
    heads.facts = {
        "volumes": len(found),
        "subjects": len({row.subject for row in heads.rows}),
        "filters": {"sites": list(options.sites), "ages": list(options.ages or ())},
        "left_out_for_unknown_age": unknown_age,
        "images_without_row": len(shown - set(people)) if path else len(shown),
        "rows_without_image": len(set(people) - shown),
        **quirks,
    }
    if not heads.rows:
        raise UsageError(f"{folder}: none of {len(found)} IXI heads passes --sites and --ages.")
    if unknown_age:
        heads.warnings.append(f"{unknown_age} heads of unknown age were left out by --ages")
    return heads


def _limit(heads: Heads, options: Options) -> None:
    if options.limit:
        subjects = shuffled({row.subject for row in heads.rows}, options.seed, "ixi")
        kept = set(subjects[: options.limit])
        heads.rows = [row for row in heads.rows if row.subject in kept]


def find_heads(files: Files) -> list[Head]:
    """Volumes named IXI<id>-<hospital>-<scan>-T1, sorted by subject and scan."""
    heads: dict[str, Head] = {}
    for path in files.paths:
        name = PurePosixPath(path).name
        found = IMAGE.match(name)
        if found:
            heads.setdefault(name, Head(path, f"IXI{found[1]}", found[2]))
    return [heads[name] for name in sorted(heads)]


def demographics_file(files: Files, options: Options) -> Path | None:
    if options.demographics is not None:
        return options.demographics
    for suffix in (".csv", ".xlsx", ".xls"):  # a CSV needs no further package
        found = files.matching("IXI" + suffix)
        if found:
            return found[0]
    return None
