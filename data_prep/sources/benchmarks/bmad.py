"""BMAD: six benchmarks in one layout of folders, three of them with masks."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data_prep.datalist import DataError
from data_prep.frame.recipe import flag
from data_prep.sources.benchmarks.mixed import Mixed, dealt, labels_of, passed_over, pictures
from data_prep.sources.card import Card, Cohort, Expected, Row
from data_prep.sources.files import Files

HOME = "https://github.com/DorisBao/BMAD"
SECTIONS = {"train": "training_healthy", "valid": "validation", "test": "test"}
LABELS = {"good": 0, "ungood": 1}
INSIDE = ((), ("img",), ("label",))  # folders of images, and of masks
NAMES = ("file", "prefix")
CARD = Card(
    name="bmad",
    title="BMAD: brain MRI, liver CT, retinal OCT, chest X-ray and histopathology, one set a run",
    link=HOME,
    licence="the images carry the terms of their six collections",
    citation="Bao et al., BMAD: Benchmarks for Medical Anomaly Detection, 2023",
    volume="Chest (RSNA): 8,000 healthy training and 17,194 test images",
    expected=(
        Expected("train/good/*", "healthy images, there or in img/", HOME),
        Expected("valid|test/good|Ungood/*", "images, there or in img/", HOME),
        Expected(
            "valid|test/Ungood/label/*", "masks named as their images (Brain, Liver, RESC)", HOME
        ),
    ),
    flaws=(
        "Training images are healthy only; the mixed set is taken from validation or test.",
        "A subject is a file, unless --subject-by prefix: then what stands before the last _ of "
        "its name (Brain: 00003_60 is slice 60 of head 00003). Published figures count images.",
        "The validation images of published figures chose hyperparameters of some methods.",
    ),
    size=128,
    framing="square",
)


@dataclass(frozen=True)
class Options(Mixed):
    """Choices of the benchmark."""

    subject_by: str = flag(
        "file", "who a subject is: a file, or the prefix of a name", choices=NAMES
    )


def verify(folder: Path, options: Options) -> list[str]:
    """What is missing below INPUT, one sentence each."""
    try:
        rows, _ = _rows(folder, options)
    except DataError as error:
        return [str(error)]
    there = Counter((row.section, row.label) for row in rows)
    return [
        f"{folder}: no images in {name}/{kind}. See {HOME}."
        for name, section in SECTIONS.items()
        for kind, label in (("good", 0), ("Ungood", 1))
        if (section, label) != ("training_healthy", 1) and not there[section, label]
    ]


def cohort(folder: Path, options: Options) -> Cohort:
    """One row an image, with its mask. Raises DataError, UsageError or LeakError."""
    rows, lost = _rows(folder, options)
    rows = dealt(rows, options)
    warnings = [f"{lost} diseased images have no mask beside the others'"] * bool(lost)
    warnings += passed_over(Files(folder, options.output).paths, _in_place)
    facts = {"mixed_from": options.mixed_from, "mixed_share": options.mixed_share}
    facts |= {"mixed": labels_of(rows), "missing": 0}  # type: ignore[dict-item]
    return Cohort(
        tuple(sorted(rows, key=lambda row: (row.subject, row.image))), facts, tuple(warnings)
    )


def _rows(folder: Path, options: Options) -> tuple[list[Row], int]:
    """The images, and how many diseased ones lack a mask where others have one."""
    masks: dict[tuple[str, str], str] = {}
    images: list[tuple[str, str, str]] = []
    placed = filter(_in_place, Files(folder, options.output).paths)
    for path in pictures(folder, placed):
        parts = PurePosixPath(path).parts
        section, kind = parts[0].lower(), parts[1].lower()
        if parts[2:-1] == ("label",):
            masks[section, PurePosixPath(path).stem] = path
        else:
            images.append((section, kind, path))
    if not images:
        raise DataError(
            f"{folder}: no train/good, valid/ or test/ with images. Give the folder of one "
            f"benchmark, such as Brain or Chest, of {HOME}."
        )
    strange = sum(kind == "ungood" and section == "train" for section, kind, _ in images)
    if strange:
        raise DataError(f"{folder}: {strange} images in train/Ungood; BMAD trains on healthy ones.")
    rows = []
    for section, kind, path in images:
        stem, label = PurePosixPath(path).stem, LABELS[kind]
        mask = masks.get((section, stem), "") if label else ""
        subject = f"{section}-{kind}-{stem}"  # each folder numbers its files anew
        if options.subject_by == "prefix":
            subject = stem.rpartition("_")[0] or stem
        rows.append(Row(path, subject, SECTIONS[section], label, mask))
    some = {row.section for row in rows if row.mask}
    return rows, sum(row.label == 1 and not row.mask and row.section in some for row in rows)


def _in_place(path: str) -> bool:
    parts = PurePosixPath(path).parts
    known = len(parts) > 2 and parts[0].lower() in SECTIONS and parts[1].lower() in LABELS
    return known and parts[2:-1] in INSIDE
