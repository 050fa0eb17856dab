"""Whatever way a head is stored, `read_volume` gives the same RAS+ array, or says what is wrong."""

import gzip
import re
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from heads import turn
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from data_prep.phantom.brains import make_head
from data_prep.read.volume.open_volume import read_mask, read_volume
from data_prep.read.volume.volume import ReadOptions, VolumeError

SPACING = (1.5, 2.0, 3.0)
CODES = ("RAS", "LAS", "LPI", "LPS", "AIL", "SRP", "PSR", "IRA")


def ras_array() -> np.ndarray:
    return np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5)  # every voxel is different


def ras_image(data: np.ndarray | None = None) -> nib.Nifti1Image:
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (-10, 20, 5)
    return nib.Nifti1Image(ras_array() if data is None else data, affine)


def turned(image: nib.Nifti1Image, code: str) -> nib.Nifti1Image:
    turn = ornt_transform(io_orientation(image.affine), axcodes2ornt(tuple(code)))
    return image.as_reoriented(turn)


def saved(image: nib.Nifti1Image, path: Path) -> Path:
    nib.save(image, path)
    return path


@pytest.mark.parametrize("code", CODES)
def test_eight_orders_of_one_head_give_one_array_spacing_and_affine(code: str, tmp_path: Path):
    volume = read_volume(saved(turned(ras_image(), code), tmp_path / "head.nii.gz"))
    np.testing.assert_array_equal(volume.data, ras_array())
    assert volume.data.dtype == np.float32
    assert volume.spacing == SPACING
    np.testing.assert_allclose(volume.affine, ras_image().affine)
    assert volume.facts["orientation"] == code


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr", "a.img"])
def test_every_nifti_container_is_read(name: str, tmp_path: Path):
    kind = nib.Nifti1Pair if name[-3:] in ("hdr", "img") else nib.Nifti1Image
    image = ras_image()
    nib.save(kind(image.get_fdata().astype(np.int16), image.affine), tmp_path / name)
    np.testing.assert_array_equal(read_volume(tmp_path / name).data, ras_array())


def test_nifti2_and_big_endian_are_read(tmp_path: Path):
    two = nib.Nifti2Image(ras_array(), ras_image().affine)
    assert read_volume(saved(two, tmp_path / "two.nii")).facts["format"] == "NIfTI-2"
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    big = read_volume(saved(nib.Nifti1Image(ras_array(), two.affine, header), tmp_path / "b.nii"))
    np.testing.assert_array_equal(big.data, ras_array())


def test_scaled_integers_come_back_in_their_unit(tmp_path: Path):
    path = saved(ras_image(), tmp_path / "scaled.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into("<ff", content, 112, 4.0, -100.0)  # scl_slope, scl_inter of nifti1.h
    path.write_bytes(content)
    np.testing.assert_array_equal(read_volume(path).data, 4.0 * ras_array() - 100)


def test_nan_and_inf_become_zero_and_are_counted(tmp_path: Path):
    data = ras_array().astype(np.float32)
    data[0, 0, :3] = np.nan, np.inf, -np.inf
    volume = read_volume(saved(ras_image(data), tmp_path / "nan.nii"))
    assert volume.facts["nonfinite_voxels"] == 3
    assert (volume.data[0, 0, :3] == 0).all() and np.isfinite(volume.data).all()


def test_lengths_in_metres_become_millimetres(tmp_path: Path):
    image = nib.Nifti1Image(ras_array(), np.diag([0.0015, 0.002, 0.003, 1]))
    image.header.set_xyzt_units("meter")
    assert read_volume(saved(image, tmp_path / "m.nii")).spacing == SPACING


def test_the_sform_wins_over_the_qform_with_a_note_unless_otherwise_asked(tmp_path: Path):
    image = ras_image()
    image.set_qform(np.diag([-1, 1, 1, 1]) @ image.affine, code=1)
    image.set_sform(image.affine, code=2)
    path = saved(image, tmp_path / "two.nii")
    for chosen, expected in (("sform", ras_array()), ("qform", ras_array()[::-1])):
        volume = read_volume(path, ReadOptions(disagreement=chosen))
        np.testing.assert_array_equal(volume.data, expected)
        assert volume.facts["orientation_source"] == chosen
    by_default = read_volume(path).facts
    assert by_default["orientation_source"] == "sform"
    assert any("qform and sform" in text for text in by_default["notes"])
    with pytest.raises(VolumeError, match=r"place the scan differently.*--disagreement"):
        read_volume(path, ReadOptions(disagreement="refuse"))
    with pytest.raises(ValueError, match="both"):
        ReadOptions(disagreement="both")


def test_a_qform_alone_is_enough(tmp_path: Path):
    image = turned(ras_image(), "LPI")
    image.set_qform(image.affine, code=1)
    image.set_sform(None, code=0)
    volume = read_volume(saved(image, tmp_path / "q.nii"))
    np.testing.assert_array_equal(volume.data, ras_array())
    assert volume.facts["orientation_source"] == "qform"


def unoriented(path: Path) -> Path:
    image = ras_image()
    image.set_qform(None, code=0)
    image.set_sform(None, code=0)
    return saved(image, path)


def test_without_affine_codes_the_order_is_assumed_noted_and_can_be_chosen(tmp_path: Path):
    path = unoriented(tmp_path / "none.nii")
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.data, ras_array())
    assert volume.spacing == SPACING
    assert any("left and right" in text for text in volume.facts["notes"])
    flipped = read_volume(path, ReadOptions(unoriented="LAS"))
    np.testing.assert_array_equal(flipped.data, ras_array()[::-1])
    with pytest.raises(VolumeError, match="states no orientation"):
        read_volume(path, ReadOptions(unoriented="refuse"))
    with pytest.raises(ValueError, match="'RRS'"):
        ReadOptions(unoriented="RRS")


def test_an_oblique_scan_keeps_its_voxels_and_its_angle_is_recorded(tmp_path: Path):
    image = nib.Nifti1Image(ras_array(), turn((12, 0, 0)) @ ras_image().affine)
    volume = read_volume(saved(image, tmp_path / "tilt.nii"))
    np.testing.assert_array_equal(volume.data, ras_array())
    assert volume.facts["obliquity_deg"] == pytest.approx(12, abs=0.1)


def test_straightening_puts_a_ball_where_its_affine_says(tmp_path: Path):
    grid = np.stack(np.meshgrid(*[np.arange(40)] * 3, indexing="ij"), -1)
    ball = np.exp(-(((grid - (12, 25, 30)) ** 2).sum(-1) / 18)).astype(np.float32)
    affine = turn((20, 0, 0)) @ np.diag([2.0, 2.0, 2.0, 1.0])
    truth = affine @ (12, 25, 30, 1)
    path = saved(nib.Nifti1Image(ball, affine), tmp_path / "ball.nii")
    volume = read_volume(path, ReadOptions(straighten_oblique=True))
    assert np.allclose(volume.affine[:3, :3], np.diag(volume.spacing))
    weight = volume.data / volume.data.sum()
    centre = [(weight * axis).sum() for axis in np.indices(weight.shape)]
    np.testing.assert_allclose((volume.affine @ [*centre, 1])[:3], truth[:3], atol=0.2)


def test_one_volume_of_a_4d_file_is_taken_several_are_refused(tmp_path: Path):
    one = saved(ras_image(ras_array()[..., None]), tmp_path / "one.nii.gz")
    np.testing.assert_array_equal(read_volume(one).data, ras_array())
    two = saved(ras_image(np.stack([ras_array(), 2 * ras_array()], -1)), tmp_path / "two.nii.gz")
    with pytest.raises(VolumeError, match=r"4-D image with 2 volumes.*--volume-index.* 0 to 1"):
        read_volume(two)
    second = read_volume(two, ReadOptions(volume_index=1))
    np.testing.assert_array_equal(second.data, 2 * ras_array())
    with pytest.raises(VolumeError, match="has no volume 2"):
        read_volume(two, ReadOptions(volume_index=2))


def broken_files(folder: Path) -> dict[Path, str]:
    """Every way a file can be unusable, and what the error must say."""
    image = ras_image(np.random.default_rng(0).integers(0, 999, (7, 6, 5), np.int16))
    whole = saved(image, folder / "good.nii.gz").read_bytes()
    cases = {
        folder / "cut.nii.gz": ("cut short", whole[: len(whole) // 2]),
        folder / "cut.nii": ("cut short", gzip.decompress(whole)[:500]),
        folder / "head_only.nii": ("cut short|damaged", gzip.decompress(whole)[:100]),
        folder / "empty.nii.gz": ("empty file", b""),
        folder / "text.nii": ("not a NIfTI", b"Dear colleague, " * 100),
        folder / "text.nii.gz": ("not a NIfTI|damaged", b"Dear colleague, " * 100),
    }
    for path, (_, content) in cases.items():
        path.write_bytes(content)
    colour = np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    images = {
        "zero.nii": ("every voxel has the same value", ras_image(np.zeros((7, 6, 5), np.int16))),
        "slice.nii": ("one slice only", ras_image(ras_array()[..., :1])),
        "five.nii": ("5-D", ras_image(np.ones((3, 3, 3, 1, 2), np.int16))),
        "complex.nii": ("complex", ras_image(np.ones((3, 3, 3), np.complex64))),
        "colour.nii": ("colour", ras_image(colour)),
    }
    found = {path: text for path, (text, _) in cases.items()}
    for name, (text, image) in images.items():
        found[saved(image, folder / name)] = text
    return found


def test_each_unusable_file_says_what_is_wrong_and_what_to_do(tmp_path: Path):
    for path, text in broken_files(tmp_path).items():
        with pytest.raises(VolumeError) as caught:
            read_volume(path)
        assert re.search(text, caught.value.reason), (path.name, caught.value.reason)
        assert caught.value.remedy
        assert not re.search(r"\d{2,}", caught.value.reason)  # equal reasons can be counted
    with pytest.raises(VolumeError, match="no such file"):
        read_volume(tmp_path / "gone.nii")


def test_a_header_that_claims_more_than_gzip_can_hold_is_refused_before_memory_is_taken(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header["dim"] = [3, 1200, 1200, 1200, 1, 1, 1, 1]
    header["vox_offset"] = 352
    header["sform_code"] = 1
    header["srow_x"][0] = header["srow_y"][1] = header["srow_z"][2] = 1
    header["magic"] = b"n+1"
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4)))
    with pytest.raises(VolumeError, match="cut short"):
        read_volume(path)


def test_one_slice_is_taken_where_asked_for(tmp_path: Path):
    path = saved(ras_image(ras_array()[..., :1]), tmp_path / "slice.nii")
    assert read_volume(path, ReadOptions(allow_single_slice=True)).data.shape == (7, 6, 1)


def test_a_mask_in_another_order_and_grid_lands_on_the_image(tmp_path: Path):
    head = make_head(np.random.default_rng(3), lesions=2)
    affine = np.diag([2.5, 2.5, 2.5, 1.0])
    image = nib.Nifti1Image(head.image, affine)
    lesion = nib.Nifti1Image(head.mask.astype(np.uint8), affine)
    volume = read_volume(saved(turned(image, "LPI"), tmp_path / "head.nii"))
    same = read_mask(saved(turned(lesion, "AIL"), tmp_path / "mask.nii"), volume)
    np.testing.assert_array_equal(same, head.mask)
    cropped = lesion.slicer[5:, 7:, 3:]  # its affine moves along
    np.testing.assert_array_equal(
        read_mask(saved(cropped, tmp_path / "crop.nii"), volume),
        np.pad(head.mask[5:, 7:, 3:], ((5, 0), (7, 0), (3, 0))),
    )


def test_a_mask_of_another_place_is_refused_and_an_empty_one_is_not(tmp_path: Path):
    volume = read_volume(saved(ras_image(), tmp_path / "head.nii"))
    far = np.eye(4)
    far[:3, 3] = 5000
    path = saved(nib.Nifti1Image(np.ones((4, 4, 4), np.uint8), far), tmp_path / "far.nii")
    with pytest.raises(VolumeError, match="outside of the image"):
        read_mask(path, volume)
    empty = saved(ras_image(np.zeros((7, 6, 5), np.uint8)), tmp_path / "empty.nii")
    assert not read_mask(empty, volume).any()


def test_a_mask_without_orientation_is_not_guessed_onto_an_image_that_has_one(tmp_path: Path):
    volume = read_volume(saved(ras_image(), tmp_path / "head.nii"))
    mask = unoriented(tmp_path / "mask.nii")
    with pytest.raises(VolumeError, match="lesion mask: the file states no orientation"):
        read_mask(mask, volume)
    alike = read_volume(unoriented(tmp_path / "none.nii"))
    np.testing.assert_array_equal(read_mask(mask, alike), ras_array() > 0)


# Which slice of each file is the expected one, and how far values may be off (its manifest).
_SAME = ("01_RAS_int16", "02_LAS_int16", "03_LPI_int16", "04_AIL_int16", "05_qform_only")
_SAME += ("06_no_affine_codes", "07_oblique_12deg", "08_4d_singleton")
EXPECTED_SLICE = {
    **{f"{name}.nii.gz": (30, 0.51) for name in _SAME},
    "10_nan_inf_float32.nii.gz": (10, 1e-3),
    "11_scl_slope4.nii.gz": (30, 4.0),
    "12_big_endian.nii": (6, 0.51),
}
EXPECTED_REASON = {
    "09_4d_two_volumes.nii.gz": "4-D image with 2 volumes",
    "13_truncated.nii.gz": "cut short",
    "14_empty.nii.gz": "empty file",
    "15_all_zero.nii.gz": "every voxel has the same value",
    "16_single_slice.nii.gz": "one slice only",
    "nibabel_example4d.nii.gz": "4-D image with 2 volumes",
    "niftijs_5D_zeros.nii.gz": "5-D",
    "niftijs_not-nifti.nii": "not a NIfTI",
}


def test_every_real_file_is_read_or_refused_for_the_right_reason(edge_cases, expected_slice):
    assert len(edge_cases) >= 23
    for name, path in edge_cases.items():
        if name in EXPECTED_REASON:
            with pytest.raises(VolumeError, match=EXPECTED_REASON[name]):
                read_volume(path)
            continue
        volume = read_volume(path)
        assert np.isfinite(volume.data).all() and np.ptp(volume.data) > 0, name
        if name in EXPECTED_SLICE:
            index, tolerance = EXPECTED_SLICE[name]
            first = 5 if "nan_inf" in name else 0  # its NaN block is at x < 5
            difference = np.abs(volume.data[..., index] - expected_slice)[first:]
            assert np.sort(difference.ravel())[-2] <= tolerance, name  # one voxel was Inf


def test_the_files_refused_by_default_are_read_where_asked_for(edge_cases, expected_slice):
    for name, index, options in (
        ("09_4d_two_volumes.nii.gz", 30, ReadOptions(volume_index=0)),
        ("16_single_slice.nii.gz", 0, ReadOptions(allow_single_slice=True)),
    ):
        volume = read_volume(edge_cases[name], options)
        assert np.abs(volume.data[..., index] - expected_slice).max() < 0.51


def test_every_volume_of_the_pack_that_is_no_edge_case_is_read(real_data, volumes):
    rows = [row for row in volumes if not row["category"].startswith("edge")]
    assert len(rows) >= 66  # 60 heads, 3 with multiple sclerosis, 3 templates
    for row in rows:
        volume = read_volume(real_data / row["path"])
        assert volume.facts["orientation"] == row["orientation"], row["path"]
        assert sorted(volume.facts["shape"]) == sorted(volume.data.shape)
        assert np.isfinite(volume.data).all()


def test_a_sheared_sform_is_refused_unless_it_is_to_be_straightened(tmp_path: Path):
    image = ras_image()
    sheared = image.affine.copy()
    sheared[1, 2] = 0.5 * sheared[2, 2]
    image = nib.Nifti1Image(ras_array(), None)
    image.set_sform(sheared, code=2)
    path = saved(image, tmp_path / "shear.nii")
    with pytest.raises(VolumeError, match="sheared"):
        read_volume(path)
    straight = read_volume(path, ReadOptions(straighten_oblique=True))
    assert np.allclose(straight.affine[:3, :3], np.diag(straight.spacing))
