"""Header and codestream that disagree: on the depth, the high bit, the sign, the components."""

import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from codestreams import (
    EXTENDED,
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
    waves,
)
from PIL import Image

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.depth import DEEPER_NOTE, SIGN_NOTE
from data_prep.read.dicom.file import read_dataset
from data_prep.read.dicom.layout import layout
from data_prep.read.dicom.pixels import is_lossy, stored_frame
from data_prep.read.dicom.stored_values import BITS_NOTE, stored_values

CODECS = (JPEG_2000, JPEG_LS, LOSSLESS)


def ramp_of(bits: int, signed: bool = False) -> np.ndarray:
    low = -(2 ** (bits - 1)) if signed else 0
    values = np.linspace(low, low + 2**bits - 1, 32 * 32).round().astype(int)
    return values.reshape(32, 32).astype(np.int16 if signed else np.uint16)


@pytest.fixture
def film(make_dicom, tmp_path):
    """film(codec, values, bits of the codestream, header...) -> path."""

    def make(codec, values, bits, allocated=16, stored=12, high=None, signed=False, **header):
        encode = {JPEG_2000: jpeg_2000, JPEG_LS: jpeg_ls, LOSSLESS: lossless}[codec]
        frame = encode(values, bits, *([tmp_path] if codec == LOSSLESS else []))
        depth = {
            "BitsAllocated": allocated,
            "BitsStored": stored,
            "HighBit": stored - 1 if high is None else high,
            "PixelRepresentation": int(signed),
        }
        return make_dicom(values, frames=[frame], syntax=codec, **depth, **header)

    return make


def decoded(path) -> tuple[np.ndarray, list[str]]:
    """The stored values of a film as they are understood, and what is noted of them."""
    dataset, notes = read_dataset(path.read_bytes()), []
    words, found = stored_frame(dataset, layout(dataset), 0, notes)
    stored = stored_values(words, found, is_lossy(dataset))
    return stored.integers().astype(int), notes + stored.notes


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("bits", "allocated", "stored"),
    [(12, 16, 10), (14, 16, 12), (14, 16, 13), (16, 16, 15), (12, 8, 8), (9, 8, 8), (16, 8, 8)],
)
@pytest.mark.parametrize("signed", [False, True])
def test_a_codestream_deeper_than_bits_stored_keeps_its_own_values(
    film, codec, bits, allocated, stored, signed
):
    if codec == LOSSLESS and bits == allocated:
        pytest.skip("whole words: see below")
    values = ramp_of(bits, signed)
    path = film(codec, values, bits, allocated, stored, signed=signed)
    found, notes = decoded(path)
    np.testing.assert_array_equal(found, values)
    assert notes == [DEEPER_NOTE]
    image = read_film(path).image
    assert (np.diff(image.ravel()) >= 0).all() and image.min() == 0 and image.max() == 1


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("bits", "allocated", "stored", "high"),
    [
        (12, 16, 12, None),
        (12, 16, 12, 15),  # the codec gives the values at bit 0, whatever the high bit
        (12, 16, 16, None),
        (10, 16, 12, None),
        (8, 16, 12, None),
        (8, 16, 8, None),
        (8, 8, 8, None),
        (16, 16, 16, None),
    ],
)
def test_values_that_fit_are_read_as_they_stand(film, codec, bits, allocated, stored, high, signed):
    if signed and bits != stored and codec != JPEG_2000:
        pytest.skip("a JPEG has no sign that it could carry upwards")
    values = ramp_of(bits, signed)
    found, notes = decoded(film(codec, values, bits, allocated, stored, high, signed))
    np.testing.assert_array_equal(found, values)
    assert notes == []


@pytest.mark.parametrize("codec", CODECS)
def test_whole_words_may_be_wider_than_their_values(film, codec):
    """16 bits coded, 12 of them stored: usual, and no contradiction."""
    values = ramp_of(12)
    found, notes = decoded(film(codec, values, 16))
    np.testing.assert_array_equal(found, values)
    signed = ramp_of(12, signed=True)
    found, more = decoded(film(codec, signed, 16, signed=True))
    np.testing.assert_array_equal(found, signed)
    high, shifted = decoded(film(codec, values << 4, 16, high=15))
    np.testing.assert_array_equal(high, values)
    assert notes == more == [] and len(shifted) == 1


def test_overlay_bits_in_whole_words_are_no_values(film, make_dicom):
    values = ramp_of(12)
    words = values | np.where(np.arange(32) % 7, 0, 0x8000).astype(np.uint16)
    found, notes = decoded(film(LOSSLESS, words, 16))
    np.testing.assert_array_equal(found, values)
    assert notes == [BITS_NOTE]
    parts = rle(words >> 8, words & 255)
    found, notes = decoded(make_dicom(words, frames=[parts], syntax=RLE))
    np.testing.assert_array_equal(found, values)
    assert notes == [BITS_NOTE]
    for codec in (JPEG_2000, JPEG_LS):  # only where the header names them
        path = film(codec, words, 16)
        assert decoded(path)[1] == [DEEPER_NOTE]
        dataset = pydicom.dcmread(path)
        dataset.add_new((0x6000, 0x0102), "US", 15)
        dataset.save_as(path)
        np.testing.assert_array_equal(decoded(path)[0], values)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_the_header_decides_on_the_sign_and_a_contradiction_is_noted(film, bits):
    """As pydicom and ITK: encoders set the flag of JPEG 2000 as they like."""
    allocated = 8 if bits == 8 else 16
    plain, signed = ramp_of(bits), ramp_of(bits, signed=True)
    found, notes = decoded(film(JPEG_2000, signed, bits, allocated, bits))
    np.testing.assert_array_equal(found, signed.astype(int) % 2**bits)
    assert notes == [SIGN_NOTE]
    found, notes = decoded(film(JPEG_2000, plain, bits, allocated, bits, signed=True))
    np.testing.assert_array_equal(
        found, (plain.astype(int) + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
    )
    assert notes == [SIGN_NOTE]
    lower = plain // 2  # no value has the sign's bit
    found, notes = decoded(film(JPEG_2000, lower, bits, allocated, bits, signed=True))
    np.testing.assert_array_equal(found, lower)
    assert notes == []


@pytest.mark.parametrize(("allocated", "stored"), [(16, 12), (16, 8), (16, 16), (8, 8)])
def test_rle_says_its_bytes_by_the_number_of_its_segments(make_dicom, allocated, stored):
    values = ramp_of(8)
    header = {"BitsAllocated": allocated, "BitsStored": stored, "HighBit": stored - 1}
    found, notes = decoded(make_dicom(values, frames=[rle(values)], syntax=RLE, **header))
    np.testing.assert_array_equal(found, values)
    assert notes == []


def test_rle_of_two_bytes_under_a_header_of_one_is_deeper(make_dicom):
    values = ramp_of(12)
    header = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    frame = rle(values >> 8, values & 255)
    found, notes = decoded(make_dicom(values, frames=[frame], syntax=RLE, **header))
    np.testing.assert_array_equal(found, values)
    assert notes == [DEEPER_NOTE]


@pytest.mark.parametrize("depth", [8, 12])
@pytest.mark.parametrize("shape", [(16, 32), (31, 32), (33, 32), (32, 16), (32, 31), (64, 32)])
def test_rle_of_another_size_than_the_header_says_is_refused(make_dicom, depth, shape):
    values = ramp_of(depth)
    parts = [values & 255] if depth == 8 else [values >> 8, values & 255]
    header = {"Rows": shape[0], "Columns": shape[1]}
    pixels = values.astype(np.uint8) if depth == 8 else values
    path = make_dicom(pixels, frames=[rle(*parts)], syntax=RLE, **header)
    with pytest.raises(FilmError, match="rows and columns do not match"):
        read_film(path)


def colour_frames(tmp_path):
    grey = waves(32)
    rgb = np.stack([grey, grey // 2, 255 - grey], axis=2)
    yield JPEG, jpeg(rgb)
    yield JPEG, jpeg(np.stack([grey] * 3, axis=2))
    yield RLE, rle(*np.moveaxis(rgb, 2, 0))
    for kind, syntax in (("JPEG2000", JPEG_2000),):
        Image.fromarray(rgb).save(tmp_path / "colour.j2k", kind, no_jp2=True)
        yield syntax, (tmp_path / "colour.j2k").read_bytes()


def test_a_codestream_of_colour_under_a_header_of_grey_is_refused(make_dicom, tmp_path):
    for syntax, frame in colour_frames(tmp_path):
        path = make_dicom(waves(32), frames=[frame], syntax=syntax)
        for options in (FilmOptions(), FilmOptions(colour="equal")):
            with pytest.raises(FilmError, match="another number of components"):
                read_film(path, options)


def test_a_grey_codestream_under_a_header_of_colour_is_grey(make_dicom):
    grey = waves(32)
    header = {"PhotometricInterpretation": "YBR_FULL_422", "SamplesPerPixel": 3}
    path = make_dicom(grey, frames=[jpeg(grey)], syntax=JPEG, PlanarConfiguration=0, **header)
    with pytest.raises(FilmError, match="a screenshot"):
        read_film(path)
    image = read_film(path, FilmOptions(colour="equal")).image
    assert np.abs(image * 255 - grey).max() < 20


@pytest.mark.parametrize(("allocated", "stored"), [(16, 12), (16, 10), (16, 16), (8, 8)])
def test_twelve_bits_of_jpeg_extended_are_twelve_under_any_header(
    make_dicom, tmp_path, allocated, stored
):
    if shutil.which("dcmcjpeg") is None:
        pytest.skip("dcmtk is not installed")
    values = ramp_of(12)
    plain, coded = make_dicom(values, "plain.dcm"), tmp_path / "coded.dcm"
    subprocess.run(["dcmcjpeg", "+ee", "+q", "100", plain, coded], check=True, capture_output=True)
    header = {"BitsAllocated": allocated, "BitsStored": stored, "HighBit": stored - 1}
    dataset = pydicom.dcmread(coded)
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    dataset.save_as(coded)
    assert dataset.file_meta.TransferSyntaxUID == EXTENDED
    found, notes = decoded(coded)
    assert np.abs(found - values).max() <= 2
    assert notes == ([DEEPER_NOTE] if stored < 12 else [])


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_deeper_codestream_is_read_as_gdcm_reads_it(film, bits):
    gdcm = pytest.importorskip("gdcm")
    for codec in (JPEG_2000, JPEG_LS):
        path = film(codec, ramp_of(bits), bits, stored=bits - 2)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        buffer = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
        other = np.frombuffer(buffer, "<u2").reshape(32, 32)
        np.testing.assert_array_equal(decoded(path)[0], other)
