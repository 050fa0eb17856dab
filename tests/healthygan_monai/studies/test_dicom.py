"""``healthygan score --dicom``: results of DICOM inputs, each in the folder of its case."""

import json
import logging
import shutil
import sys
from pathlib import Path

import heads
import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_heads import LPS, write_stack
from PIL import Image

from data_prep.files import read_json
from data_prep.phantom.study import make_films
from data_prep.repeat import default_recipe
from healthygan_monai import load_model
from healthygan_monai.node.scoring import Scoring

pytest.importorskip("highdicom")


def run_with(trained: Path, folder: Path, recipe: dict) -> Path:
    own = shutil.copytree(trained, folder)
    facts = {**read_json(own / "run.json"), "recipe": recipe}
    (own / "run.json").write_text(json.dumps(facts))
    return own


def test_films_have_results_of_their_patient_and_pictures_a_line_that_says_why_not(
    trained, tmp_path, run
):
    counts = {"training_mixed": 2, "training_healthy": 0, "validation": 0, "test": 0}
    films = make_films(tmp_path / "raw", counts=counts, size=64) / "films"
    grey = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(grey).save(tmp_path / "picture.png")
    given = tmp_path / "in"
    given.mkdir()
    for path in films.glob("*.dcm"):
        shutil.copy(path, given)
    own = run_with(trained, tmp_path / "run", default_recipe("films", 32))
    output = tmp_path / "o"
    words = ["--jobs", "0", "--device", "cpu", "--dicom", "--options", "views=any"]
    words += ["--score-by", "top"]
    code, said, _ = run("score", own, given, output, *words, "--map-threshold", "0.2")
    assert code == 0, said
    cases = sorted((output / "dicom").iterdir())
    assert len(cases) == 2
    sources = {str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, given.iterdir())}
    for case in cases:
        files = sorted(path.name for path in case.iterdir())
        assert files == ["1_overlay.dcm", "2_marked.dcm", "3_map.dcm", "4_report.dcm"]
        marked = pydicom.dcmread(case / "2_marked.dcm")
        (algorithm,) = marked.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
        for word in ("brightest 2 %", "training recipe=paper"):
            assert word in algorithm.AlgorithmParameters
        source = sources[
            marked.ReferencedSeriesSequence[0]
            .ReferencedInstanceSequence[0]
            .ReferencedSOPInstanceUID
        ]
        assert marked.PatientID == source.PatientID
        assert marked.StudyInstanceUID == source.StudyInstanceUID
        bits = np.unpackbits(np.frombuffer(marked.PixelData, np.uint8), bitorder="little")
        png = np.asarray(Image.open(output / "maps" / f"{case.name}_marked.png"))
        assert np.array_equal(bits[: png.size].reshape(png.shape), png > 0)
    code, _, _ = run("score", own, tmp_path / "picture.png", tmp_path / "p", *words)
    assert code == 0 and not (tmp_path / "p" / "dicom").exists()
    assert "the input is not DICOM" in (tmp_path / "p" / "cases.csv").read_text()


def test_the_extra_is_named_before_any_work(trained, tmp_path, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    code, _, said = run("score", trained, tmp_path, tmp_path / "o", "--dicom", "--device", "cpu")
    assert code == 2 and 'pip install "healthygan-monai[dicom]"' in said
    assert not (tmp_path / "o").exists()


def test_maps_without_an_upper_end_are_refused(rival, tmp_path, run):
    rival(tmp_path / "model.pt")
    words = [tmp_path / "model.pt", tmp_path, tmp_path / "o", "--dicom", "--device", "cpu"]
    code, _, said = run("score", *words)
    assert code == 2 and "no upper end" in said


def test_a_case_that_has_no_results_is_said_and_the_others_go_on(
    trained, tmp_path, run, monkeypatch, caplog
):
    from data_prep.errors import PrepError
    from healthygan_monai.studies import dicom

    counts = {"training_mixed": 2, "training_healthy": 0, "validation": 0, "test": 0}
    films = make_films(tmp_path / "raw", counts=counts, size=64) / "films"
    done = []

    def fails_once(function, arguments, limits):
        done.append(1)
        if len(done) == 1:
            raise PrepError("slices without positions")
        return function(*arguments)

    monkeypatch.setattr(dicom, "decode", fails_once)
    own = run_with(trained, tmp_path / "run", default_recipe("films", 32))
    words = ["--jobs", "0", "--device", "cpu", "--dicom", "--options", "views=any"]
    with caplog.at_level(logging.WARNING):
        code, said, _ = run("score", own, films, tmp_path / "o", *words)
    assert code == 3 and "scored: 2" in said
    assert len(list((tmp_path / "o" / "dicom").iterdir())) == 1
    assert "no DICOM results: slices without positions" in (tmp_path / "o/cases.csv").read_text()


def test_a_series_has_the_map_of_the_volume_at_the_same_places(trained, tmp_path, run):
    data = np.round(heads.phantom(21).image * 1000).astype(np.int16)
    (tmp_path / "in").mkdir()
    write_stack(tmp_path / "in", data, heads.AFFINE, FrameOfReferenceUID="1.2.3.9")
    own = run_with(trained, tmp_path / "run", default_recipe("brains", 32))
    output = tmp_path / "o"
    words = ["--jobs", "0", "--device", "cpu", "--dicom", "--map-threshold", "0.3"]
    code, said, _ = run("score", own, tmp_path / "in", output, *words)
    assert code == 0, said
    (case,) = (output / "dicom").iterdir()
    assert sorted(path.name for path in case.iterdir())[3:] == [
        "4_marked.dcm", "5_map.dcm", "6_report.dcm",
    ]  # fmt: skip
    volume = nib.load(output / "maps" / f"{case.name}.nii.gz")
    values, to_voxel = np.asarray(volume.dataobj), np.linalg.inv(volume.affine)
    found = pydicom.dcmread(case / "5_map.dcm")
    shape = (int(found.NumberOfFrames), found.Rows, found.Columns)
    assert sorted(shape) == sorted(values.shape)
    frames = np.frombuffer(found.FloatPixelData, np.float32).reshape(shape)
    shared = found.SharedFunctionalGroupsSequence[0]
    across = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    spacing = np.array(shared.PixelMeasuresSequence[0].PixelSpacing, float)
    row, column = np.meshgrid(np.arange(found.Rows), np.arange(found.Columns), indexing="ij")
    for frame, item in zip(frames, found.PerFrameFunctionalGroupsSequence, strict=True):
        place = np.array(item.PlanePositionSequence[0].ImagePositionPatient, float)
        where = place[:, None] + np.outer(across[:3] * spacing[1], column.ravel())
        where = where + np.outer(across[3:] * spacing[0], row.ravel())  # PS3.3 C.7.6.2.1.1
        voxels = (to_voxel @ LPS @ np.vstack([where, np.ones(row.size)]))[:3]
        assert np.abs(voxels - np.rint(voxels)).max() < 1e-3
        expected = values[tuple(np.rint(voxels).astype(int))].reshape(frame.shape)
        assert np.array_equal(frame, expected)


@pytest.mark.parametrize("frames", ["first", "each"])
def test_a_film_of_two_frames_has_results_that_say_which(trained, tmp_path, run, frames):
    counts = {"training_mixed": 1, "training_healthy": 0, "validation": 0, "test": 0}
    films = make_films(tmp_path / "raw", counts=counts, size=64) / "films"
    (path,) = films.glob("*.dcm")
    source = pydicom.dcmread(path)
    source.SOPClassUID = source.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.2"
    source.Modality, source.NumberOfFrames = "DX", 2
    one = source.PixelData[: source.Rows * source.Columns * source.BitsAllocated // 8]
    source.PixelData = one + one
    source.save_as(path)
    own = run_with(trained, tmp_path / "run", default_recipe("films", 32))
    words = ["--jobs", "0", "--device", "cpu", "--dicom", "--options", "views=any"]
    words += ["--options", f"frames={frames}"]
    code, said, _ = run("score", own, films, tmp_path / "o", *words)
    assert code == 0, said
    cases = sorted((tmp_path / "o" / "dicom").iterdir())
    found = [pydicom.dcmread(case / "1_overlay.dcm").SourceImageSequence[0] for case in cases]
    assert [item.ReferencedFrameNumber for item in found] == ([1] if frames == "first" else [1, 2])
    report = (cases[0] / "4_report.dcm").read_bytes()
    assert (b"Warning: first of 2 frames" in report) == (frames == "first")
    (tmp_path / "out").mkdir()
    options = {"views": "any", "frames": frames}
    answer = Scoring(load_model(own, "cpu"), options, tmp_path)(films, tmp_path / "out")
    assert len(answer.results) == 4 * len(cases) and answer.without == ""
    assert ("first of 2 frames" in answer.warnings) == (frames == "first")
