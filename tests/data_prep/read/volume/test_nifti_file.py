"""NIfTI by content and to its last byte: names that lie, checksums, ends, axes of length 1."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from data_prep.brain import read_placed
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.volume import ReadOptions, VolumeError

DATA = np.random.default_rng(3).integers(0, 900, (24, 20, 16), np.int16)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


def plain(data: np.ndarray = DATA) -> bytes:
    return nib.Nifti1Image(data, AFFINE).to_bytes()


def packed(data: bytes | None = None) -> bytes:
    return gzip.compress(plain() if data is None else data, mtime=0)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a", "a.gz", "a.img", "a.dat", "A.NII.GZ"])
@pytest.mark.parametrize("content", [plain, packed])
def test_the_content_counts_not_the_name(tmp_path: Path, name: str, content):
    path = written(tmp_path / name, content())
    np.testing.assert_array_equal(read_volume(path).data, DATA)
    volume, place = read_placed(path, ReadOptions())
    np.testing.assert_array_equal(place.restored(volume)[0], DATA)


def test_nifti2_and_a_pair_of_mixed_packing_are_known_by_content(tmp_path: Path):
    path = written(tmp_path / "a", gzip.compress(nib.Nifti2Image(DATA, AFFINE).to_bytes()))
    assert read_volume(path).facts["format"] == "NIfTI-2"
    nib.save(nib.Nifti1Pair(DATA, AFFINE), tmp_path / "b.hdr")
    voxels = tmp_path / "b.img"
    voxels.write_bytes(gzip.compress(voxels.read_bytes()))
    np.testing.assert_array_equal(read_volume(tmp_path / "b.hdr").data, DATA)
    np.testing.assert_array_equal(read_volume(voxels).data, DATA)


@pytest.mark.parametrize("size", [348, 400, 539])
def test_a_nifti2_header_that_is_cut_is_refused(tmp_path: Path, size: int):
    whole = nib.Nifti2Image(DATA, AFFINE).to_bytes()
    with pytest.raises(VolumeError, match="cut short"):
        read_volume(written(tmp_path / "a.nii", whole[:size]))


@pytest.mark.parametrize(
    ("kind", "length"),
    [(nib.Nifti1Image, 1e300), (nib.Nifti2Image, 1e300), (nib.Nifti2Image, 4e-312)],
)
def test_lengths_that_no_voxel_has_are_a_reason(tmp_path: Path, kind, length: float):
    """In the affine they are left aside with a note; in the voxel sizes they refuse the scan."""
    whole = kind(DATA, AFFINE).to_bytes()
    header = kind.header_class(whole[: kind.header_class.sizeof_hdr])

    def file(name: str) -> Path:
        return written(tmp_path / name, header.binaryblock + whole[header.sizeof_hdr :])

    header["qform_code"] = 0
    with np.errstate(all="ignore"):
        header["srow_y"] = np.array([0, length, 0, 0]).astype(header["srow_y"].dtype)
    with pytest.raises(VolumeError, match="no orientation"):
        read_volume(file("a.nii"), ReadOptions(unoriented="refuse"))
    assert "the sform is singular and was left aside" in read_volume(file("a.nii")).facts["notes"]
    header["sform_code"] = 0
    with np.errstate(all="ignore"):
        header["pixdim"][2] = length
    with pytest.raises(VolumeError, match="three positive lengths"):
        read_volume(file("b.nii"))


def test_one_changed_bit_of_a_gzip_file_is_seen_wherever_it_is(tmp_path: Path):
    """Stored blocks: the stream stays readable, so the checksum alone knows."""
    good = gzip.compress(plain(), compresslevel=0, mtime=0)
    for place in (500, len(good) // 2, len(good) - 9, len(good) - 8, len(good) - 4, len(good) - 1):
        bad = bytearray(good)
        bad[place] ^= 1
        for name in ("a.nii.gz", "a.nii"):
            with pytest.raises(VolumeError, match=r"damaged|cut short"):
                read_volume(written(tmp_path / name, bytes(bad)))
    assert read_volume(written(tmp_path / "good.nii.gz", good)).facts["notes"] == []


def test_a_changed_bit_behind_the_chosen_volume_is_seen(tmp_path: Path):
    four = np.stack([DATA, 2 * DATA, 3 * DATA], axis=-1)
    bad = bytearray(gzip.compress(plain(four), compresslevel=0, mtime=0))
    options = ReadOptions(volume_index=1)
    path = written(tmp_path / "a.nii.gz", bytes(bad))
    np.testing.assert_array_equal(read_volume(path, options).data, 2 * DATA)
    bad[-20] ^= 1
    with pytest.raises(VolumeError, match="checksum"):
        read_volume(written(tmp_path / "a.nii.gz", bytes(bad)), options)


@pytest.mark.parametrize("keep", [0.5, -1, -5, -8])
def test_a_cut_gzip_file_is_refused(tmp_path: Path, keep: float):
    whole = packed()
    cut = whole[: int(len(whole) * keep) if keep > 0 else int(keep)]
    with pytest.raises(VolumeError, match="cut short"):
        read_volume(written(tmp_path / "a.nii.gz", cut))


def test_what_follows_a_gzip_stream_is_noted_and_several_streams_are_one(tmp_path: Path):
    for rest in (b"x", b"\r\n", b"rubbish" * 3000):
        volume = read_volume(written(tmp_path / "a.nii.gz", packed() + rest))
        np.testing.assert_array_equal(volume.data, DATA)
        assert volume.facts["notes"] == ["bytes follow the end of the gzip file; they were ignored"]
    halves = [packed(plain()[:5000]), packed(plain()[5000:])]
    for content in (b"".join(halves), packed() + bytes(512)):
        volume = read_volume(written(tmp_path / "a.nii.gz", content))
        np.testing.assert_array_equal(volume.data, DATA)
        assert volume.facts["notes"] == []
    broken = bytearray(packed() + b"rubbish")
    broken[-len(b"rubbish") - 6] ^= 1  # the CRC
    with pytest.raises(VolumeError, match="damaged"):
        read_volume(written(tmp_path / "a.nii.gz", bytes(broken)))


@pytest.mark.parametrize("pack", [bytes, packed])
def test_a_header_that_claims_half_of_the_head_is_refused(tmp_path: Path, pack):
    half = bytearray(plain())
    half[46:48] = (8).to_bytes(2, "little")  # dim[3]
    with pytest.raises(VolumeError, match="holds more than its header claims"):
        read_volume(written(tmp_path / "a", pack(bytes(half))))
    few = read_volume(written(tmp_path / "b", pack(plain() + b"some words")))
    np.testing.assert_array_equal(few.data, DATA)


def test_axes_of_length_1_behind_the_third_do_not_count(tmp_path: Path):
    for ones in ((1,), (1, 1), (1, 1, 1, 1)):
        path = written(tmp_path / "a.nii", plain(DATA.reshape(*DATA.shape, *ones)))
        volume = read_volume(path)
        np.testing.assert_array_equal(volume.data, DATA)
        assert "volume_index" not in volume.facts
    two = np.stack([DATA, 2 * DATA], axis=-1)
    path = written(tmp_path / "two.nii.gz", packed(plain(two[..., None, None])))
    with pytest.raises(VolumeError, match="4-D image with 2 volumes"):
        read_volume(path)
    np.testing.assert_array_equal(read_volume(path, ReadOptions(volume_index=1)).data, 2 * DATA)
    vectors = written(tmp_path / "v.nii", plain(two[..., None, :]))
    with pytest.raises(VolumeError, match="5-D"):
        read_volume(vectors)


def test_numbers_of_every_kind_are_read(tmp_path: Path):
    wide = DATA.astype(np.float64) * 1e-3 - 0.25
    for slope, inter in ((np.nan, np.nan), (0.0, 5.0), (1.0, 0.0)):
        header = nib.Nifti1Header()
        image = nib.Nifti1Image(wide, AFFINE, header)
        content = bytearray(image.to_bytes())
        content[112:120] = np.array([slope, inter], "<f4").tobytes()
        volume = read_volume(written(tmp_path / "a.nii", bytes(content)))
        np.testing.assert_allclose(volume.data, wide.astype(np.float32))
    hu = (DATA - 1024).astype(np.int16)
    np.testing.assert_array_equal(read_volume(written(tmp_path / "h", plain(hu))).data, hu)


def test_sizes_that_the_sform_and_pixdim_say_otherwise_are_a_disagreement(tmp_path: Path):
    """As of an array that was given only its spacing: its head would be squashed."""
    content = bytearray(nib.Nifti1Image(DATA, np.eye(4)).to_bytes())
    content[76:92] = np.array([1, 1, 1, 5], "<f4").tobytes()
    content[252:256] = np.array([0, 2], "<i2").tobytes()  # no qform, a sform
    path = written(tmp_path / "a.nii", bytes(content))
    found = read_volume(path)
    assert found.spacing == pytest.approx((1, 1, 1))
    (note,) = found.facts["notes"]
    assert "1 x 1 x 1 and 1 x 1 x 5); the sform was used" in note
    assert read_volume(path, ReadOptions(disagreement="qform")).spacing == pytest.approx((1, 1, 5))
    with pytest.raises(VolumeError, match="say different sizes of a voxel"):
        read_volume(path, ReadOptions(disagreement="refuse"))
