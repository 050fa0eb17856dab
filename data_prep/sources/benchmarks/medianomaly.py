"""MedIAnomaly: data.json with images, folders of Camelyon16, and BraTS2021 with annotations."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.files import read_json
from data_prep.sources.benchmarks.mixed import (
    Mixed,
    dealt,
    labels_of,
    passed_over,
    pictures,
    require_read,
)
from data_prep.sources.card import Card, Cohort, Expected, Row
from data_prep.sources.files import Files

HOME = "https://github.com/caiyu6666/MedIAnomaly (data: https://zenodo.org/records/12677223)"
LIST, IMAGES, ANNOTATION = "data.json", "images", "annotation"
BMADS = "valid"  # its folder of validation images
LABELS = {"good": 0, "normal": 0, "ungood": 1, "tumor": 1}  # folders below test/
CARD = Card(
    name="medianomaly",
    title="MedIAnomaly: RSNA, VinCXR, BrainTumor, LAG, Camelyon16 and BraTS2021, one set a run",
    link=HOME,
    licence="lists MIT; the images carry the terms of their data sets",
    citation="Cai et al., MedIAnomaly: a comparative study, Med Image Anal 2025",
    volume="RSNA 3,851 training and 1,000 + 1,000 test films",
    expected=(
        Expected(LIST, '{"train": {"0": []}, "test": {"0": [], "1": []}}, and images/', HOME),
        Expected("train/, test/good|Ungood/", "images, without a list (Camelyon16)", HOME),
        Expected("train/, test/normal|tumor|annotation/", "images and masks (BraTS2021)", HOME),
    ),
    flaws=(
        "Training images are healthy only; the mixed set is taken from the test images.",
        "No validation images; --validation-share takes some of the test images too.",
        "A subject is a file: the lists name no patients, and slices of one head may be on both "
        "sides.",
    ),
    size=64,
    framing="square",
)


Options = Mixed


def verify(folder: Path, options: Options) -> list[str]:
    """What is missing, and where to get it."""
    try:
        rows = _rows(folder, options)
    except DataError as error:
        return [str(error)]
    lost = sum(not (folder / row.image).is_file() for row in rows)
    return [f"{lost:,} of {len(rows):,} images are not below {folder}; see {HOME}."] * bool(lost)


def cohort(folder: Path, options: Options) -> Cohort:
    """One row an image, with its mask where there is one. Raises DataError or UsageError."""
    if options.mixed_from == "validation":
        raise UsageError("--mixed-from validation: MedIAnomaly has no validation images.")
    rows = dealt(_rows(folder, options), options)
    missing = sum(not (folder / row.image).is_file() for row in rows)
    facts = {"mixed_share": options.mixed_share, "mixed": labels_of(rows), "missing": missing}
    warnings: tuple[str, ...] = ()
    if not (folder / LIST).is_file():
        warnings = passed_over(Files(folder, options.output).paths, _in_place)
    return Cohort(tuple(sorted(rows, key=lambda row: row.subject)), facts, warnings)


def _rows(folder: Path, options: Options) -> list[Row]:
    rows = list(_listed(folder) if (folder / LIST).is_file() else _by_folders(folder, options))
    for section in ("training_healthy", "test"):
        labels = {row.label for row in rows if row.section == section}
        if labels != ({0} if section == "training_healthy" else {0, 1}):
            raise DataError(
                f"{folder}: no {LIST} with images/, and no train/ and test/ with images of both "
                f"kinds. Give the folder of one set, such as RSNA, of {HOME}."
            )
    return rows


def _listed(folder: Path) -> Iterator[Row]:
    """The images that data.json names, below images/."""
    path = folder / LIST
    try:
        content = read_json(path)
        train, test = content["train"], content["test"]
        known = [("training_healthy", 0, train["0"])]
        known += [("test", label, test[str(label)]) for label in (0, 1)]
        if not all(isinstance(name, str) for _, _, names in known for name in names):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f'{path}: expected {{"train": {{"0": [...]}}, "test": {{"0": [...], "1": [...]}}}}.'
        ) from None
    if train.get("unlabeled") or train.get("unlabelled"):
        raise DataError(
            f"{path}: it has unlabelled images of its own. Use: healthygan prep unlabelled-json."
        )
    every = [name for _, _, names in known for name in names]
    if len(set(every)) < len(every):
        raise DataError(f"{path}: {len(every) - len(set(every))} images are listed twice.")
    if any(
        PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in every
    ):
        raise DataError(f"{path}: an image lies outside images/.")
    require_read(path, every)
    for section, label, names in known:
        for name in names:
            yield Row(f"{IMAGES}/{name}", name, section, label)


def _by_folders(folder: Path, options: Options) -> Iterator[Row]:
    """Images below train/ and below test/good, Ungood, normal, tumor; masks in test/annotation."""
    paths = Files(folder, options.output).paths
    if any(path.lower().startswith(f"{BMADS}/") for path in paths):
        raise DataError(
            f"{folder}: it has a folder {BMADS}/, as BMAD has. Use: healthygan prep bmad"
        )
    found = [PurePosixPath(path) for path in pictures(folder, filter(_placed, paths))]
    masks = {p.stem: p.as_posix() for p in found if p.parts[:2] == ("test", ANNOTATION)}
    for path in found:
        kind = path.parts[1].lower() if len(path.parts) > 2 else ""
        if path.parts[0] == "train":
            if LABELS.get(kind) == 1:
                raise DataError(f"{folder}: diseased images in train/; the training is healthy.")
            yield Row(path.as_posix(), path.with_suffix("").as_posix(), "training_healthy", 0)
        elif path.parts[0] == "test" and kind in LABELS:
            mask = _mask(path.stem, masks) if LABELS[kind] else ""
            yield Row(path.as_posix(), path.with_suffix("").as_posix(), "test", LABELS[kind], mask)


def _placed(path: str) -> bool:
    return path.startswith(("train/", "test/"))


def _in_place(path: str) -> bool:
    """Whether a picture is an image or an annotation by its folder."""
    parts = PurePosixPath(path).parts
    return parts[0] == "train" or (
        parts[0] == "test" and len(parts) > 2 and parts[1].lower() in (*LABELS, ANNOTATION)
    )


def _mask(stem: str, masks: dict[str, str]) -> str:
    """The annotation of the same name, or with seg in the place of the sequence."""
    return masks.get(stem) or masks.get(stem.replace("flair", "seg"), "")
