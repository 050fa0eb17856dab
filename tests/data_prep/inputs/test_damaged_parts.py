"""A series beside files that may have been its slices is listed, not cut short."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_heads import write_multi_frame, write_stack
from flat_settings import settings

from data_prep.pipeline import run
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.volume import VolumeError

AFFINE = np.diag([2.0, 2.0, 9.0, 1.0])
DATA = np.random.default_rng(4).integers(1, 900, (12, 12, 16), np.int16)
BESIDE = "the series lies beside {} that cannot be read; it may be incomplete"


def stack(folder: Path, suffix: str = ".dcm", **header: object) -> Path:
    """A head, named by its slices: IM000, IM001, ..."""
    write_stack(folder, DATA, AFFINE, **header)
    for path in list(folder.iterdir()):
        number = int(pydicom.dcmread(path).InstanceNumber) - 1
        path.rename(folder / f"IM{number:03d}{suffix}")
    return folder


def outcomes(raw: Path, out: Path) -> dict[str, str]:
    """Shown name -> its reason, "" where it was taken."""
    done = run(settings(raw, out, kind="brains", size=32, jobs=0, pseudonyms="given"))
    return {one.source: one.reason for one in done.outcomes}


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "header cut": lambda whole: whole[:300],
    "prefix alone": lambda whole: whole[:132],
    "cut before the prefix": lambda whole: whole[:60] + bytes(4),
    "cut after the class": lambda whole: whole[: whole.index(b"\x08\x00\x16\x00UI", 200) + 30],
    "cut before its size": lambda whole: whole[: whole.index(b"\x28\x00\x10\x00US")],
    "zeros": lambda whole: bytes(len(whole)),
    "beginning overwritten": lambda whole: bytes(512) + whole[512:],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("suffix", [".dcm", "", ".IMA"])
def test_damaged_end_slices_are_missed(damage: str, suffix: str, tmp_path: Path):
    folder = stack(tmp_path / "raw/s", suffix)
    for path in sorted(folder.iterdir())[12:]:
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert outcomes(tmp_path / "raw", tmp_path / "out")["s"] == BESIDE.format("4 files")
    with pytest.raises(VolumeError, match=r"beside 4 files that cannot be read.*remove them"):
        read_volume(folder)
    for path in sorted(folder.iterdir())[12:]:
        path.unlink()
    assert outcomes(tmp_path / "raw", tmp_path / "again") == {"s": ""}
    assert read_volume(folder).data.shape == (12, 12, 12)


@pytest.mark.parametrize("damage", ["checksum", "encrypted", "empty", "header cut"])
def test_damaged_members_of_an_archive_are_missed(damage: str, tmp_path: Path):
    folder, path = stack(tmp_path / "s"), tmp_path / "raw/s.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            content = file.read_bytes()
            if file.name >= "IM015" and damage in DAMAGES:
                content = DAMAGES[damage](content)
            archive.writestr(file.name, content)
        where = archive.getinfo("IM015.dcm").header_offset
    content = bytearray(path.read_bytes())
    if damage == "checksum":
        content[where + 700] ^= 1
    if damage == "encrypted":
        content[where + 6] |= 1
        content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert BESIDE.format("1 file") in outcomes(tmp_path / "raw", tmp_path / "out").values()


def test_what_never_was_a_slice_is_no_damage(tmp_path: Path):
    folder = stack(tmp_path / "raw/s", "")
    report = pydicom.dcmread(folder / "IM000")
    for keyword in ("Rows", "Columns", "PixelData"):
        del report[keyword]
    for name, kind in (("SR01", "88.11"), ("PR01", "11.1"), ("RAW01", "66")):
        report.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{kind}"
        report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID
        report.save_as(folder / name)
    report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    del report.SOPClassUID
    report.save_as(folder / "DICOMDIR")
    (folder / "notes2.txt").write_text("")
    (folder / "README1").write_text("A text beside the slices.")
    (folder / "LOCKFILE").write_bytes(b"")
    (folder / "._IM001.dcm").write_bytes(b"\0\5\26\7")
    found = outcomes(tmp_path / "raw", tmp_path / "out")
    assert found["s"] == ""
    assert read_volume(folder).data.shape == DATA.shape


def test_a_damaged_file_that_names_its_series_is_missed_there_alone(tmp_path: Path):
    folder = stack(tmp_path / "raw/s", series=1)
    stack(tmp_path / "b", series=2)
    for path in (tmp_path / "b").iterdir():
        shutil.move(path, folder / f"B{path.name}")
    path = folder / "BIM015.dcm"
    path.write_bytes(DAMAGES["cut before its size"](path.read_bytes()))
    found = outcomes(tmp_path / "raw", tmp_path / "out")
    assert found == {"s/series-1": "", "s/series-2": BESIDE.format("1 file")}
    path.write_bytes(path.read_bytes()[:300])  # of which of the two?
    found = outcomes(tmp_path / "raw", tmp_path / "again")
    assert set(found.values()) == {BESIDE.format("1 file")}


def test_a_multi_frame_file_is_whole_whatever_lies_beside_it(tmp_path: Path):
    """The damaged one is listed by itself."""
    path = write_multi_frame(tmp_path / "raw/s/whole1.dcm", DATA, AFFINE)
    (path.parent / "half2.dcm").write_bytes(path.read_bytes()[:300])
    found = outcomes(tmp_path / "raw", tmp_path / "out")
    assert found.pop("s") == ""
    assert list(found.values()) == ["damaged DICOM: no image can be read"]


def test_a_folder_of_damaged_files_alone_says_so(tmp_path: Path):
    folder = stack(tmp_path / "raw/s")
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:300])
    assert "damaged" in outcomes(tmp_path / "raw", tmp_path / "out")["s"]
