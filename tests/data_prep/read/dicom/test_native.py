"""Compressed pixel data called native, native ones called compressed, too few and too many."""

import numpy as np
import pytest
from codestreams import (
    JPEG,
    JPEG_2000,
    JPEG_LS,
    LOSSLESS,
    RLE,
    items,
    jpeg,
    jpeg_2000,
    jpeg_ls,
    lossless,
    rle,
    with_items,
    with_syntax,
)

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.read.dicom.layout import LONGER_NOTE

NATIVE = "1.2.840.10008.1.2.1"
CALLED_NATIVE = "compressed pixel data, but the header says that it is not compressed"


def noise(top: int) -> np.ndarray:
    """Noise is longer when it is compressed: the length alone gives nothing away."""
    kind = np.uint8 if top < 256 else np.uint16
    return np.random.default_rng(0).integers(0, top + 1, (64, 64)).astype(kind)


def frames(folder):
    words = noise(4095)
    yield JPEG, noise(255), jpeg(noise(255)) + bytes(4096)
    yield JPEG_2000, words, jpeg_2000(words, 12)
    yield JPEG_LS, words, jpeg_ls(words, 12)
    yield LOSSLESS, words, lossless(words, 12, folder)
    yield RLE, words, rle(words >> 8, words & 255)


def reason(path) -> str:
    with pytest.raises(FilmError) as error:
        read_film(path)
    return error.value.reason


def test_compressed_data_called_native_are_refused_however_long_they_are(make_dicom, tmp_path):
    for syntax, pixels, frame in frames(tmp_path):
        for longer in (b"", bytes(2 * pixels.nbytes)):
            path = make_dicom(pixels, frames=[frame + longer], syntax=syntax)
            assert reason(with_syntax(path, NATIVE)) == CALLED_NATIVE, syntax


def test_a_length_does_not_make_them_native(make_dicom, tmp_path):
    for syntax, pixels, frame in frames(tmp_path):
        for end in (items(), b""):
            data = items(frame, bytes(8192), end=end)
            path = make_dicom(pixels, frames=[data])
            assert reason(path) == CALLED_NATIVE, syntax
        if syntax != RLE:  # without items: the codestream has the image's size
            path = make_dicom(pixels, frames=[frame + bytes(8192)])
            assert reason(path) == CALLED_NATIVE, syntax


def test_native_data_called_compressed_are_refused(make_dicom):
    for syntax in (JPEG, JPEG_2000, JPEG_LS, LOSSLESS, RLE, "1.2.840.10008.1.2.4.201"):
        path = with_syntax(make_dicom(noise(4095)), syntax)
        assert reason(path) == "no compressed frame in the pixel data"
        whole = with_items(make_dicom(noise(4095), frames=[b"\0"], syntax=syntax), b"")
        assert "compressed frame" in str(reason(whole)) or "truncated" in reason(whole)


@pytest.mark.parametrize("missing", [2, 128, 4096, 8190])
def test_native_data_too_short_are_refused(make_dicom, missing):
    path = make_dicom(noise(4095), frames=[noise(4095).tobytes()[:-missing]])
    assert reason(path) == "rows and columns do not match the pixel data"


@pytest.mark.parametrize("more", [2, 128, 8192])
def test_native_data_that_are_longer_than_the_image_are_noted(make_dicom, more):
    expected = read_film(make_dicom(noise(4095), "right.dcm"))
    film = read_film(make_dicom(noise(4095), frames=[noise(4095).tobytes() + bytes(more)]))
    np.testing.assert_array_equal(film.image, expected.image)
    assert film.facts["notes"] == [LONGER_NOTE] and "notes" not in expected.facts


def test_bytes_that_begin_like_an_item_are_pixels_all_the_same(make_dicom):
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16
    values[0, :2] = 0xFFFE, 0xE000
    film = read_film(make_dicom(values, BitsStored=16, HighBit=15))
    assert film.image[0, 0] > film.image[0, 1] > 0.8 and "notes" not in film.facts
