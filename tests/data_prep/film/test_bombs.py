"""Headers and streams that ask for more than a film has are refused before memory is taken."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.read.dicom.codestream import codestream
from data_prep.read.dicom.deflated import InflateError, inflate

META = b"\0" * 128 + b"DICM" + b"\x02\0\x10\0UI\x16\x001.2.840.10008.1.2.1.99"


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return META + packer.compress(body) + packer.flush()


def refusal(data: bytes) -> FilmError:
    with pytest.raises(FilmError) as error:
        read_film(data)
    assert error.value.remedy
    return error.value


def test_a_deflate_bomb_is_refused_within_its_limit():
    bomb = deflated(b"\0" * 2**26)
    assert len(bomb) < 2**17
    with pytest.raises(InflateError, match="larger than any film"):
        inflate(bomb, limit=2**20)


def test_a_damaged_deflated_film_says_so():
    assert "deflated data set is damaged" in refusal(META + b"\xff" * 64).reason


def test_other_files_are_not_inflated():
    plain = META.replace(b"1.99", b"1\0\0\0") + b"\x08\0"
    assert inflate(plain) == (plain, False)


@pytest.mark.parametrize("syntax", ["", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"])
def test_a_gigapixel_header_is_refused_before_decoding(make_dicom, ramp, syntax):
    path = make_dicom(ramp, frames=[b"\0" * 64], syntax=syntax, Rows=60000, Columns=60000)
    error = refusal(path.read_bytes())
    assert "larger than any film" in error.reason and "60,000 x 60,000" in error.detail


def test_a_codestream_larger_than_its_header_is_refused_before_decoding(make_dicom, ramp):
    size = struct.pack(">HHIIII", 47, 0, 100_000, 100_000, 0, 0)
    stream = b"\xff\x4f\xff\x51" + size + b"\0" * 64
    path = make_dicom(ramp, frames=[stream], syntax="1.2.840.10008.1.2.4.90")
    assert "larger than any film" in refusal(path.read_bytes()).reason


def test_a_codestream_of_another_size_is_a_mismatch(make_dicom, ramp):
    grey = (ramp // 4).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey[:16]).save(file, "JPEG")
    path = make_dicom(grey, frames=[file.getvalue()], syntax="1.2.840.10008.1.2.4.50")
    error = refusal(path.read_bytes())
    assert error.reason == "rows and columns do not match the pixel data"
    assert "16 x 24" in error.detail


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_the_size_of_a_codestream_is_read_without_decoding(kind):
    file = io.BytesIO()
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(file, kind)
    found = codestream(file.getvalue())
    assert found is not None and (found.rows, found.columns, found.samples) == (48, 64, 1)
    for length in range(0, 40):
        assert codestream(file.getvalue()[:length]) in (None, found)


def test_a_gigapixel_png_is_refused(tmp_path):
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    assert "larger than any film" in refusal(data).reason


def test_broken_elements_are_reasons_or_absent_never_foreign_errors(make_dicom, ramp):
    """pydicom raises many kinds when it converts a broken element, with the value in the text."""
    whole = make_dicom(ramp, StudyDate="20200102", WindowCenter="9", WindowWidth="50").read_bytes()
    for old in (b"\x28\0\x10\0US", b"\x28\0\x50\x10DS", b"\xe0\x7f\x10\0OW", b"\x02\0\x02\0UI"):
        assert old in whole
        assert "broken" in refusal(whole.replace(old, old[:4] + b"O\x12")).reason, old
    date = b"\x08\0\x20\0DA"  # a film without a readable date is a film
    assert date in whole
    read_film(whole.replace(date, date[:4] + b"O\x12"))


def test_a_damaged_beginning_of_a_dicom_file_is_known_from_other_files(make_dicom, ramp):
    bare = make_dicom(ramp).read_bytes()[132 + 200 :]
    assert refusal(b" " + bare).reason.startswith(("damaged DICOM", "not an image"))
    assert (
        "damaged DICOM" in refusal(b"\x20\x08\0\x05\0CS\x161.2.840.10008.5.1.4.1.1.1\0\1\2").reason
    )
