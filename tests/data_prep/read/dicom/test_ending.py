"""Streams that stop before their last pixel: no decoder may fill in what is missing."""

import io
import time

import numpy as np
import pytest
from codestreams import (
    END,
    EXTENDED,
    JPEG,
    JPEG_2000,
    JPEG_LS,
    LOSSLESS,
    RLE,
    encoded,
    jpeg,
    waves,
)
from PIL import Image

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.read.dicom import pixels
from data_prep.read.dicom.codestream import codestream
from data_prep.read.dicom.ending import continued, ends, picture_pixels

KINDS = {
    "baseline": (JPEG, {}),
    "labelled extended": (EXTENDED, {}),
    "progressive": (JPEG, {"progressive": True}),
    "restart markers": (JPEG, {"restart_marker_blocks": 5}),
    "lossless": (LOSSLESS, None),
    "lossless, 12 bits": (LOSSLESS, None),
    "JPEG-LS": (JPEG_LS, None),
    "JPEG 2000": (JPEG_2000, None),
    "RLE": (RLE, None),
}


@pytest.fixture(params=KINDS)
def stream(request, tmp_path) -> tuple[str, np.ndarray, bytes]:
    """Transfer syntax, pixels and the frame of one film."""
    syntax, options = KINDS[request.param]
    values = waves(top=4095 if "12" in request.param else 255)
    frame = encoded(values, syntax, tmp_path) if options is None else jpeg(values, **options)
    return syntax, values, frame.rstrip(b"\0") if syntax != RLE else frame


def test_a_stream_without_an_end_mark_is_refused_before_a_decoder_sees_it(
    make_dicom, stream, monkeypatch
):
    """A JPEG-LS decoder takes minutes for what is missing."""
    syntax, values, frame = stream
    if syntax == RLE:
        pytest.skip("RLE has no end mark")
    monkeypatch.setattr(pixels, "_coded", lambda *_: pytest.fail("a decoder was asked"))
    for cut in (frame[: len(frame) // 2], frame[:-2], frame[: len(frame) // 2] + bytes(300)):
        assert ends(frame) and not ends(cut)
        with pytest.raises(FilmError, match="truncated"):
            read_film(make_dicom(values, frames=[cut], syntax=syntax))


@pytest.mark.parametrize("share", [0.35, 0.5, 0.9, 0.98])
def test_a_stream_that_was_cut_and_closed_again_is_refused(make_dicom, stream, share):
    syntax, values, frame = stream
    body = frame if syntax == RLE else frame[: -len(END)]
    cut = body[: int(len(body) * share)].rstrip(b"\xff") + (b"" if syntax == RLE else END)
    started = time.monotonic()
    with pytest.raises(FilmError, match=r"truncated|cannot be decoded"):
        read_film(make_dicom(values, frames=[cut], syntax=syntax))
    assert time.monotonic() - started < 5


def test_a_whole_stream_is_read_whatever_pads_it(make_dicom, stream):
    syntax, values, frame = stream
    right = read_film(make_dicom(values, frames=[frame], syntax=syntax))
    if syntax in (JPEG, EXTENDED):
        assert np.abs(right.image * 255 - values).max() < 20
    else:
        assert right.digest == read_film(make_dicom(values, "native.dcm")).digest
    for padding in (b"\0", b"\xff", b"\0\0\0", b" "):
        padded = make_dicom(values, frames=[frame + padding], syntax=syntax)
        assert read_film(padded).digest == right.digest


@pytest.mark.parametrize("syntax", [JPEG, LOSSLESS])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_border_of_one_grey_level_is_not_taken_for_missing_data(
    make_dicom, tmp_path, syntax, level
):
    """Decoders fill missing pixels with 0 or with the middle grey."""
    values = waves()
    values[-40:] = level
    frame = jpeg(values) if syntax == JPEG else encoded(values, syntax, tmp_path)
    film = read_film(make_dicom(values, frames=[frame], syntax=syntax))
    assert np.abs(film.image * 255 - values).max() < 24


def test_a_thumbnail_inside_a_jpeg_is_not_its_end():
    """EXIF keeps a JPEG of its own in a segment before the scan."""
    thumbnail, frame = jpeg(waves(16)), jpeg(waves())
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = frame[:2] + segment + frame[2:]
    assert ends(whole) and not ends(whole[: len(whole) // 2])
    assert codestream(whole).bits == 8
    np.testing.assert_array_equal(picture_pixels(continued(whole)), picture_pixels(frame))


def test_the_bits_of_a_stream_are_read_without_decoding(stream):
    syntax, values, frame = stream
    if syntax != RLE:
        assert codestream(frame).bits in ((8,) if values.itemsize == 1 else (12, 16))
    for length in range(60):
        codestream(frame[:length])
        ends(frame[:length])
        continued(frame[:length])


@pytest.mark.parametrize("blow", [None, 12, 20])
def test_a_jp2_file_is_read_by_its_codestream_and_its_boxes_are_not_walked(make_dicom, blow):
    """pydicom looks for the codestream box by box, and never ends where one has no length."""
    values = waves(top=255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "JPEG2000", irreversible=False)
    frame = bytearray(buffer.getvalue())
    if blow is not None:
        frame[blow : blow + 4] = bytes(4)
    film = make_dicom(values, frames=[bytes(frame)], syntax=JPEG_2000)
    seconds = time.monotonic()
    found = read_film(film)
    assert time.monotonic() - seconds < 20 and found.digest == read_film(make_dicom(values)).digest
