"""Inputs of several files: a series in several folders, copies of it, .hdr/.img pairs."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_heads import write_stack
from flat_settings import settings

from data_prep.inputs.choices import Cohort
from data_prep.inputs.gather import find_inputs
from data_prep.pipeline import run
from data_prep.read.dicom.write import save_dicom
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.volume import VolumeError
from data_prep.source import Source
from data_prep.work.pools import Inline

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
DATA = np.random.default_rng(4).integers(0, 900, (9, 8, 12), np.int16)


def found(raw: Path) -> list[Source]:
    return find_inputs(raw, "brains", Cohort(), (), Inline()).sources


def read(source: Source) -> np.ndarray:
    with source.on_disc() as there:
        return read_volume(there.path, files=[piece.path for piece in there.pieces()]).data


def spread(
    raw: Path, folders: tuple[str, ...], pick: str = "halves", **header: object
) -> list[Path]:
    """One series of DATA, its files in several folders: runs of slices, or every n-th."""
    whole = write_stack(raw / "whole", DATA, AFFINE, **header)
    files = sorted(whole.iterdir(), key=_depth)
    each = -(-len(files) // len(folders))
    for k, path in enumerate(files):
        folder = raw / folders[k // each if pick == "halves" else k % len(folders)]
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    whole.rmdir()
    return files


def _depth(path: Path) -> float:
    import pydicom

    return float(pydicom.dcmread(path).ImagePositionPatient[2])


@pytest.mark.parametrize("pick", ["halves", "every n-th"])
@pytest.mark.parametrize("folders", [("a", "b"), ("x/a", "x/b", "y"), (".", "more")])
def test_one_series_in_several_folders_is_one_volume(tmp_path: Path, folders, pick: str):
    spread(tmp_path / "raw", folders, pick)
    (source,) = found(tmp_path / "raw")
    np.testing.assert_array_equal(read(source), DATA)


@pytest.mark.skipif(shutil.which("dcm2niix") is None, reason="dcm2niix is not installed")
def test_dcm2niix_finds_the_same_volume(tmp_path: Path):
    spread(tmp_path / "raw", ("a", "b"), "every n-th", PatientPosition="HFS")
    (source,) = found(tmp_path / "raw")
    command = [
        "dcm2niix",
        "-b",
        "n",
        "-z",
        "n",
        "-f",
        "x",
        "-o",
        str(tmp_path),
        str(tmp_path / "raw"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_array_equal(read_volume(tmp_path / "x.nii").data, read(source))


def test_a_series_keeps_the_section_of_the_folder_around_it(tmp_path: Path):
    spread(tmp_path / "raw" / "training_healthy", ("a", "b"))
    (source,) = found(tmp_path / "raw")
    assert source.name == "training_healthy/series-1"


def test_a_series_in_an_archive_and_a_folder_is_one_volume(tmp_path: Path):
    raw = tmp_path / "raw"
    spread(raw, ("a", "b", "c"))
    for name in ("a", "b"):
        with zipfile.ZipFile(raw / f"{name}.zip", "w") as archive:
            for path in sorted((raw / name).iterdir()):
                archive.write(path, f"in/{path.name}")
        shutil.rmtree(raw / name)
    (source,) = found(raw)
    np.testing.assert_array_equal(read(source), DATA)
    (outcome,) = run(settings(raw, tmp_path / "out", kind="brains", size=32, jobs=0)).outcomes
    assert outcome.taken and outcome.details["files"] == 12


def test_two_series_of_an_archive_are_two_sources(tmp_path: Path):
    for number in (1, 2):
        write_stack(tmp_path / "s", number * DATA, AFFINE, series=number)
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for path in sorted((tmp_path / "s").iterdir()):
            archive.write(path, path.name)
    shutil.rmtree(tmp_path / "s")
    first, second = found(tmp_path)
    np.testing.assert_array_equal(read(second), 2 * read(first))


def test_other_series_are_never_merged(tmp_path: Path):
    """Another UID, another echo at the same places, no UID, UIDs that stand for several slices."""
    half, moved = DATA[..., :6], AFFINE.copy()
    moved[2, 3] = 18
    cases: dict[str, dict[str, object]] = {
        "uid": {"series": 2},
        "none": {"SeriesInstanceUID": None},
        "one": {"SOPInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4"},
        "study": {"StudyInstanceUID": "1.2.5"},
    }
    for name, header in cases.items():
        both = header if name in ("none", "one") else {}
        write_stack(tmp_path / name / "a", half, AFFINE, **both)
        write_stack(tmp_path / name / "b", DATA[..., 6:], moved, **header)
        assert [s.name for s in found(tmp_path / name)] == ["a", "b"], name
    for echo in ("1", "2"):
        write_stack(tmp_path / "echo" / echo, DATA * int(echo), AFFINE, EchoTime=echo)
    first, second = found(tmp_path / "echo")
    np.testing.assert_array_equal(read(second), 2 * read(first))


def test_halves_of_two_patients_under_one_uid_are_refused(tmp_path: Path):
    moved = AFFINE.copy()
    moved[2, 3] = 18
    write_stack(tmp_path / "raw/a", DATA[..., :6], AFFINE, PatientID="AAA1")
    files = write_stack(tmp_path / "raw/b", DATA[..., 6:], moved, PatientID="BBB2")
    for path in files.iterdir():
        _with(path, SOPInstanceUID=f"1.2.{path.stem[-4:].lstrip('0') or 0}.77")
    (outcome,) = run(settings(tmp_path / "raw", tmp_path / "out", kind="brains", jobs=0)).outcomes
    assert outcome.reason == "one series, but several patients"


def _with(path: Path, **header: object) -> None:
    import pydicom

    dataset = pydicom.dcmread(path)
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def test_a_missing_part_shows_as_a_gap_and_slices_there_twice_are_taken_once(tmp_path: Path):
    raw = tmp_path / "gap"
    spread(raw, ("a", "b", "c"))
    shutil.rmtree(raw / "b")
    (source,) = found(raw)
    with pytest.raises(VolumeError, match="some are missing"):
        read(source)
    raw = tmp_path / "twice"
    spread(raw, ("a", "b"))
    for path in list((raw / "a").iterdir())[:3]:
        shutil.copy(path, raw / "b" / f"again_{path.name}")
    (source,) = found(raw)
    volume = read_volume(source.path, files=[piece.path for piece in source.pieces()])
    np.testing.assert_array_equal(volume.data, DATA)
    assert any("there twice" in note for note in volume.facts["notes"])
    copy = next((raw / "b").glob("again_*"))
    copy.write_bytes(copy.read_bytes()[:-2] + b"\x01\x02")
    with pytest.raises(VolumeError, match="different pixels"):
        read_volume(source.path, files=[piece.path for piece in source.pieces()])


def test_a_whole_copy_of_a_series_is_a_source_of_its_own(tmp_path: Path):
    write_stack(tmp_path / "a", DATA, AFFINE)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert [source.name for source in found(tmp_path)] == ["a", "b"]


def test_a_dicomdir_as_input_means_the_series_that_it_names(tmp_path: Path):
    from pydicom.dataset import Dataset

    disc = tmp_path / "disc"
    write_stack(disc / "named", DATA, AFFINE)
    write_stack(disc / "other", 2 * DATA, AFFINE, series=2)
    index = Dataset()
    index.SOPClassUID, index.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    index.DirectoryRecordSequence = []
    for path in sorted((disc / "named").iterdir()):
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = ["named", path.name]
        index.DirectoryRecordSequence.append(record)
    save_dicom(index, disc / "DICOMDIR")
    (source,) = found(disc / "DICOMDIR")
    np.testing.assert_array_equal(read(source), DATA)


def test_a_table_that_names_one_folder_of_a_series_means_all_of_it(tmp_path: Path):
    from data_prep.inputs.find import Found
    from data_prep.inputs.table import sources_of_table

    spread(tmp_path / "raw/p", ("a", "b"))
    sources = found(tmp_path / "raw")
    table = tmp_path / "cohort.csv"
    for image in ("p/a", "p/b", "p", "p/series-1"):
        table.write_text(f"image,subject,section\n{image},s1,test\n")
        (source,) = sources_of_table(table, tmp_path / "raw", Found(sources), {}, {})
        np.testing.assert_array_equal(read(source), DATA)


@pytest.mark.parametrize(
    "names", [("x.hdr", "x.img"), ("X.HDR", "X.IMG"), ("x.hdr.gz", "x.img.gz")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_hdr_and_its_img_are_one_input(tmp_path: Path, names: tuple[str, str], packed: bool):
    raw = tmp_path / "raw"
    raw.mkdir()
    low = [name.lower() for name in names]
    nib.save(nib.Nifti1Pair(DATA, AFFINE), tmp_path / low[0])
    for made, name in zip(low, names, strict=True):
        (tmp_path / made).rename(raw / name)
    if packed:
        with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
            for name in names:
                archive.write(raw / name, name)
        raw = tmp_path / "raw.zip"
    (source,) = found(raw)
    assert source.name.endswith(names[0]) and source.kind == "nifti" and len(source.pieces()) == 2
    with source.on_disc() as there:
        np.testing.assert_array_equal(read_volume(there.path).data, DATA)


def test_half_a_pair_is_listed_and_voxels_that_begin_like_dicom_are_voxels(tmp_path: Path):
    data = np.zeros((9, 8, 12), np.int16)
    data[0, 0, 0], data[2, 0, 0], data[5, 5, 5] = 8, 5, 7  # 08 00 00 00 05 00 00 00
    nib.save(nib.Nifti1Pair(data, AFFINE), tmp_path / "x.hdr")
    assert [source.name for source in found(tmp_path)] == ["x.hdr"]
    for lost, left in (("x.hdr", "x.img"), ("x.img", "x.hdr")):
        raw = tmp_path / f"only_{left}"
        raw.mkdir()
        shutil.copy(tmp_path / left, raw)
        (outcome,) = run(settings(raw, tmp_path / f"out{lost}", kind="brains", jobs=0)).outcomes
        assert outcome.reason == "half of a .hdr/.img pair is missing"


def test_a_change_in_the_img_of_a_pair_is_seen(tmp_path: Path):
    from data_prep.brain import BrainRecipe
    from data_prep.sidecar import fingerprint

    nib.save(nib.Nifti1Pair(DATA, AFFINE), tmp_path / "x.hdr")
    (source,) = found(tmp_path)
    before = fingerprint(source, BrainRecipe(), b"")
    nib.save(nib.Nifti1Pair(DATA + 1, AFFINE), tmp_path / "x.hdr")
    assert fingerprint(source, BrainRecipe(), b"") != before
