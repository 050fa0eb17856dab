"""Full-size metadata, and a small DICOM film whose patient nobody may meet again."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flat_settings import settings
from generated import write_chestxray14, write_covidx, write_ixi
from planted import PLANTED
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

from data_prep.datalist import SECTIONS
from data_prep.phantom.study import make_films
from data_prep.read.dicom.write import EXPLICIT_LITTLE_ENDIAN, save_dicom

MakeDicom = Callable[..., Path]
Prepare = Callable[..., Any]


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        pytest.skip(f"the pack of real data has no {path.parent.name}/{path.name}")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def manifest(real_data: Path) -> list[dict[str, str]]:
    """One row a DICOM file of the pack of real data."""
    return _table(real_data / "dicom" / "manifest.csv")


@pytest.fixture(scope="session")
def volumes(real_data: Path) -> list[dict[str, str]]:
    """One row a volume of the pack of real data."""
    return _table(real_data / "nifti" / "manifest.csv")


@pytest.fixture(scope="session")
def edge_cases(real_data: Path, volumes: list[dict[str, str]]) -> dict[str, Path]:
    """Name -> path of the volumes that are hard to read, or that must be refused."""
    rows = (real_data / row["path"] for row in volumes if row["category"].startswith("edge"))
    return {path.name: path for path in rows}


@pytest.fixture(scope="session")
def expected_slice(edge_cases: dict[str, Path]) -> np.ndarray:
    """(R, A) of slice 30 of the head that most edge cases show."""
    folder = edge_cases["01_RAS_int16.nii.gz"].parent
    return np.load(folder / "expected_mid_axial_RAS_IXI013-HH-1212.npy")


@pytest.fixture
def ramp() -> np.ndarray:
    """uint16 (32, 24), every value of 0..767 once: a gradient no error can hide in."""
    return np.arange(32 * 24, dtype=np.uint16).reshape(32, 24)


@pytest.fixture
def make_dicom(tmp_path: Path) -> MakeDicom:
    """make_dicom(pixels, name=..., **header) -> path of an explicit little endian DX film.

    frames: bytes of each frame, instead of those of pixels; of compressed ones with their syntax.
    """

    def make(
        pixels: np.ndarray,
        name: str = "film.dcm",
        frames: Sequence[bytes] = (),
        syntax: str = "",
        **header: Any,
    ) -> Path:
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
        if len(frames) > 1:
            ds.NumberOfFrames = str(len(frames))
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        values = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
        ds.PixelData = b"".join(frames) or values
        ds["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if syntax:
            ds.PixelData = encapsulate(list(frames))
            ds["PixelData"].is_undefined_length = True
        save_dicom(ds, path, syntax or EXPLICIT_LITTLE_ENDIAN)
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
