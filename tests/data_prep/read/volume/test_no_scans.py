"""What is stored like a scan and is none: phases, maps, labels, statistics."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_heads import write_multi_frame, write_stack
from heads import phantom, turn
from pydicom.dataset import Dataset

from data_prep.brain import BrainOptions, BrainRecipe
from data_prep.inputs.parts import by_series
from data_prep.read.volume.open_volume import FEWEST_GREYS, TILTED, read_mask, read_volume
from data_prep.read.volume.scan_facts import DERIVED_NOTE, FAT_NOTE, MIXED_NOTE, REAL_NOTE
from data_prep.read.volume.volume import OtherImage, ReadOptions, VolumeError
from data_prep.source import Source, Who
from data_prep.work.pools import Inline
from data_prep.write_frames import write_head

AFFINE = np.diag([1.5, 2.0, 3.0, 1.0])


def ras() -> np.ndarray:
    return np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5)


RECIPE = BrainRecipe(48, options=BrainOptions(range="20%:80%", step="12mm"))
PHASES = [
    {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
    {"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"]},
    {"ImageType": ["DERIVED", "PRIMARY", "IMAGINARY"]},
    {"ComplexImageComponent": "PHASE"},
    {"ComplexImageComponent": "PHASE", "ImageType": ["ORIGINAL", "PRIMARY", "M"]},
]
PLAIN = [
    {},
    {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"]},
    {"ImageType": ["DERIVED", "SECONDARY", "MPR"]},
    {"ImageType": ["DERIVED", "PRIMARY", "DIXON", "WATER"]},
    {"ImageType": ["P", "PRIMARY"]},  # its third value is the first that a maker chooses
    {"ComplexImageComponent": "MAGNITUDE", "ImageType": ["ORIGINAL", "PRIMARY", "P"]},
    {"Modality": ""},
]


@pytest.mark.parametrize("header", PHASES)
@pytest.mark.parametrize("write", [write_stack, write_multi_frame])
def test_a_phase_image_is_left_out(tmp_path: Path, write, header):
    with pytest.raises(OtherImage, match="expected the magnitude"):
        read_volume(write(tmp_path / "a" / "b", ras(), AFFINE, **header))


@pytest.mark.parametrize(("number", "left_out"), [(0, False), (1, True), (2, False), (3, True)])
def test_ge_tells_a_phase_image_in_an_element_of_its_own(tmp_path: Path, number, left_out):
    """Raw Data Type (0043,102F): magnitude, phase, real, imaginary."""
    folder = write_stack(tmp_path / "a" / "b", ras(), AFFINE)
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        ds.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", number)
        ds.save_as(path)
    if left_out:
        with pytest.raises(OtherImage, match="expected the magnitude"):
            read_volume(folder)
    else:
        assert (REAL_NOTE in read_volume(folder).facts["notes"]) == (number == 2)


@pytest.mark.parametrize("header", PLAIN)
@pytest.mark.parametrize("write", [write_stack, write_multi_frame])
def test_a_plain_scan_is_taken_without_a_word(tmp_path: Path, write, header):
    assert read_volume(write(tmp_path / "a" / "b", ras(), AFFINE, **header)).facts["notes"] == []


@pytest.mark.parametrize(
    ("header", "note"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, DERIVED_NOTE),
        ({"ImageType": ["DERIVED", "PRIMARY", "T2 MAP"]}, DERIVED_NOTE),
        ({"ImageType": ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]}, DERIVED_NOTE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, DERIVED_NOTE),
        ({"VolumeBasedCalculationTechnique": "MAX_IP"}, DERIVED_NOTE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "R_IR", "R", "IR"]}, REAL_NOTE),
        ({"ImageType": ["DERIVED", "PRIMARY", "DIXON", "FAT"]}, FAT_NOTE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "F", "F", "DERIVED"]}, FAT_NOTE),
        ({"ComplexImageComponent": "MIXED"}, MIXED_NOTE),
    ],
)
def test_what_is_no_plain_scan_is_noted(tmp_path: Path, header, note):
    assert read_volume(write_stack(tmp_path / "a", ras(), AFFINE, **header)).facts["notes"] == [
        note
    ]


def test_a_phase_of_another_modality_is_none(tmp_path: Path):
    """P is a word of MR alone."""
    header = {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}
    stack = write_stack(
        tmp_path / "a", ras(), AFFINE, ImageType=["ORIGINAL", "PRIMARY", "P"], **header
    )
    with pytest.raises(OtherImage, match="another modality"):
        read_volume(stack)


def test_magnitude_and_phase_of_one_series_are_two_inputs(tmp_path: Path):
    kinds = {kind: ["ORIGINAL", "PRIMARY", kind] for kind in ("M", "P")}
    for echo, kind in enumerate(kinds):  # the names of the files follow the echo
        write_stack(tmp_path, ras() + 100 * echo, AFFINE, EchoTime=str(echo), ImageType=kinds[kind])
    found = by_series([Source("head", tmp_path, "series")], Inline())
    assert len(found) == 2
    read, left = [], []
    for source in found:
        files = [piece.path for piece in source.pieces()]
        try:
            read.append(read_volume(tmp_path, files=files).data)
        except OtherImage:
            left.append(source)
    np.testing.assert_array_equal(read, [ras()])
    assert len(left) == 1


def test_water_and_fat_of_one_series_are_two_inputs_whatever_their_numbers(tmp_path: Path):
    for echo, kind in enumerate(("W", "F")):
        words = ["DERIVED", "PRIMARY", kind, kind]
        write_stack(tmp_path, ras() + 1000 * echo, AFFINE, EchoTime=str(echo), ImageType=words)
    files = sorted(tmp_path.rglob("*.dcm"))
    for k, path in enumerate(files):  # as an archive renumbers them: by place, in either order
        header = pydicom.dcmread(path)
        header.EchoTime, header.InstanceNumber = "5", (k * 7) % len(files)
        header.save_as(path)
    found = by_series([Source("head", tmp_path, "series")], Inline())
    heads = [read_volume(tmp_path, files=[piece.path for piece in s.pieces()]) for s in found]
    assert sorted(int(head.data.min()) // 1000 for head in heads) == [0, 1]
    for head in heads:
        np.testing.assert_array_equal(head.data % 1000, ras())
    assert sorted(head.facts["notes"] == [FAT_NOTE] for head in heads) == [False, True]


def nifti(path: Path, data: np.ndarray, **header) -> Path:
    image = nib.Nifti1Image(data, AFFINE)
    for name, value in header.items():
        image.header[name] = value
    nib.save(image, path)
    return path


@pytest.mark.parametrize(
    ("code", "what"), [(5, "statistics"), (1002, "labels"), (1007, "vectors or matrices")]
)
def test_values_that_are_no_grey_levels_by_their_intent_are_refused(tmp_path: Path, code, what):
    path = nifti(tmp_path / "a.nii", ras(), intent_code=code)
    with pytest.raises(VolumeError, match=f"values are {what}") as error:
        read_volume(path)
    assert str(code) in str(error.value.detail)


@pytest.mark.parametrize("code", [0, 1001, 2005])
def test_other_intents_are_no_reason(tmp_path: Path, code):
    volume = read_volume(nifti(tmp_path / "a.nii", ras(), intent_code=code))
    np.testing.assert_array_equal(volume.data, ras())
    assert "intent" not in volume.facts


@pytest.mark.parametrize("shape", [(9, 9, 9), (130, 120, 110)])
def test_labels_are_no_scan_but_a_mask(tmp_path: Path, shape):
    few = np.random.default_rng(0).integers(0, FEWEST_GREYS - 1, shape).astype(np.int16)
    path = nifti(tmp_path / "seg.nii", few, intent_code=0)
    with pytest.raises(VolumeError, match="few grey levels: a mask, or the labels") as error:
        read_volume(path)
    assert error.value.detail == f"{FEWEST_GREYS - 1} values"
    few[0, 0, 0] = FEWEST_GREYS  # one value more is enough, wherever it is
    scan = read_volume(nifti(tmp_path / "scan.nii", few))
    mask = nifti(tmp_path / "mask.nii", (few == 3).astype(np.uint8), intent_code=1002)
    np.testing.assert_array_equal(read_mask(mask, scan), few == 3)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("intercept", [np.nan, np.inf])
def test_an_intercept_that_is_no_number_is_named(tmp_path: Path, kind, intercept):
    path = tmp_path / "a.nii"
    nib.save(kind(ras(), AFFINE), path)
    content = bytearray(path.read_bytes())
    header = kind.header_class(bytes(content[: kind.header_class.sizeof_hdr]), check=False)
    header["scl_slope"], header["scl_inter"] = 2, intercept
    content[: kind.header_class.sizeof_hdr] = header.binaryblock
    path.write_bytes(bytes(content))
    with pytest.raises(VolumeError, match="scl_inter"):
        read_volume(path)


def test_a_segmentation_of_more_labels_is_no_scan_and_8_bits_of_a_scan_are(tmp_path: Path):
    labels = np.repeat(np.arange(1, 65, dtype=np.int16).reshape(4, 4, 4), 5, 0)
    labels = np.pad(labels.repeat(5, 1).repeat(5, 2), 2)
    with pytest.raises(VolumeError, match="labels of a segmentation") as error:
        read_volume(nifti(tmp_path / "aparc.nii", labels))
    assert error.value.detail == "65 values"
    noise = np.random.default_rng(0).integers(0, 40, labels.shape)
    scan = np.clip(labels + noise, 0, 255).astype(np.uint8)
    assert read_volume(nifti(tmp_path / "scan.nii", scan)).data.max() > 64


@pytest.mark.parametrize("name", ["s01.nii.gz", "sub-01/anat/sub-01_T1w.nii.gz"])
@pytest.mark.parametrize("header", PHASES)
def test_a_sidecar_tells_a_phase_too(tmp_path: Path, name: str, header):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    source = Source(name, nifti(path, phantom(1).image.astype(np.int16)), "nifti", who=Who("sub-1"))
    sidecar = path.with_name(path.name.replace(".nii.gz", ".json"))
    sidecar.write_text(json.dumps(header))
    with pytest.raises(OtherImage, match="expected the magnitude"):
        write_head(source, RECIPE, None)
    sidecar.write_text(json.dumps({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}))
    assert DERIVED_NOTE in write_head(source, RECIPE, None).details["notes"]
    sidecar.write_text(json.dumps({"Modality": "MR", "ImageType": "ORIGINAL"}))
    assert DERIVED_NOTE not in write_head(source, RECIPE, None).details["notes"]


@pytest.mark.parametrize(
    "words", [{"ComplexImageComponent": "PHASE"}, {"FrameType": ["ORIGINAL", "PRIMARY", "P"]}]
)
def test_phases_among_the_frames_of_one_file_are_left_out(tmp_path: Path, words):
    """The magnitudes first, then the phases of the same places, as some scanners store them."""
    both = np.concatenate([ras(), 500 - ras()], axis=2)
    path = write_multi_frame(tmp_path / "a.dcm", both, AFFINE, rescale=(1, 0))
    ds = pydicom.dcmread(path)
    groups = ds.PerFrameFunctionalGroupsSequence
    for k in range(5):
        groups[5 + k].PlanePositionSequence = groups[k].PlanePositionSequence
        groups[5 + k].MRImageFrameTypeSequence = [Dataset()]
        for keyword, value in words.items():
            setattr(groups[5 + k].MRImageFrameTypeSequence[0], keyword, value)
    ds.save_as(path)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.data, ras())
    assert volume.facts["notes"] == ["5 frames of a phase were left out"]
    assert volume.facts["frames"] == 10
    for k in range(5):
        groups[k].MRImageFrameTypeSequence = groups[5].MRImageFrameTypeSequence
    ds.save_as(path)
    with pytest.raises(OtherImage, match="expected the magnitude"):
        read_volume(path)


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ({"FrameType": ["DERIVED", "PRIMARY", "DIXON", "FAT"]}, FAT_NOTE),
        ({"FrameType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, DERIVED_NOTE),
        ({"ComplexImageComponent": "REAL"}, REAL_NOTE),
        ({"FrameType": ["DERIVED", "PRIMARY", "DIXON", "WATER"]}, None),
    ],
)
def test_frames_that_are_no_plain_scan_are_noted_whatever_the_file_says(tmp_path, words, note):
    path = write_multi_frame(
        tmp_path / "a.dcm", ras(), AFFINE, ImageType=["DERIVED", "PRIMARY", "MIXED"], rescale=(1, 0)
    )
    ds = pydicom.dcmread(path)
    for group in ds.PerFrameFunctionalGroupsSequence:
        group.MRImageFrameTypeSequence = [Dataset()]
        for keyword, value in words.items():
            setattr(group.MRImageFrameTypeSequence[0], keyword, value)
    ds.save_as(path)
    assert read_volume(path).facts["notes"] == ([note] if note else [])


def test_numbers_too_large_for_32_bits_are_refused(tmp_path: Path):
    with pytest.raises(VolumeError, match=r"beyond 3\.4e38"):
        read_volume(nifti(tmp_path / "a.nii", ras() * 1e300))


def test_a_straightened_scan_is_not_called_tilted(tmp_path: Path):
    image = nib.Nifti1Image(ras(), turn((12, 0, 0)) @ AFFINE)
    nib.save(image, tmp_path / "a.nii")
    assert TILTED in read_volume(tmp_path / "a.nii").facts["notes"]
    straight = read_volume(tmp_path / "a.nii", ReadOptions(straighten_oblique=True))
    assert TILTED not in straight.facts["notes"] and straight.facts["straightened"]
