"""What happens seldom to a volume: no preamble, two frames, a header that cannot be read."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_heads import write_multi_frame, write_stack
from heads import turn
from pydicom import dcmread
from pydicom.dataset import Dataset

from data_prep.read.dicom.write import save_dicom
from data_prep.read.volume.background import darkened
from data_prep.read.volume.dicom_damage import is_damaged
from data_prep.read.volume.dicom_enhanced import _planes
from data_prep.read.volume.dicom_geometry import Plane, arrange
from data_prep.read.volume.dicom_groups import series_of
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.resample import box_grid
from data_prep.read.volume.scan_facts import from_sidecar
from data_prep.read.volume.volume import ReadOptions, Volume, VolumeError

AFFINE = np.diag([1.5, 2.0, 3.0, 1.0])
DATA = np.arange(5 * 4 * 6, dtype=np.int16).reshape(5, 4, 6)


def test_slices_without_a_preamble_are_slices(tmp_path: Path):
    folder = write_stack(tmp_path / "a", DATA, AFFINE)
    whole = read_volume(folder).data
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    np.testing.assert_array_equal(read_volume(folder).data, whole)


def test_files_of_two_frames_are_volumes_of_their_own(tmp_path: Path):
    for number in (1, 2):
        write_multi_frame(tmp_path / f"{number}.dcm", DATA[:, :, :2], AFFINE)
    assert [one.frames for one in series_of(sorted(tmp_path.iterdir()))] == [2, 2]


def test_a_localiser_of_the_same_series_is_another_stack(tmp_path: Path):
    write_stack(tmp_path, DATA, AFFINE)
    write_stack(tmp_path, DATA[:, :, :3], turn((90, 0, 0)) @ AFFINE, EchoTime=7)
    assert sorted(len(one.files) for one in series_of(sorted(tmp_path.iterdir()))) == [3, 6]


@pytest.mark.parametrize(("counted", "noted"), [(5, False), (6, False), (9, True)])
def test_a_series_of_fewer_images_than_its_header_counts_is_noted(tmp_path, counted, noted):
    folder = write_stack(tmp_path / "a", DATA, AFFINE, ImagesInAcquisition=str(counted))
    notes = " ".join(read_volume(folder).facts["notes"])
    assert ("the header counts 9 images in the acquisition, and 6 are there" in notes) is noted


def test_directions_on_both_sides_of_a_rounding_edge_are_one_stack(tmp_path: Path):
    folder = write_stack(tmp_path / "a", DATA, AFFINE)
    for number, path in enumerate(sorted(folder.iterdir())):
        header = dcmread(path)
        turned = 0.005 + (1e-6 if number % 2 else -1e-6)
        header.ImageOrientationPatient = [1, turned, 0, -turned, 1, 0]
        save_dicom(header, path)
    (whole,) = series_of(sorted(folder.iterdir()))
    assert len(whole.files) == DATA.shape[2]


@pytest.mark.parametrize("index", [None, 0, 1, 5])
def test_the_only_series_of_a_folder_needs_no_number(tmp_path: Path, index: int | None):
    folder = write_stack(tmp_path / "a", DATA, AFFINE)
    assert read_volume(folder, ReadOptions(series_index=index)).data.shape == DATA.shape


def test_rows_that_run_along_the_columns_are_no_orientation():
    for column in ((1.0, 0.0, 0.0), (0.0, 0.5, 0.0), (float("nan"), 1.0, 0.0)):
        planes = [Plane((0, 0, k), (1.0, 0.0, 0.0), column, (1.0, 1.0)) for k in (0.0, 1.0)]
        with pytest.raises(VolumeError, match="no usable orientation"):
            arrange(planes)


@pytest.mark.parametrize("frames", [None, "many"])
def test_a_multi_frame_file_that_does_not_count_its_frames_is_refused(frames: str | None):
    class Header:
        NumberOfFrames = frames

    with pytest.raises(VolumeError, match="does not say where its frames lie"):
        _planes(Header())


def test_a_header_that_cannot_be_read_is_that_of_a_damaged_file():
    class Broken(Dataset):
        def get(self, *_: object) -> None:
            raise NotImplementedError

    head = bytes(128) + b"DICM" + b"\x08\x00\x16\x00UI\x04\x001.2\0"
    assert is_damaged("a.dcm", head, Broken(), ())
    report = Dataset()
    report.SOPClassUID, report.file_meta = "1.2.840.10008.5.1.4.1.1.88.11", Dataset()
    assert not is_damaged("a.dcm", head, report, ())


def boxed(background: float, *levels: float) -> np.ndarray:
    """A block of grey levels in a background."""
    data = np.full((9, 9, 9), background, np.float32)
    data[2:7, 2:7, 2:7] = np.linspace(levels[0], levels[1], 125).reshape(5, 5, 5)
    return data


def test_a_background_far_below_the_grey_levels_is_set_just_below_them():
    far = darkened(boxed(-1000, -50, 50))
    assert far[0, 0, 0] == np.nextafter(np.float32(-50), np.float32(-np.inf))
    assert darkened(boxed(-1000, 3, 50)).min() == 0
    near = boxed(-51, -50, 50)
    assert darkened(near) is near
    dark = boxed(0, 10, 50)
    assert darkened(dark) is dark


def test_a_background_in_the_midst_of_the_grey_levels_is_set_below_them():
    middle = boxed(0, 5, 50)
    middle[2:4, 2:4, 2:4] = -50
    middle[5, 5, 5] = 0  # with grey on all sides: no background
    found = darkened(middle)
    assert found[0, 0, 0] < -50 and found[5, 5, 5] == 0
    assert (found[2:7, 2:7, 2:7] == middle[2:7, 2:7, 2:7]).all()


def test_a_file_without_orientation_has_its_centre_at_0_mm(tmp_path: Path):
    image = nib.Nifti1Image(DATA, None)
    image.header.set_zooms((1.5, 2.0, 3.0))
    nib.save(image, tmp_path / "a.nii")
    for code in ("RAS", "LPI", "SRP"):
        volume = read_volume(tmp_path / "a.nii", ReadOptions(unoriented=code))
        middle = (np.array(volume.data.shape) - 1) / 2
        np.testing.assert_allclose(volume.affine @ [*middle, 1], [0, 0, 0, 1], atol=1e-6)


@pytest.mark.parametrize(("degrees", "resampled"), [(0, False), (0.5, True), (3, True)])
def test_the_least_tilt_is_straightened_where_that_is_asked_for(
    tmp_path: Path, degrees: float, resampled: bool
):
    nib.save(nib.Nifti1Image(DATA, turn((degrees, 0, 0)) @ AFFINE), tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii", ReadOptions(straighten_oblique=True))
    axes = volume.affine[:3, :3]
    assert np.abs(axes - np.diag(np.diag(axes))).max() < 1e-6
    assert np.array_equal(volume.data, DATA) is not resampled


def test_the_grid_around_a_box_holds_it_and_its_margin():
    """5 x 4 x 6 voxels of 1.5 x 2 x 3 mm from the slice 2 up, 2 mm more on each side."""
    shape, affine = box_grid(Volume(DATA, (1.5, 2.0, 3.0), AFFINE), 1.0, margin_mm=2.0, lowest=2)
    assert shape == (4 * 1.5 + 4 + 1, 3 * 2 + 4 + 1, 3 * 3 + 4 + 1)
    np.testing.assert_allclose(affine, [[1, 0, 0, -2], [0, 1, 0, -2], [0, 0, 1, 4], [0, 0, 0, 1]])
    tilted = Volume(DATA, (1.5, 2.0, 3.0), turn((20, 10, 5)) @ AFFINE)
    (r, a, s), affine = box_grid(tilted, 0.7)
    corners = np.array(np.meshgrid((0, 4), (0, 3), (0, 5))).reshape(3, 8)
    places = np.linalg.inv(affine) @ tilted.affine @ np.vstack([corners, np.ones(8)])
    assert places[:3].min() == pytest.approx(0, abs=1e-9)
    assert (places[:3].max(axis=1) <= [r - 1 + 2e-3, a - 1 + 2e-3, s - 1 + 2e-3]).all()
    assert (places[:3].max(axis=1) > [r - 2, a - 2, s - 2]).all()


def test_every_number_of_a_sidecar_is_in_its_unit_and_within_what_is_believed():
    times = {"RepetitionTime": 2.0, "EchoTime": 0.003, "InversionTime": 0.9}
    others = {"MagneticFieldStrength": 3, "FlipAngle": 9, "SliceThickness": 1.2}
    assert from_sidecar({**times, **others}) == {
        **{"repetition_time_ms": 2000, "echo_time_ms": 3, "inversion_time_ms": 900},
        **{"field_strength_t": 3, "flip_angle_deg": 9, "slice_thickness_mm": 1.2},
    }
    assert from_sidecar(dict.fromkeys((*times, *others), 1e6)) == {}
    assert from_sidecar(dict.fromkeys((*times, *others), -1)) == {}


@pytest.mark.parametrize("keyword", ["TemporalPositionIdentifier", "EchoTime"])
@pytest.mark.parametrize("index", [0, 1])
def test_a_time_point_or_an_echo_is_one_whatever_the_numbers_of_its_slices(
    tmp_path: Path, keyword: str, index: int
):
    for point in (1, 2):
        folder = write_stack(tmp_path / str(point), DATA + point, AFFINE, **{keyword: point})
        for number, path in enumerate(sorted(folder.iterdir())):
            header = dcmread(path)
            header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = (
                f"2.25.{point}{number + 1}"
            )
            header.InstanceNumber = 2 * number + (point + number) % 2
            save_dicom(header, tmp_path / "all" / f"{point}{number}.dcm")
    found = read_volume(tmp_path / "all", ReadOptions(volume_index=index))
    first = read_volume(tmp_path / "1").data
    np.testing.assert_array_equal(found.data - first, np.full(first.shape, index))


@pytest.mark.parametrize(
    ("sequence", "keyword"),
    [("FrameContentSequence", "TemporalPositionIndex"), ("MREchoSequence", "EffectiveEchoTime")],
)
@pytest.mark.parametrize("index", [0, 1])
def test_frames_of_several_time_points_may_come_in_any_order(
    tmp_path: Path, sequence: str, keyword: str, index: int
):
    order = [place for place in range(6) for _ in (0, 1)]
    path = write_multi_frame(tmp_path / "a.dcm", DATA, AFFINE, order=order, rescale=(1, 0))
    header = dcmread(path)
    frames = header.pixel_array.copy()
    for number, groups in enumerate(header.PerFrameFunctionalGroupsSequence):
        point = (number + number // 2) % 2  # 0 1, 1 0, 0 1, ...
        item = Dataset()
        setattr(item, keyword, point + 1)
        setattr(groups, sequence, [item])
        frames[number] += point
    header.PixelData = frames.astype("<i2").tobytes()
    save_dicom(header, path)
    found = read_volume(path, ReadOptions(volume_index=index))
    write_multi_frame(tmp_path / "b.dcm", DATA, AFFINE, rescale=(1, 0))
    first = read_volume(tmp_path / "b.dcm").data
    np.testing.assert_array_equal(found.data - first, np.full(first.shape, index))
