"""The voxels of a DICOM volume are those that a film of the same header has, or a reason."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from codestreams import (
    JPEG,
    JPEG_2000,
    JPEG_LS,
    LOSSLESS,
    RLE,
    jpeg,
    jpeg_2000,
    jpeg_ls,
    lossless,
    rle,
)
from dicom_heads import write_multi_frame, write_stack
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from data_prep.film.open import read_film
from data_prep.read.dicom.depth import DEEPER_NOTE
from data_prep.read.dicom.display import SLOPE_NOTE
from data_prep.read.dicom.header import COMMA_NOTE
from data_prep.read.dicom.stored_values import SHIFT_NOTE
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.volume import VolumeError

AFFINE = np.diag([2.5, 2.5, 7.5, 1.0])
SIDE, SLICES = 32, 6
UNSIGNED = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}


def head(top: int = 4000) -> np.ndarray:
    """int16 (column, row, slice) in 0..top, smooth, so that a lossy codec keeps it."""
    x, y, z = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j, -1 : 1 : SLICES * 1j]
    return (top * (0.5 + 0.4 * np.sin(3 * x + z) * np.cos(2 * y))).astype(np.int16)


def written(kind: str, folder: Path, data: np.ndarray | None = None, **header: Any) -> Path:
    """One head as a 'stack' or a 'multi-frame' file, in a folder."""
    data = head() if data is None else data
    header = {**UNSIGNED, **header}
    if kind == "stack":
        return write_stack(folder, data, AFFINE, **header)
    return write_multi_frame(folder / "a.dcm", data, AFFINE, rescale=(1, 0), **header).parent


def replaced(folder: Path, *pairs: tuple[bytes, bytes]) -> Path:
    """The files with other bytes of the same length."""
    for path in folder.iterdir():
        content = path.read_bytes()
        for old, new in pairs:
            assert old in content and len(old) == len(new)
            content = content.replace(old, new)
        path.write_bytes(content)
    return folder


def compressed(
    folder: Path, syntax: str, encode: Callable[[np.ndarray], bytes], cut: int | None = None
) -> Path:
    """The files with their frames encoded; of frame `cut` the first half and an end marker."""
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        frames = ds.pixel_array.reshape(-1, SIDE, SIDE)
        coded = [encode(frame) for frame in frames]
        number = int(ds.get("InstanceNumber", 1)) - 1
        for k in range(len(coded)):
            if cut == number + k:
                coded[k] = coded[k][: len(coded[k]) // 2] + b"\xff\xd9"
        ds.PixelData = encapsulate(coded)
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.file_meta.TransferSyntaxUID = UID(syntax)
        ds.save_as(path)
    return folder


def with_stored(folder: Path, bits: int) -> Path:
    """The files with another Bits Stored."""
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        ds.BitsStored, ds.HighBit = bits, bits - 1
        ds.save_as(path)
    return folder


KINDS = pytest.mark.parametrize("kind", ["stack", "multi-frame"])


@KINDS
@pytest.mark.parametrize("values", [("1.5", "-10.5"), ("0.5", "0.25")])
def test_a_decimal_comma_of_the_rescale_is_a_point(kind, values, tmp_path):
    slope, intercept = values
    if kind == "stack":
        folder = written(kind, tmp_path, RescaleSlope=slope, RescaleIntercept=intercept)
    else:
        path = tmp_path / "a.dcm"
        write_multi_frame(path, head(), AFFINE, rescale=values, **UNSIGNED)  # type: ignore[arg-type]
        folder = tmp_path
    right = read_volume(folder)
    np.testing.assert_allclose(right.data, head() * float(slope) + float(intercept))
    assert right.facts["notes"] == []
    pairs = [(v.encode(), v.replace(".", ",").encode()) for v in values if "." in v]
    volume = read_volume(replaced(folder, *pairs))
    np.testing.assert_array_equal(volume.data, right.data)
    assert volume.facts["notes"] == [COMMA_NOTE]


@KINDS
def test_a_decimal_comma_of_a_place_is_a_point(kind, tmp_path):
    right = read_volume(written(kind, tmp_path))
    volume = read_volume(replaced(tmp_path, (b"2.5\\2.5", b"2,5\\2,5"), (b"7.5", b"7,5")))
    assert volume.spacing == right.spacing == pytest.approx((2.5, 2.5, 7.5))
    assert volume.facts["slice_thickness_mm"] == 7.5
    np.testing.assert_array_equal(volume.data, right.data)
    assert volume.facts["notes"] == [COMMA_NOTE]


def test_an_empty_rescale_is_none_a_broken_one_is_refused_and_a_slope_of_0_not_followed(tmp_path):
    empty = written("stack", tmp_path / "e", RescaleSlope="", RescaleIntercept="")
    np.testing.assert_array_equal(read_volume(empty).data, head())
    zero = read_volume(written("stack", tmp_path / "z", RescaleSlope="0", RescaleIntercept="5"))
    np.testing.assert_array_equal(zero.data, head())
    assert zero.facts["notes"] == [SLOPE_NOTE]
    folder = written("stack", tmp_path / "b", RescaleSlope="1.25", RescaleIntercept="0")
    with pytest.raises(VolumeError, match=r"rescale|header"):
        read_volume(replaced(folder, (b"1.25", b"x.25")))


@KINDS
def test_values_above_bit_0_are_shifted_down_as_in_films(kind, tmp_path):
    data = (head().astype(np.int32) << 4).astype(np.uint16).view(np.int16)
    volume = read_volume(written(kind, tmp_path, data, HighBit=15))
    np.testing.assert_array_equal(volume.data, head())
    assert volume.facts["notes"] == [SHIFT_NOTE]


@KINDS
def test_pixels_that_end_early_are_refused(kind, tmp_path):
    folder = written(kind, tmp_path)
    path = sorted(folder.iterdir())[-1]
    ds = pydicom.dcmread(path)
    ds.PixelData = ds.PixelData[:-1000]
    ds.save_as(path)  # its length is that of what is there
    with pytest.raises(VolumeError, match="rows and columns do not match"):
        read_volume(folder)


@KINDS
@pytest.mark.parametrize("codec", ["jpeg_2000", "jpeg_ls", "lossless", "rle"])
def test_an_image_deeper_than_bits_stored_keeps_its_depth_as_in_films(kind, codec, tmp_path):
    syntax, encode = {
        "jpeg_2000": (JPEG_2000, partial(jpeg_2000, bits=12)),
        "jpeg_ls": (JPEG_LS, partial(jpeg_ls, bits=12)),
        "lossless": (LOSSLESS, partial(lossless, bits=12, folder=tmp_path)),
        "rle": (RLE, lambda values: rle(values >> 8, values & 255)),
    }[codec]
    folder = compressed(written(kind, tmp_path / "s"), syntax, encode)
    whole = read_volume(folder)
    np.testing.assert_array_equal(whole.data, head())
    assert whole.facts["notes"] == []
    deeper = read_volume(with_stored(folder, 10))
    if codec == "rle":  # of whole words: what is above Bits Stored is no value (PS3.5 8.1.1)
        np.testing.assert_array_equal(deeper.data, head() & 1023)
    else:
        np.testing.assert_array_equal(deeper.data, head())
        assert deeper.facts["notes"] == [DEEPER_NOTE]
    if kind == "stack":
        film = read_film_of(next(folder.iterdir()))
        assert set(deeper.facts["notes"]) <= set(film.facts["notes"])


def read_film_of(path: Path) -> Any:
    """The slice as a film, under the header of one."""
    ds = pydicom.dcmread(path)
    ds.Modality, ds.SOPClassUID = "DX", "1.2.840.10008.5.1.4.1.1.1.1"
    copy = path.parent.parent / "film.dcm"
    ds.save_as(copy)
    return read_film(copy)


@KINDS
@pytest.mark.parametrize("codec", ["baseline", "lossless", "jpeg_ls", "jpeg_2000"])
def test_a_frame_that_was_cut_and_closed_is_refused(kind, codec, tmp_path):
    header = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7} if codec == "baseline" else {}
    syntax, encode = {
        "baseline": (JPEG, lambda values: jpeg(values.astype(np.uint8))),
        "lossless": (LOSSLESS, partial(lossless, bits=12, folder=tmp_path)),
        "jpeg_ls": (JPEG_LS, partial(jpeg_ls, bits=12)),
        "jpeg_2000": (JPEG_2000, partial(jpeg_2000, bits=12)),
    }[codec]
    for name, cut in (("whole", None), ("cut", 4)):
        folder = written(kind, tmp_path / name, head(200) if header else None)
        compressed(folder, syntax, encode, cut)
        for path in folder.iterdir():
            ds = pydicom.dcmread(path)
            for keyword, value in header.items():
                setattr(ds, keyword, value)
            ds.save_as(path)
    volume = read_volume(tmp_path / "whole")
    np.testing.assert_allclose(volume.data, head(200) if header else head(), atol=6)
    with pytest.raises(VolumeError, match=r"truncated|cannot be decoded"):
        read_volume(tmp_path / "cut")


@KINDS
def test_blanks_around_monochrome1_mean_nothing(kind, tmp_path):
    right = read_volume(written(kind, tmp_path / "a", PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(right.data, 4095 - head())
    blank = written(kind, tmp_path / "b", PhotometricInterpretation=" MONOCHROME1")
    np.testing.assert_array_equal(read_volume(blank).data, right.data)


def test_colour_is_refused(tmp_path):
    folder = written("stack", tmp_path, PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(VolumeError, match="colour DICOM"):
        read_volume(folder)
