"""What is stored like a scan and is none: phases, maps, labels, statistics."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_heads import write_multi_frame, write_stack

from data_prep.inputs.parts import by_series
from data_prep.read.volume.open_volume import FEWEST_GREYS, read_mask, read_volume
from data_prep.read.volume.scan_facts import DERIVED_NOTE, MIXED_NOTE, REAL_NOTE
from data_prep.read.volume.volume import OtherImage, VolumeError
from data_prep.source import Source
from data_prep.work.pools import Inline

AFFINE = np.diag([1.5, 2.0, 3.0, 1.0])


def ras() -> np.ndarray:
    return np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5)


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
    {"ImageType": ["P", "PRIMARY"]},  # its third value is the first that a maker chooses
    {"ComplexImageComponent": "MAGNITUDE", "ImageType": ["ORIGINAL", "PRIMARY", "P"]},
    {"Modality": ""},
]


@pytest.mark.parametrize("header", PHASES)
@pytest.mark.parametrize("write", [write_stack, write_multi_frame])
def test_a_phase_image_is_left_out(tmp_path: Path, write, header):
    with pytest.raises(OtherImage, match="expected the magnitude"):
        read_volume(write(tmp_path / "a" / "b", ras(), AFFINE, **header))


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
    with pytest.raises(VolumeError, match="a mask, or the labels") as error:
        read_volume(path)
    assert error.value.detail == f"{FEWEST_GREYS - 1} values"
    few[0, 0, 0] = -9  # one value more is enough, wherever it is
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
