"""Deflated data sets are inflated as they were, up to a limit, and others are left alone."""

import io
import zlib

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from data_prep.read.dicom.deflated import InflateError, inflate


def stored(syntax: UID, note: str = "") -> bytes:
    """A file as another program writes it, whose preamble is 128 zeros."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    one.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    one.file_meta.TransferSyntaxUID = syntax
    if note:
        one.file_meta.SourceApplicationEntityTitle = note
    one.SOPClassUID, one.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    one.Modality, one.Rows, one.Columns, one.BitsAllocated = "DX", 32, 48, 16
    one.add_new("PixelData", "OW", np.arange(32 * 48, dtype="<u2").tobytes())
    stream = io.BytesIO()
    one.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@pytest.mark.parametrize("note", ["", "ARCHIVE"])
@pytest.mark.parametrize("preamble", [True, False])
def test_a_deflated_file_is_read_as_the_plain_one(note, preamble):
    data = stored(DeflatedExplicitVRLittleEndian, note)
    plain, was = inflate(data if preamble else data[132:])
    assert was and plain[128:132] == (b"DICM" if preamble else plain[128:132])
    found, expected = (
        dcmread(io.BytesIO(content), force=True)
        for content in (plain, stored(ExplicitVRLittleEndian, note))
    )
    assert found == expected
    assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert found.file_meta.get("SourceApplicationEntityTitle", "") == note


@pytest.mark.parametrize("preamble", [True, False])
def test_others_are_left_alone(preamble):
    plain = stored(ExplicitVRLittleEndian)[0 if preamble else 132 :]
    for data in (plain, plain[:140], b"", b"\x02\x00", b"no DICOM at all" * 20):
        assert inflate(data) == (data, False)


def test_the_limit_is_the_last_size_that_is_taken():
    data = stored(DeflatedExplicitVRLittleEndian)
    whole, _ = inflate(data)
    body = len(whole) - whole.index(b"\x08\x00\x16\x00")
    assert inflate(data, limit=body) == (whole, True)
    with pytest.raises(InflateError) as error:
        inflate(data, limit=body - 1)
    assert error.value.detail == "more than 0 MiB"
    with pytest.raises(InflateError) as error:
        head = data[: data.index(DeflatedExplicitVRLittleEndian.encode())]
        head += DeflatedExplicitVRLittleEndian.encode()
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        inflate(head + packer.compress(bytes(2**22)) + packer.flush(), limit=2**21)
    assert error.value.detail == "more than 2 MiB"


def test_a_damaged_one_is_refused():
    data = stored(DeflatedExplicitVRLittleEndian)
    start = data.index(DeflatedExplicitVRLittleEndian.encode()) + 40
    with pytest.raises(InflateError, match="the deflated data set is damaged"):
        inflate(data[:start] + b"\xff" * 64)
