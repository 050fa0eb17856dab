"""A phantom study: DICOM films, cohort table, true masks; names and dates come from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.datalist import LABELLED
from data_prep.files import write_csv
from data_prep.frame import png
from data_prep.phantom.anatomy import Anatomy, Lesion
from data_prep.phantom.brains import COHORT_COLUMNS
from data_prep.phantom.film import film
from data_prep.read.dicom.write import save_dicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["COUNTS", "Lesion", "film", "make_films"]

# Films in each section; half of the mixed, validation and test films are diseased.
COUNTS = {"training_mixed": 200, "training_healthy": 200, "validation": 80, "test": 120}

_DX = "1.2.840.10008.5.1.4.1.1.1.1"  # Digital X-Ray Image Storage - For Presentation
_CR = "1.2.840.10008.5.1.4.1.1.1"  # Computed Radiography Image Storage


@dataclass(frozen=True)
class _Film:
    subject: int
    visit: int
    section: str
    diseased: bool


def make_films(
    folder: Path,
    *,
    seed: int = 0,
    counts: dict[str, int] | None = None,
    size: int = 256,
    bad: bool = False,
) -> Path:
    """Write films/IM*.dcm, masks/*.png and cohort.csv under `folder`; return the folder.

    counts: films in each section. Subjects have one or two films and live in one section. A mask
    has its film's own rows and columns; only diseased validation and test films have one, and
    training rows carry no label. bad: add four files no reader should accept.
    """
    folder = Path(folder)
    (folder / "films").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    plan = _plan(seed, counts or COUNTS)
    rows = []
    for number, entry in enumerate(plan, start=1):
        name = f"IM{number:04d}"
        image, mask = _draw(seed, entry, size)
        save_dicom(_header_and_pixels(seed, entry, image), folder / "films" / f"{name}.dcm")
        row = {
            "image": f"films/{name}.dcm",
            "subject": f"phantom-{entry.subject:04d}",
            "section": entry.section,
        }
        if entry.section in LABELLED:
            row["label"] = str(int(entry.diseased))
            if entry.diseased:
                row["mask"] = f"masks/{name}.png"
                png.save(mask, folder / row["mask"])
        rows.append(row)
    if bad:
        rows += _write_bad_files(seed, folder, size)
    cells = ([row.get(column, "") for column in COHORT_COLUMNS] for row in rows)
    write_csv(folder / "cohort.csv", COHORT_COLUMNS, cells)
    return folder


def _plan(seed: int, counts: dict[str, int]) -> list[_Film]:
    """Who is filmed, how often and for which section, in an order that tells nothing."""
    rng = np.random.default_rng([seed, 0])
    films: list[_Film] = []
    subject = 0
    for section, total in counts.items():
        diseased_films = 0 if section == "training_healthy" else total // 2
        for diseased, wanted in ((False, total - diseased_films), (True, diseased_films)):
            while wanted > 0:
                subject += 1
                visits = min(wanted, 1 + int(rng.random() < 0.3))
                films += [_Film(subject, visit, section, diseased) for visit in range(visits)]
                wanted -= visits
    names = rng.permutation(subject) + 1
    films = [_Film(int(names[f.subject - 1]), f.visit, f.section, f.diseased) for f in films]
    return [films[k] for k in rng.permutation(len(films))]


def _draw(seed: int, entry: _Film, size: int) -> tuple[np.ndarray, np.ndarray]:
    subject = np.random.default_rng([seed, 1, entry.subject])
    anatomy, lesion = Anatomy.draw(subject), Lesion.draw(subject)
    exposure = np.random.default_rng([seed, 2, entry.subject, entry.visit])
    return film(exposure, size, lesion if entry.diseased else None, anatomy)


def _header_and_pixels(seed: int, entry: _Film, image: np.ndarray) -> Dataset:
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    def uid(*what: object) -> str:
        return generate_uid(entropy_srcs=["phantom", str(seed), *map(str, what)])

    rng = np.random.default_rng([seed, 3, entry.subject, entry.visit])
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = _DX if rng.random() < 0.6 else _CR
    ds.SOPInstanceUID = uid(entry.subject, entry.visit, "image")
    ds.StudyInstanceUID = uid(entry.subject, entry.visit, "study")
    ds.SeriesInstanceUID = uid(entry.subject, entry.visit, "series")
    ds.Modality = "DX" if ds.SOPClassUID == _DX else "CR"
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.StudyDate = ds.SeriesDate = f"20{20 + entry.visit}{rng.integers(1, 13):02d}15"
    ds.StudyTime = f"{rng.integers(7, 20):02d}3000"
    ds.AccessionNumber = f"PHA{entry.subject:05d}{entry.visit}"
    ds.Manufacturer = str(rng.choice(["Phantom Works", "Phantom Imaging"]))
    ds.InstitutionName = "Phantom Hospital"
    ds.PatientName = f"Phantom^Subject{entry.subject:04d}"
    ds.PatientID = f"PHANTOM-{entry.subject:04d}"
    ds.PatientBirthDate = f"19{rng.integers(40, 99)}0101"
    ds.PatientSex = str(rng.choice(["F", "M"]))
    ds.PatientAge = f"{rng.integers(20, 80):03d}Y"
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = str(rng.choice(["PA", "AP"], p=[0.8, 0.2]))
    ds.PatientOrientation = ["L", "F"]
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = str(entry.visit + 1), "1", "1"
    ds.BurnedInAnnotation = "NO"
    ds.ImagerPixelSpacing = [round(350 / image.shape[0], 4)] * 2
    ds.Rows, ds.Columns = image.shape
    ds.SamplesPerPixel = 1
    _encode(ds, image, rng)
    return ds


def _encode(ds: Dataset, image: np.ndarray, rng: np.random.Generator) -> None:
    """Store the picture one of the ways vendors do, so that only a whole reader gets it back."""
    inverted = bool(rng.random() < 0.4)
    ds.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    ds.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    shown = 1 - image if inverted else image
    kind = str(rng.choice(["8 bit", "window", "rescale", "voi lut"], p=[0.3, 0.3, 0.25, 0.15]))
    ds.PixelRepresentation = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = (8, 8, 7) if kind == "8 bit" else (16, 12, 11)
    if kind == "8 bit":
        stored: Any = shown * 255
    elif kind == "voi lut":
        stored = np.sqrt(shown) * 4095  # the table squares it back
        ds.VOILUTSequence = [_squaring_lut()]
    else:
        centre, width = float(rng.integers(1900, 2200)), float(rng.integers(2800, 3600))
        stored = centre - 0.5 + (shown - 0.5) * (width - 1)  # the inverse of C.11.2.1.2.1, LINEAR
        ds.WindowCenter, ds.WindowWidth = str(centre), str(width)
        if kind == "rescale":
            ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = "2", "-1000", "US"
            ds.WindowCenter, ds.WindowWidth = str(2 * centre - 1000.5), str(2 * (width - 1) + 1)
    whole = np.clip(np.rint(stored), 0, 2**ds.BitsStored - 1)
    ds.PixelData = whole.astype("<u2" if ds.BitsAllocated == 16 else "u1").tobytes()
    ds["PixelData"].VR = "OW" if ds.BitsAllocated == 16 else "OB"


def _squaring_lut() -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    entries = np.rint((np.arange(4096) / 4095) ** 2 * 65535).astype("<u2")
    item.add_new("LUTDescriptor", "US", [4096, 0, 16])
    item.add_new("LUTData", "OW", entries.tobytes())
    return item


def _write_bad_files(seed: int, folder: Path, size: int) -> list[dict[str, str]]:
    """An empty file, a text, a truncated film and a colour screenshot, named like films."""
    entry = _Film(subject=9001, visit=0, section="training_healthy", diseased=False)
    image, _ = _draw(seed, entry, size)
    whole = _header_and_pixels(seed, entry, image)
    names = [f"films/IM900{k}.dcm" for k in range(1, 5)]
    (folder / names[0]).write_bytes(b"")
    (folder / names[1]).write_text("Please find the films on the other disc.\n", encoding="utf-8")
    save_dicom(whole, folder / names[2])
    data = (folder / names[2]).read_bytes()
    (folder / names[2]).write_bytes(data[: len(data) - size * size // 2])
    colour = np.repeat((image * 255).astype(np.uint8)[..., None], 3, axis=2)
    colour[: size // 8, : size // 2] = (0, 90, 160)  # a viewer's blue title bar
    whole.PhotometricInterpretation, whole.SamplesPerPixel = "RGB", 3
    whole.PlanarConfiguration, whole.Modality = 0, "OT"
    whole.BitsAllocated, whole.BitsStored, whole.HighBit = 8, 8, 7
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"):
        if keyword in whole:
            delattr(whole, keyword)
    whole.PixelData = colour.tobytes()
    whole["PixelData"].VR = "OB"
    save_dicom(whole, folder / names[3])
    return [
        {"image": name, "subject": f"phantom-{9000 + k}", "section": "training_healthy"}
        for k, name in enumerate(names, start=1)
    ]
