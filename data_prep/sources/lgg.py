"""Slices of low-grade glioma with lesion masks (kaggle_3m), FLAIR, by patient, for localisation."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from data_prep.datalist import DataError
from data_prep.errors import PrepError, UsageError
from data_prep.frame import png
from data_prep.frame.recipe import flag
from data_prep.sources.card import Card, Cohort, Expected, Row, require_disjoint
from data_prep.sources.confound import confounds
from data_prep.sources.draw import shuffled
from data_prep.sources.files import Files
from data_prep.work.kept import decode

PAGE = "https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation"
SLICE = re.compile(r"^(TCGA_([A-Z0-9]{2})_[A-Z0-9]{4})_\d{8}_(\d+)\.tif$")
CHANNELS = ("t1", "flair", "t1c")  # of the TIF's three: before contrast, FLAIR, after contrast
# of a slice's pixels brighter than a tenth of its range; skull base and top fall out
LEAST_HEAD = 0.15
LEAST_LESION = 20  # pixels of 256 x 256: smaller ones are edges of a lesion on the next slice
CARD = Card(
    name="lgg",
    title="LGG: 110 patients with low-grade glioma, axial slices with tumour masks",
    link=PAGE,
    licence="CC BY-NC-SA 4.0 (as its page says); source TCIA TCGA-LGG",
    citation="Buda et al., Comput Biol Med 109, 2019; Mazurowski et al., J Neurooncol 2017",
    volume="3,929 slices of 256 x 256",
    expected=(
        Expected("TCGA_*_<date>_<n>.tif", "slices, three sequences as three channels", PAGE),
        Expected("TCGA_*_<n>_mask.tif", "their tumour masks", PAGE),
    ),
    flaws=(
        "Healthy slices are slices of patients with a tumour elsewhere: swelling and treatment "
        "show.",
        "Healthy slices lie nearer to the top and to the base than diseased ones.",
        "Some patients lack a sequence, and FLAIR stands in for it; five institutions differ.",
    ),
    size=128,
    framing="square",
)


@dataclass(frozen=True)
class Options:
    """Choices of the protocol; ``validation`` and ``test`` are shares of the patients."""

    seed: int = 0
    channel: str = flag("flair", "MRI sequence of the slices", choices=CHANNELS)
    validation: float = 0.1
    test: float = 0.2
    output: Path | None = None


@dataclass(frozen=True)
class Cut:
    """One slice with a mask; ``name`` and ``mask`` are paths relative to INPUT."""

    name: str
    mask: str
    patient: str
    site: str
    number: int


def verify(folder: Path, options: Options) -> list[str]:
    """Return one sentence for each thing that is missing, with where to get it."""
    cuts, bare = find_cuts(Files(folder, options.output))
    problems = (
        [] if cuts else [f"{folder}: no TCGA_*.tif with masks below it. Get them from {PAGE}."]
    )
    if bare:
        problems.append(f"{bare} slices have no _mask.tif beside them; they are left out.")
    return problems


def cohort(folder: Path, options: Options) -> Cohort:
    """Assign patients to sections; training_healthy gets their healthy slices only."""
    cuts, bare = find_cuts(Files(folder, options.output))
    if not cuts:
        raise DataError(f"{folder}: no TCGA_*.tif with masks below it. Get them from {PAGE}.")
    of_patient: dict[str, list[Cut]] = defaultdict(list)
    for cut in cuts:
        of_patient[cut.patient].append(cut)
    home = _homes(sorted(of_patient), options)
    rows = []
    for patient, mine in sorted(of_patient.items()):
        for cut, label in _labelled(folder, mine):
            if label == 0 or home[patient] != "training_healthy":
                subject = patient.replace("_", "-")
                rows.append(Row(cut.name, subject, home[patient], label, cut.mask, site=cut.site))
    require_disjoint(rows)
    facts = {
        "seed": options.seed,
        "channel": options.channel,
        "slices": len(cuts),
        "slices_without_mask": bare,
        **confounds(rows),
    }
    return Cohort(tuple(rows), facts)


def find_cuts(files: Files) -> tuple[list[Cut], int]:
    """Return the slices with masks, by patient and number, and how many slices have no mask."""
    known, cuts, bare = set(files.paths), [], 0
    for path in files.paths:
        found = SLICE.match(PurePosixPath(path).name)
        if not found:
            continue
        mask = path.removesuffix(".tif") + "_mask.tif"
        if mask in known:
            cuts.append(Cut(path, mask, found[1], found[2], int(found[3])))
        else:
            bare += 1
    return sorted(cuts, key=lambda cut: (cut.patient, cut.number)), bare


def _homes(patients: Sequence[str], options: Options) -> dict[str, str]:
    order = shuffled(patients, options.seed, "lgg")
    if len(order) < 4:
        raise DataError(f"{len(order)} patients; at least 4 are needed, one for each section.")
    tested, validated = (max(1, round(len(order) * s)) for s in (options.test, options.validation))
    rest = order[tested + validated :]
    if len(rest) < 2:
        raise UsageError("--test and --validation leave no two patients for training.")
    home = dict.fromkeys(order[:tested], "test")
    home |= dict.fromkeys(order[tested : tested + validated], "validation")
    home |= dict.fromkeys(rest[: len(rest) // 2], "training_healthy")
    return home | dict.fromkeys(rest[len(rest) // 2 :], "training_mixed")


def _labelled(folder: Path, cuts: Sequence[Cut]) -> list[tuple[Cut, int]]:
    """Label the slices that show enough head.

    0: no lesion here or on the next slices. 1: a lesion of at least LEAST_LESION pixels.
    """
    lesion = {cut.number: int((_pixels(folder / cut.mask) > 0).sum()) for cut in cuts}
    result = []
    for cut in cuts:
        near = max(lesion.get(cut.number + step, 0) for step in (-1, 0, 1))
        if near and lesion[cut.number] < LEAST_LESION:
            continue
        pixels = _pixels(folder / cut.name)[..., 1].astype(float)  # FLAIR is never missing
        if (pixels > 0.1 * max(1.0, pixels.max())).mean() >= LEAST_HEAD:
            result.append((cut, int(near > 0)))
    return result


def _pixels(path: Path) -> np.ndarray:
    """Read a TIF as uint8 (H, W) or (H, W, 3)."""
    try:
        return decode(read_tif, (path,))
    except (PrepError, OSError):
        raise DataError(f"{path}: cannot be decoded. Unpack the archive again.") from None


def read_tif(path: Path) -> np.ndarray:
    """As `_pixels`, in a guarded child; raises what Pillow raises."""
    with Image.open(path, formats=("TIFF",)) as picture:
        return np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))


def stage(rows: Sequence[Row], folder: Path, place: Path, options: Options) -> list[Row]:
    """Write the channel and the masks as PNG, and return rows that name these files.

    Args:
        rows: of the cohort.
        folder: INPUT, which the paths of all rows are relative to.
        place: where to write; files that exist there are kept.
        options: name the channel.
    """
    channel = CHANNELS.index(options.channel)
    staged = []
    for row in rows:
        stem = PurePosixPath(row.image).stem
        image = place / row.subject / f"{stem}_{options.channel}.png"
        mask = place / row.subject / f"{stem}_mask.png"
        if not image.exists():
            png.save(_pixels(folder / row.image)[..., channel], image)
        if not mask.exists():
            png.save(_pixels(folder / row.mask) > 0, mask)
        names = (os.path.relpath(path.resolve(), folder.resolve()) for path in (image, mask))
        image_name, mask_name = (Path(name).as_posix() for name in names)
        staged.append(replace(row, image=image_name, mask=mask_name))
    return staged
