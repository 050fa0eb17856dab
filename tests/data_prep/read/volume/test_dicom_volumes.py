"""A DICOM stack gives the array its headers describe, whatever its order; or says what is wrong."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_heads import write_multi_frame, write_stack
from flat_settings import settings
from heads import turn
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from planted import PLANTED

from data_prep.inputs.parts import by_series
from data_prep.read.volume import scan_facts
from data_prep.read.volume.dicom_groups import series_of
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.volume import OtherImage, ReadOptions, Volume, VolumeError
from data_prep.source import Source
from data_prep.work.pools import Inline

SPACING = (1.5, 2.0, 3.0)
AFFINE = np.diag([*SPACING, 1.0])
CODES = ("RAS", "LAS", "LPI", "LPS", "AIL", "SRP", "PSR", "IRA")


def ras() -> np.ndarray:
    return np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5) - 20


def turned(code: str, affine: np.ndarray = AFFINE) -> tuple[np.ndarray, np.ndarray]:
    """(voxels, affine) of the same head with its axes in `code` order."""
    image = nib.Nifti1Image(ras(), affine)
    turn = ornt_transform(io_orientation(np.diag([*SPACING, 1.0])), axcodes2ornt(tuple(code)))
    image = image.as_reoriented(turn)
    return np.asarray(image.dataobj), image.affine


@pytest.mark.parametrize("code", CODES)
def test_stacks_and_multi_frame_files_in_eight_orders_give_one_array(code: str, tmp_path: Path):
    data, affine = turned(code)
    stack = read_volume(write_stack(tmp_path / "stack", data, affine))
    np.testing.assert_array_equal(stack.data, ras())
    np.testing.assert_allclose(stack.affine, AFFINE, atol=1e-4)
    assert stack.spacing == pytest.approx(SPACING, abs=1e-4)
    shuffled = np.random.default_rng(0).permutation(data.shape[2]).tolist()
    frames = write_multi_frame(tmp_path / "one" / "a.dcm", data, affine, order=shuffled)
    for path in (frames, frames.parent):  # the file itself, or its folder
        whole = read_volume(path)
        np.testing.assert_array_equal(whole.data, 2.0 * ras() - 7)  # its rescale
        np.testing.assert_allclose(whole.affine, AFFINE, atol=1e-4)
    assert whole.facts["format"] == "DICOM multi-frame"


def test_each_slice_is_scaled_by_its_own_slope(tmp_path: Path):
    slopes = [1, 0.5, 2, 0.25, 1]
    volume = read_volume(write_stack(tmp_path / "a", ras(), AFFINE, slopes=slopes))
    np.testing.assert_allclose(volume.data, ras() * np.array(slopes))


def ball(affine: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """int16 (30, 30, 30): a Gaussian of 6 mm about a point in mm."""
    place = np.moveaxis(np.indices((30, 30, 30)), 0, -1) @ affine[:3, :3].T
    return (1000 * np.exp(-((place - centre) ** 2).sum(-1) / 72)).astype(np.int16)


def moments(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """(mean, standard deviation) along each axis, in mm, of where the grey is."""
    index = np.indices(volume.data.shape).reshape(3, -1).T
    place = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    weight = volume.data.ravel() / volume.data.sum()
    mean = weight @ place
    return mean, np.sqrt(weight @ (place - mean) ** 2)


def test_an_oblique_stack_is_straightened_to_where_its_affine_says(tmp_path: Path):
    affine = turn((15, 0, 0)) @ np.diag([2.0, 2.0, 2.0, 1.0])
    truth = (affine @ (12, 18, 9, 1))[:3]
    folder = write_stack(tmp_path / "a", ball(affine, truth), affine)
    assert read_volume(folder).facts["obliquity_deg"] == pytest.approx(15, abs=0.1)
    centre, spread = moments(read_volume(folder, ReadOptions(straighten_oblique=True)))
    np.testing.assert_allclose(centre, truth, atol=0.2)
    np.testing.assert_allclose(spread, 6.0, atol=0.4)


def sheared(degrees: float) -> np.ndarray:
    """The table moves straight up although the gantry is tilted: slices slide along their rows."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[1, 2] = 2.0 * np.tan(np.radians(degrees))
    return affine


def test_a_tilted_gantry_is_refused_or_undone(tmp_path: Path):
    truth = np.array([30.0, 36.0, 24.0])
    folder = write_stack(tmp_path / "a", ball(sheared(14), truth), sheared(14))
    with pytest.raises(VolumeError, match=r"sheared.*14\.0.*--straighten"):
        read_volume(folder)
    centre, spread = moments(read_volume(folder, ReadOptions(straighten_oblique=True)))
    np.testing.assert_allclose(centre, truth, atol=0.2)
    np.testing.assert_allclose(spread, 6.0, atol=0.4)  # a ball again, in all three directions


@pytest.mark.parametrize(
    ("depths", "reason", "detail"),
    [
        ([0, 1, 2, 4, 5], "some are missing", "1 missing"),
        ([0, 2, 3, 6, 7], "some are missing", "3 missing"),
        ([0, 1, 2.4, 3.4, 5.1], "the gap varies", "mm apart"),
    ],
)
def test_uneven_slices_say_whether_some_are_missing(depths, reason, detail, tmp_path):
    folder = write_stack(tmp_path / "a", ras(), AFFINE, depths=depths)
    with pytest.raises(VolumeError) as caught:
        read_volume(folder)
    assert reason in caught.value.reason and detail in caught.value.detail


def test_two_echoes_in_one_series_are_refused_unless_one_is_chosen(tmp_path: Path):
    write_stack(tmp_path / "a", ras(), AFFINE, EchoTime=5)
    write_stack(tmp_path / "a", 3 * ras(), AFFINE, EchoTime=9)
    with pytest.raises(VolumeError, match=r"several images of each slice.*2 images at each of 5"):
        read_volume(tmp_path / "a")
    for index, factor in enumerate((1, 3)):
        volume = read_volume(tmp_path / "a", ReadOptions(volume_index=index))
        np.testing.assert_array_equal(volume.data, factor * ras())
    with pytest.raises(VolumeError, match="has no volume 2"):
        read_volume(tmp_path / "a", ReadOptions(volume_index=2))
    (tmp_path / "a" / "1_9_0007.dcm").unlink()
    with pytest.raises(VolumeError, match="two acquisitions are mixed"):
        read_volume(tmp_path / "a")


def test_two_series_in_a_folder_are_refused_unless_one_is_chosen(tmp_path: Path):
    folder = write_stack(tmp_path / "DOE^JANE", ras(), AFFINE, series=1)
    assert read_volume(folder).facts["format"] == "DICOM series"
    write_stack(folder, ras()[..., :4], AFFINE, series=2)
    with pytest.raises(VolumeError, match=r"2 DICOM series.*5 files.*--series-index") as caught:
        read_volume(folder)
    assert "DOE" not in str(caught.value)
    for index, slices in ((0, 5), (1, 4)):
        volume = read_volume(folder, ReadOptions(series_index=index))
        assert volume.data.shape == (7, 6, slices)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(VolumeError, match="no DICOM series"):
        read_volume(tmp_path / "nothing")


def test_slices_shifted_sideways_are_refused(tmp_path: Path):
    folder = write_stack(tmp_path / "a", ras()[..., :3], AFFINE)
    moved = AFFINE.copy()
    moved[:3, 3] = (8, 0, 9)
    write_stack(tmp_path / "b", ras()[..., 3:], moved)
    for path in (tmp_path / "b").iterdir():
        path.rename(folder / f"more_{path.name}")
    with pytest.raises(VolumeError, match="shifted sideways"):
        read_volume(folder)


def test_a_folder_of_several_series_becomes_several_sources(tmp_path: Path):
    folder = tmp_path / "study"
    write_stack(folder, ras(), AFFINE, series=1)
    write_stack(folder, 2 * ras(), AFFINE, series=2)
    data, affine = turned("PSR")
    write_stack(folder, data[..., :3], affine, series=3)  # a localiser: three views in one series
    write_stack(folder, ras()[..., 1:2], AFFINE, series=3, EchoTime=1)
    (folder / "notes.txt").write_text("Dear colleague")
    sources = by_series([Source("study", folder, "series")], Inline())
    assert [source.name for source in sources] == [f"study/series-{n + 1}" for n in range(4)]
    first, second = (read_volume(s.path, files=[p.path for p in s.pieces()]) for s in sources[:2])
    np.testing.assert_array_equal(first.data, ras())
    np.testing.assert_array_equal(second.data, 2 * ras())
    assert sorted(len(one.files) for one in series_of(folder.iterdir())) == [1, 3, 5, 5]


def test_each_series_of_a_folder_has_its_own_patient(tmp_path: Path):
    from data_prep.datalist import LeakError
    from data_prep.pipeline import run

    raw = tmp_path / "raw"
    write_stack(raw / "training_healthy" / "both", ras(), AFFINE, series=1, PatientID="AAA1")
    write_stack(raw / "training_healthy" / "both", ras(), AFFINE, series=2, PatientID="BBB2")
    write_stack(raw / "test" / "one", 2 * ras(), AFFINE, series=3, PatientID="BBB2")
    with pytest.raises(LeakError, match="BBB2: test, training_healthy"):
        run(settings(raw, tmp_path / "out", kind="brains", pseudonyms="given", jobs=0))


def test_a_series_of_several_patients_is_refused(tmp_path: Path):
    from data_prep.pipeline import run

    folder = write_stack(tmp_path / "raw" / "one", ras(), AFFINE, PatientID="AAA1")
    other = write_stack(tmp_path / "b", ras(), AFFINE, PatientID="BBB2")
    (other / "1_0_0014.dcm").replace(folder / "1_0_0014.dcm")
    (outcome,) = run(settings(tmp_path / "raw", tmp_path / "out", kind="brains", jobs=0)).outcomes
    assert outcome.reason == "one series, but several patients"


@pytest.mark.parametrize(
    ("first", "second", "several"),
    [
        ({"PatientName": "Abe^A"}, {"PatientName": "Bea^B"}, True),
        ({"PatientName": "Abe^A"}, {"PatientName": "ABE^A"}, False),
        ({"PatientID": "1", "PatientName": "Abe"}, {"PatientName": "Bea"}, True),
        ({"PatientID": "1"}, {"PatientName": "Abe"}, False),  # nothing says that they are two
        (
            {"PatientID": "1", "PatientBirthDate": "19510203"},
            {"PatientID": "1", "PatientBirthDate": "19600203"},
            True,
        ),
    ],
)
def test_a_series_of_several_people_is_refused_whatever_tells_it(
    tmp_path: Path, first: dict, second: dict, several: bool
):
    from data_prep.pipeline import run

    blank = {"PatientID": "", "PatientName": ""}
    folder = write_stack(tmp_path / "raw" / "one", ras(), AFFINE, **(blank | first))
    other = write_stack(tmp_path / "b", ras(), AFFINE, **(blank | second))
    (other / "1_0_0014.dcm").replace(folder / "1_0_0014.dcm")
    made = settings(tmp_path / "raw", tmp_path / "out", kind="brains", jobs=0)
    (outcome,) = run(made).outcomes
    assert (outcome.reason == "one series, but several patients") == several


def test_a_series_of_slices_of_two_sizes_is_told(tmp_path: Path, caplog):
    folder = write_stack(tmp_path / "raw", ras(), AFFINE)
    other = write_stack(tmp_path / "b", ras()[:6], AFFINE)
    for name in ("1_0_0014.dcm", "1_0_0021.dcm"):
        (other / name).replace(folder / name)
    assert len(by_series([Source("head", folder, "series")], Inline())) == 2
    assert "1 DICOM series hold slices of several sizes" in caplog.text
    caplog.clear()
    by_series([Source("head", write_stack(tmp_path / "c", ras(), AFFINE), "series")], Inline())
    assert caplog.text == ""


def test_derivatives_of_a_bids_tree_are_no_raw_scans(tmp_path: Path, caplog):
    from data_prep.inputs.choices import Cohort
    from data_prep.inputs.gather import find_inputs
    from data_prep.work.pools import Inline

    for folder in ("sub-01/anat", "derivatives/x/sub-01/anat"):
        path = tmp_path / "raw" / folder / "sub-01_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(ras(), AFFINE), path)
    found = find_inputs(tmp_path / "raw", "brains", Cohort(), (), Inline())
    assert [source.name for source in found.sources] == ["sub-01/anat/sub-01_T1w.nii.gz"]
    assert "1 inputs in folders called derivatives were ignored" in caplog.text


def test_what_is_no_placed_volume_says_so(tmp_path: Path):
    write_stack(tmp_path / "flat", ras(), AFFINE, ImagePositionPatient=None)
    with pytest.raises(VolumeError, match="do not say where the slices lie"):
        read_volume(tmp_path / "flat")
    write_stack(tmp_path / "cut", ras(), AFFINE)
    victim = sorted((tmp_path / "cut").iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:-40])
    with pytest.raises(VolumeError) as caught:
        read_volume(tmp_path / "cut")
    assert str(tmp_path) not in str(caught.value)


def test_thin_slices_far_apart_are_noted(tmp_path: Path):
    volume = read_volume(write_stack(tmp_path / "a", ras(), AFFINE, SliceThickness=0.6))
    assert any("left out" in note for note in volume.facts["notes"])
    assert volume.facts["gap_mm"] == 3.0


def test_the_facts_of_a_scan_come_out_of_closed_lists(tmp_path: Path):
    folder = write_stack(
        tmp_path / "a", ras(), AFFINE, RepetitionTime="9.8", EchoTime="4.6", FlipAngle="8",
        StationName=PLANTED[0], ScanningSequence=["GR", "IR"], MRAcquisitionType="3D",
    )  # fmt: skip
    facts = read_volume(folder).facts
    assert facts["manufacturer"] == "PHILIPS" and facts["field_strength_t"] == 3.0
    assert (facts["repetition_time_ms"], facts["echo_time_ms"]) == (9.8, 4.6)
    assert (facts["sequence"], facts["acquisition"]) == ("GR+IR", "3D")
    assert not any(text in str(facts) for text in PLANTED)
    wild = {
        "Manufacturer": f"{PLANTED[0]} GE",
        "MagneticFieldStrength": "Confidential",
        "FlipAngle": 9e9,
    }
    assert scan_facts.from_sidecar(wild) == {}


def test_times_of_a_sidecar_are_seconds():
    told = {"RepetitionTime": 2.3, "EchoTime": 0.00298, "Manufacturer": "Siemens Healthineers"}
    times = {"repetition_time_ms": 2300.0, "echo_time_ms": 2.98}
    assert scan_facts.from_sidecar(told) == {"manufacturer": "SIEMENS", **times}


@pytest.mark.usefixtures("manifest")
def test_the_real_series_and_the_stripped_multi_frame_file(real_data: Path):
    folder = real_data / "dicom/mr_studyforrest"
    volume = read_volume(folder)
    assert volume.data.shape == (274, 384, 10)
    assert volume.spacing == pytest.approx((0.7, 0.6667, 6.0), abs=1e-3)
    assert any("left out" in note for note in volume.facts["notes"])  # every ninth slice
    with pytest.raises(VolumeError, match="does not say where its frames lie"):
        read_volume(real_data / "dicom/real_edge/emri_small.dcm")
    assert len(series_of(folder.iterdir())) == 1


@pytest.mark.parametrize("signed", [0, 1])
def test_monochrome1_is_inverted_in_series_and_multi_frame_files_alike(tmp_path: Path, signed: int):
    """Both readers: the highest stored value that Bits Stored allows becomes the lowest."""
    data = (ras() % 900).astype(np.int16)
    header = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": signed}
    inverse = {**header, "PhotometricInterpretation": "MONOCHROME1"}
    stack = write_stack(tmp_path / "s", data, AFFINE, slopes=[2] * data.shape[2], **inverse)
    series = read_volume(stack)
    np.testing.assert_array_equal(series.data, 2.0 * ((-1 if signed else 4095) - data))
    path = write_multi_frame(tmp_path / "m.dcm", data, AFFINE, rescale=(2, 0), **inverse)
    np.testing.assert_array_equal(read_volume(path).data, series.data)
    plain = write_multi_frame(tmp_path / "p.dcm", data, AFFINE, rescale=(2, 0), **header)
    np.testing.assert_array_equal(read_volume(plain).data, 2.0 * data)


def test_a_part_of_a_concatenation_is_not_half_a_head(tmp_path: Path):
    parts = {"InConcatenationNumber": 1, "InConcatenationTotalNumber": 2}
    path = write_multi_frame(tmp_path / "a.dcm", ras(), AFFINE, **parts)
    with pytest.raises(VolumeError, match="one part of a multi-frame scan"):
        read_volume(path)
    parts["InConcatenationTotalNumber"] = 1
    read_volume(write_multi_frame(tmp_path / "b.dcm", ras(), AFFINE, **parts))


@pytest.mark.parametrize(
    "header",
    [{"Modality": "CT"}, {"Modality": " ct"}, {"Modality": "PT"},
     {"Modality": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}],
)  # fmt: skip
def test_another_modality_is_left_out_or_taken_with_a_note_where_asked_for(tmp_path: Path, header):
    from data_prep.pipeline import run

    folder = write_stack(tmp_path / "raw" / "s", ras(), AFFINE, **header)
    code = (header["Modality"] or "CT").strip().upper()
    chosen = {"kind": "brains", "jobs": 0, "pseudonyms": "given"}
    (outcome,) = run(settings(tmp_path / "raw", tmp_path / "out", **chosen)).outcomes
    assert (outcome.status, outcome.reason) == ("left", "another modality than MR")
    assert outcome.details["remedy"] == f"Pass --modality {code} to take such scans."
    for asked in (code, "any"):
        volume = read_volume(folder, ReadOptions(modality=asked))
        assert volume.facts["notes"] == [f"the modality is {code}; it was asked for"]
    with pytest.raises(OtherImage):
        read_volume(write_stack(tmp_path / "mr", ras(), AFFINE), ReadOptions(modality="CT"))


@pytest.mark.parametrize("name", ["sub-01_T1w", "head_2"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_a_sidecar_tells_the_modality_too(tmp_path: Path, name: str, suffix: str):
    from data_prep.pipeline import run

    path = tmp_path / f"raw/sub-01/anat/{name}{suffix}"
    path.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image(ras(), AFFINE), path)
    path.with_name(f"{name}.json").write_text('{"Modality": "PT"}')
    chosen = {"kind": "brains", "jobs": 0, "pseudonyms": "given"}
    (outcome,) = run(settings(tmp_path / "raw", tmp_path / "out", **chosen)).outcomes
    assert (outcome.status, outcome.reason) == ("left", "another modality than MR")


def test_an_unknown_modality_code_is_refused():
    with pytest.raises(ValueError, match="expected a DICOM code"):
        ReadOptions(modality="MRI")
