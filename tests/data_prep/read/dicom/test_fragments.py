"""Compressed frames that an offset table, an end mark or a header tells wrongly (PS3.5 A.4)."""

import shutil
import struct
import subprocess

import numpy as np
import pytest
from codestreams import (
    EXTENDED,
    JPEG,
    JPEG_2000,
    JPEG_LS,
    LOSSLESS,
    RLE,
    encoded,
    items,
    jpeg,
    waves,
    with_items,
    with_syntax,
)
from PIL import Image

from data_prep.errors import FilmError
from data_prep.film.open import films, read_film
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.fragments import NO_END_NOTE, TABLE_NOTE
from data_prep.read.dicom.layout import PAD_NOTE

GREY = waves()
FRAME = jpeg(GREY)
HALF = len(FRAME) // 4 * 2


@pytest.fixture
def film(make_dicom):
    """film(items) -> path of an 8-bit JPEG film with these items."""

    def make(new: bytes, syntax: str = JPEG, **header):
        return with_items(make_dicom(GREY, frames=[b"\0\0"], syntax=syntax, **header), new)

    return make


WIDE = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}
WHOLE = {"one": [FRAME], "two": [FRAME[:HALF], FRAME[HALF:]]}
TABLES = {
    "beyond the end": struct.pack("<I", 4242),
    "not the first": struct.pack("<I", 8),
    "two of one": struct.pack("<II", 0, 8),
    "letters": b"wrong!!!",
    "an odd number of bytes": b"\1\2\3\4\5\6",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("parts", WHOLE)
def test_of_one_frame_all_fragments_are_the_frame_whatever_the_table_says(film, parts, table):
    right = read_film(film(items(*WHOLE[parts])))
    wrong = read_film(film(items(*WHOLE[parts], table=TABLES[table])))
    assert wrong.digest == right.digest
    assert TABLE_NOTE in wrong.facts["notes"] and "notes" not in right.facts


@pytest.mark.parametrize(
    ("offsets", "lengths", "fits"),
    [
        ([0], [len(FRAME)], True),
        ([0], [77], False),
        ([0], [2**63], False),
        ([16], [len(FRAME)], False),
        ([0, 9], [1, 2], False),
    ],
)
def test_an_extended_offset_table_is_not_believed_either(film, offsets, lengths, fits):
    header = {
        "ExtendedOffsetTable": struct.pack(f"<{len(offsets)}Q", *offsets),
        "ExtendedOffsetTableLengths": struct.pack(f"<{len(lengths)}Q", *lengths),
    }
    found = read_film(film(items(FRAME), **header))
    assert found.digest == read_film(film(items(FRAME))).digest
    assert (TABLE_NOTE in found.facts.get("notes", ())) == (not fits)


def test_a_first_item_that_is_no_table_is_a_fragment(film):
    right = read_film(film(items(FRAME))).digest
    bare = items(FRAME)[8:]  # without the item of the table
    assert read_film(film(bare)).digest == right
    two = items(*WHOLE["two"])[8:]
    assert read_film(film(two)).digest == right


def each(path) -> list[str]:
    return [found.digest for found in films(path.read_bytes(), FilmOptions(frames="each"))]


def test_frames_are_told_apart_by_the_table_or_by_their_codestreams(film):
    other = jpeg(np.flipud(GREY).copy())
    parts = [FRAME[:HALF], FRAME[HALF:], other[:HALF], other[HALF:]]
    first = sum(8 + len(part) + len(part) % 2 for part in parts[:2])
    right = each(film(items(FRAME, other), NumberOfFrames="2"))
    assert len(set(right)) == 2
    for table in (struct.pack("<II", 0, first), struct.pack("<II", 0, 12), b""):
        assert each(film(items(*parts, table=table), NumberOfFrames="2")) == right


@pytest.mark.parametrize("frames", ["3", "9"])
def test_frames_that_nothing_tells_apart_are_refused(film, frames):
    four = items(FRAME[:HALF], FRAME[HALF:], FRAME[:4], FRAME[4:])
    with pytest.raises(FilmError, match="frames cannot be told apart"):
        each(film(four, NumberOfFrames=frames))


def test_no_end_mark_is_a_note_and_a_cut_file_is_said_to_be_cut(film):
    whole = items(FRAME, end=b"")
    right = read_film(film(items(FRAME))).digest
    found = read_film(film(whole))
    assert found.digest == right and NO_END_NOTE in found.facts["notes"]
    if len(FRAME) % 2:  # the padding of the last fragment alone is missing
        assert read_film(film(whole[:-1])).digest == right
    for left in (len(whole) - 3, len(whole) // 2, 40, 12, 8, 4):
        with pytest.raises(FilmError, match="truncated: the file ends inside the pixel data"):
            read_film(film(whole[:left]))
    for nothing in (items(), b"not in items"):
        with pytest.raises(FilmError, match="no compressed frame"):
            read_film(film(nothing))


@pytest.mark.parametrize("syntax", [JPEG, EXTENDED, LOSSLESS, JPEG_LS, JPEG_2000, RLE])
def test_a_stream_of_8_bits_in_a_header_of_16_is_read(make_dicom, tmp_path, syntax):
    """As dcmtk and GDCM; the film is that of a header of 8 bits."""
    frame = FRAME if syntax in (JPEG, EXTENDED) else encoded(GREY, syntax, tmp_path)
    right = read_film(make_dicom(GREY, "8.dcm", frames=[frame], syntax=syntax))
    found = read_film(make_dicom(GREY, "16.dcm", frames=[frame], syntax=syntax, **WIDE))
    assert found.digest == right.digest
    np.testing.assert_array_equal(found.image, right.image)
    np.testing.assert_allclose(found.image * 255, GREY, atol=20)


AS_DCMTK = {
    "wrong table": ({}, TABLES["beyond the end"]),
    "wide header": (WIDE, b""),
    "slope 0": ({"RescaleSlope": "0", "RescaleIntercept": "7"}, b""),
}


@pytest.mark.skipif(shutil.which("dcmj2pnm") is None, reason="no dcmtk")
@pytest.mark.parametrize("name", AS_DCMTK)
def test_dcmtk_shows_the_same(film, tmp_path, name):
    header, table = AS_DCMTK[name]
    path, shown = film(items(FRAME, table=table), **header), tmp_path / "shown.png"
    subprocess.run(["dcmj2pnm", "+on", path, shown], check=True, capture_output=True)
    with Image.open(shown) as picture:
        np.testing.assert_allclose(read_film(path).image * 255, np.asarray(picture), atol=1)


def test_encapsulated_uncompressed_frames_are_read(make_dicom, ramp):
    """PS3.5 A.4.11."""
    syntax, native = "1.2.840.10008.1.2.1.98", make_dicom(ramp, "native.dcm")
    data = ramp.astype("<u2").tobytes()
    found = read_film(make_dicom(ramp, "items.dcm", frames=[data], syntax=syntax))
    assert found.digest == read_film(native).digest
    with pytest.raises(FilmError, match="truncated"):
        read_film(make_dicom(ramp, "short.dcm", frames=[data[:-2]], syntax=syntax))


@pytest.mark.parametrize(
    ("uid", "said"),
    [
        ("1.2.840.10008.1.2.4.110", "JPEG XL Lossless"),
        ("1.2.840.10008.1.2.4.112", "JPEG XL"),
        ("1.2.840.10008.1.2.4.94", "JPIP Referenced"),
        ("1.2.840.10008.1.2.4.55", "JPEG Full Progression"),
        ("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression"),
        ("1.2.840.10008.1.2.4.999", "not known here"),
        ("1.2.840.10008.5.1.4.1.1.1", "the UID of something else"),
        ("1.2.840.113619.5.2", "a private transfer syntax"),
    ],
)
def test_a_syntax_that_nobody_decodes_is_named_and_no_package_is_asked_for(film, uid, said):
    with pytest.raises(FilmError) as error:
        read_film(with_syntax(film(items(FRAME)), uid))
    assert error.value.reason.startswith("unsupported transfer syntax") and said in str(error.value)
    assert "pip" not in error.value.remedy and "uncompressed" in error.value.remedy
    assert uid not in str(error.value)


@pytest.mark.parametrize("side", [31, 97])
def test_a_film_without_its_pad_byte_is_read_with_a_note(make_dicom, side):
    odd = waves(side)
    right = read_film(make_dicom(odd, "right.dcm"))
    path = make_dicom(odd)
    path.write_bytes(path.read_bytes()[:-1])
    found = read_film(path)
    assert found.digest == right.digest and found.facts["notes"] == [PAD_NOTE]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FilmError, match="truncated"):
        read_film(path)
    even = make_dicom(odd[:-1, :-1].copy(), "even.dcm")
    even.write_bytes(even.read_bytes()[:-1])
    with pytest.raises(FilmError, match="truncated"):
        read_film(even)
