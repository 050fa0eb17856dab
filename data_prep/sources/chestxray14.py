"""NIH ChestX-ray14: PA films with exactly one finding or none, by patient, in the paper's sizes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.datalist import DataError
from data_prep.frame.boxes import LesionBox
from data_prep.frame.recipe import flag
from data_prep.sources.card import Card, Cohort, Expected, Row, require_disjoint
from data_prep.sources.chestxray14_tables import BOX_SITE, Entry, eligible, read_boxes, read_entries
from data_prep.sources.confound import confounds
from data_prep.sources.counts import Counts, parse_counts, require
from data_prep.sources.draw import Size, fill, shuffled
from data_prep.sources.files import Files, located, missing_files, one_file

ENTRIES, BOXES = "Data_Entry_2017*.csv", "BBox_List_2017*.csv"
CARD = Card(
    name="chestxray14",
    title="NIH ChestX-ray14, PA films: No Finding, or exactly one of 14 findings",
    link=BOX_SITE,
    licence="no restrictions on use; NIH asks for the link, a citation and an acknowledgement",
    citation="Wang et al., ChestX-ray8, CVPR 2017; data provider: NIH Clinical Center",
    volume="112,120 films of 30,805 patients, PNG of 1024 x 1024",
    expected=(
        Expected(ENTRIES, "the table of films, of 2017 or of 2020", BOX_SITE),
        Expected(BOXES, "boxes around lesions in 880 films", BOX_SITE),
        Expected("*.png", "the films, images_001 to images_012 unpacked", BOX_SITE),
    ),
    flaws=(
        "Labels were mined from reports: many are wrong, which bounds any AUC (Oakden-Rayner).",
        "No Finding means none of 14 findings: tubes, old fractures and other disease are in it.",
        "Films of one patient look alike; the paper does not say whether it kept patients apart.",
        "One hospital; what sex and age reach without any image is printed above.",
    ),
    counts={
        "training_healthy": (10000, 0),
        "training_mixed": (5000, 3195),
        "validation": (4000, 4000),
        "test": (10000, 10000),
    },
    protocol="chestxray14",
)
SECTIONS = ("test", "validation", "training_mixed", "training_healthy")  # filled in this order


@dataclass(frozen=True)
class Options:
    """Choices of the protocol; split 'patients' keeps the sections disjoint."""

    split: str = flag(
        "patients",
        "images: draw films, so that one patient may be in several sections",
        choices=("patients", "images"),
    )
    seed: int = 0
    counts: str = ""
    entries: Path | None = flag(
        None, "Data_Entry_2017*.csv (default: in INPUT)", metavar="FILE.csv"
    )
    output: Path | None = None


def verify(folder: Path, options: Options) -> list[str]:
    """What is missing, and where to get it; a film of the table that is not there is counted."""
    files = Files(folder, options.output)
    problems = missing_files(files, CARD, [BOXES] if options.entries else [ENTRIES, BOXES])
    if options.entries is None and not files.matching(ENTRIES):
        return problems
    try:
        entries = eligible(read_entries(one_file(files, CARD, ENTRIES, options.entries)))
    except DataError as error:
        return [*problems, str(error)]
    lost = sum(files.find(entry.image) is None for entry in entries)
    if lost and not files.zipped():
        problems.append(
            f"{lost:,} of {len(entries):,} eligible films are not below {folder}. Unpack "
            f"images_001 to images_012 from {BOX_SITE}."
        )
    return problems


def cohort(folder: Path, options: Options) -> Cohort:
    """The paper's sizes from the eligible films. Raises DataError where they are short."""
    files = Files(folder, options.output)
    entries = eligible(read_entries(one_file(files, CARD, ENTRIES, options.entries)))
    listed = files.matching(BOXES)
    boxes = read_boxes(one_file(files, CARD, BOXES)) if listed else {}
    warnings = [] if listed else [f"no {BOXES} below INPUT: no boxes for localisation"]
    counts = parse_counts(options.counts, CARD.counts)
    diseased = sum(bool(entry.findings) for entry in entries)
    require(counts, len(entries) - diseased, diseased, "ChestX-ray14", "PA films of one finding")
    by_patient = options.split == "patients"
    chosen = split(entries, counts, options.seed, set(boxes), by_patient=by_patient)
    rows = [_row(entry, section, boxes, by_patient) for entry, section in chosen]
    rule = {"rule": options.split, "seed": options.seed}
    if by_patient:
        require_disjoint(rows)
    else:
        shared = shared_patients(chosen)
        rule["patients_in_two_sections"] = shared
        warnings.append(
            f"--split images: {shared:,} patients have films in more than one section. Subjects "
            "are files here, so intervals over subjects are too narrow."
        )
    rows.sort(key=lambda row: (row.subject, row.image))
    rows, missing = located(rows, files, (".dcm",))
    shown = sum(len(row.boxes) for row in rows if row.section == "test")
    facts = {"split": rule, "missing": missing, "boxes_in_test": shown, **confounds(rows)}
    return Cohort(tuple(rows), facts, tuple(warnings))


def split(
    entries: Sequence[Entry], counts: Counts, seed: int, boxed: set[str], *, by_patient: bool
) -> list[tuple[Entry, str]]:
    """(entry, section): boxed subjects first, into test; nobody diseased is in healthy."""
    films: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        films[entry.patient if by_patient else entry.image].append(entry)
    sizes: dict[str, Size] = {}
    for name, group in films.items():
        diseased = sum(bool(entry.findings) for entry in group)
        sizes[name] = (len(group) - diseased, diseased)
    order = shuffled(films, seed, "chestxray14")
    with_box = {name for name, group in films.items() if any(e.image in boxed for e in group)}
    order.sort(key=lambda name: name not in with_box)  # stable: the boxed ones first
    home: dict[str, str] = {}
    for section in SECTIONS:
        if section not in counts:
            continue
        free = [name for name in order if name not in home]
        if section == "training_healthy":
            free = [name for name in free if sizes[name][1] == 0]
        names, lack = fill(free, sizes, counts[section])
        if lack != (0, 0):
            raise DataError(
                f"ChestX-ray14: {section} lacks {lack[0]} healthy and {lack[1]} diseased films "
                "that whole patients could fill. Choose other sizes with --counts, or another "
                "--seed."
            )
        home |= dict.fromkeys(names, section)
    return list(_chosen(films, home))


def _chosen(
    films: Mapping[str, Sequence[Entry]], home: Mapping[str, str]
) -> Iterator[tuple[Entry, str]]:
    for name, section in home.items():
        for entry in films[name]:
            yield entry, section


def shared_patients(chosen: Sequence[tuple[Entry, str]]) -> int:
    homes: dict[str, set[str]] = defaultdict(set)
    for entry, section in chosen:
        homes[entry.patient].add(section)
    return sum(len(sections) > 1 for sections in homes.values())


def _row(
    entry: Entry, section: str, boxes: Mapping[str, tuple[LesionBox, ...]], by_patient: bool
) -> Row:
    subject = f"NIH{entry.patient.zfill(8)}" if by_patient else f"NIH{Path(entry.image).stem}"
    mine = boxes.get(entry.image, ())
    label = int(bool(entry.findings))
    return Row(
        entry.image, subject, section, label, age=entry.age, sex=entry.sex, boxes=tuple(mine)
    )
