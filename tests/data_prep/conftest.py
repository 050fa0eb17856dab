"""Full-size metadata, and a small DICOM film whose patient nobody may meet again."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flat_settings import settings
from generated import write_chestxray14, write_covidx, write_ixi
from planted import PLANTED

from data_prep.datalist import SECTIONS
from data_prep.phantom.study import make_films
from data_prep.read.dicom.write import save_dicom

MakeDicom = Callable[..., Path]
Prepare = Callable[..., Any]


@pytest.fixture(scope="session")
def manifest(real_data: Path) -> list[dict[str, str]]:
    """One row a DICOM file of the pack of real data."""
    path = real_data / "dicom" / "manifest.csv"
    if not path.is_file():
        pytest.skip("no DICOM manifest")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def ramp() -> np.ndarray:
    """uint16 (32, 24), every value of 0..767 once: a gradient no error can hide in."""
    return np.arange(32 * 24, dtype=np.uint16).reshape(32, 24)


@pytest.fixture
def make_dicom(tmp_path: Path) -> MakeDicom:
    """make_dicom(pixels, name=..., **header) -> path of an explicit little endian DX film."""

    def make(pixels: np.ndarray, name: str = "film.dcm", **header: Any) -> Path:
        from pydicom.dataset import Dataset
        from pydicom.uid import generate_uid

        ds = Dataset()
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        ds.SOPInstanceUID = generate_uid(entropy_srcs=[name])
        ds.StudyInstanceUID = ds.SeriesInstanceUID = generate_uid(entropy_srcs=[name, "s"])
        ds.PatientName = f"{PLANTED[0]}^{PLANTED[1]}"
        ds.PatientID, ds.AccessionNumber, ds.PatientBirthDate = PLANTED[2:5]
        ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "DX", "CHEST", "PA"
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.SamplesPerPixel = 1 if pixels.ndim == 2 else pixels.shape[-1]
        ds.Rows, ds.Columns = pixels.shape[:2]
        ds.BitsAllocated = 8 * pixels.itemsize
        ds.BitsStored = 8 if pixels.itemsize == 1 else 12
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(pixels.dtype.kind == "i")
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        ds.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
        ds["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_dicom(ds, path)
        return path

    return make


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Eight drawn films with masks and cohort.csv."""
    return make_films(tmp_path / "raw", seed=2, counts=dict.fromkeys(SECTIONS, 2), size=32)


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """prepare("raw", bits=16, ...) runs from tmp_path / "raw" to tmp_path / "out", in 16 x 16."""

    def prepared(raw: str = "raw", **flat: Any) -> Any:
        from data_prep.pipeline import run

        return run(settings(tmp_path / raw, tmp_path / "out", **{"size": 16, **flat}))

    return prepared


@pytest.fixture(scope="session")
def covidx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_covidx(tmp_path_factory.mktemp("covidx"))


@pytest.fixture(scope="session")
def chest_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chestxray14(tmp_path_factory.mktemp("chestxray14"))


@pytest.fixture(scope="session")
def ixi_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ixi(tmp_path_factory.mktemp("ixi"))
