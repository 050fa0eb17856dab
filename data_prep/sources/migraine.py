"""Migraine: IXI as the known healthy heads, a clinic's own cohort as the mixed and tested ones."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from data_prep.datalist import DataError
from data_prep.frame.recipe import flag
from data_prep.sources import ixi
from data_prep.sources.card import Card, Cohort, Expected, Row, require_disjoint
from data_prep.sources.confound import confounds
from data_prep.sources.counts import Counts, parse_counts, require
from data_prep.sources.draw import shuffled
from data_prep.sources.files import Files
from data_prep.sources.local_cohort import Person, read_cohort, volumes_of

CARD = Card(
    name="migraine",
    title="Migraine: IXI as known healthy heads, a local cohort of patients and controls",
    link=ixi.HOME,
    licence="IXI: CC BY-SA 3.0; the paper's cohort is not public, yours is yours",
    citation="Rahman Siddiquee et al., HealthyGAN, SASHIMI 2022; IXI data set",
    volume="about 580 volumes of IXI, and yours",
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
    public=False,
)
COHORT_FILES = ("cohort.yaml", "cohort.yml", "cohort.csv")


@dataclass(frozen=True)
class Options(ixi.Filters):
    """Choices of the protocol; heads: IXI's folder, None for INPUT."""

    seed: int = 0
    counts: str = ""
    heads: Path | None = flag(
        None, "where IXI is (default: below INPUT)", flag="ixi", metavar="FOLDER"
    )
    cohort: Path | None = flag(
        None,
        "CSV with columns subject, group (and image, age, sex, site), or YAML with lists healthy "
        "and diseased (default: INPUT/cohort.yaml or .csv)",
        metavar="FILE",
    )
    output: Path | None = None

    def of_ixi(self) -> ixi.Options:
        return ixi.Options(
            self.sites, self.ages, self.demographics, seed=self.seed, output=self.output
        )


def verify(folder: Path, options: Options) -> list[str]:
    """What is missing, and where to get it."""
    problems = ixi.verify(options.heads or folder, options.of_ixi())
    try:
        people = read_cohort(cohort_file(folder, options))
    except DataError as error:
        return [*problems, str(error)]
    files = Files(folder, options.output)
    lost = sum(not volumes_of(person, files) for person in people)
    if lost:
        problems.append(
            f"{lost} of {len(people)} subjects of the cohort have no volume below {folder}."
        )
    return problems


def cohort(folder: Path, options: Options) -> Cohort:
    """Put IXI in training_healthy and draw local subjects; raise DataError if there are too few."""
    heads = ixi.read_heads(options.heads or folder, options.of_ixi())
    files = Files(folder, options.output)
    people = read_cohort(cohort_file(folder, options))
    counts = parse_counts(options.counts, CARD.counts)
    local = [(person, volumes_of(person, files)) for person in people]
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
        f"{folder}: no {' or '.join(COHORT_FILES)}. Name your subjects and their groups in one, "
        "for example CSV with the columns subject and group (healthy, diseased)."
    )


def _placed(row: Row, ixi_folder: Path | None, folder: Path) -> Row:
    """IXI's path as seen from INPUT, for the table holds one kind of path."""
    if ixi_folder is None:
        return row
    try:
        way = os.path.relpath(ixi_folder.resolve(), folder.resolve())
    except ValueError:  # two drives of one Windows machine
        raise DataError("INPUT and --ixi lie on two drives; move them onto one.") from None
    return replace(row, image=(PurePosixPath(Path(way).as_posix()) / row.image).as_posix())
