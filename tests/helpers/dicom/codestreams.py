"""Codestreams as decoders meet them, whole and damaged; and the items of PS3.5 A.4 around them."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

JPEG, EXTENDED, LOSSLESS = (f"1.2.840.10008.1.2.4.{end}" for end in (50, 51, 70))
JPEG_LS, JPEG_2000, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"
END = b"\xff\xd9"
ITEM, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0" + bytes(4)


def waves(side: int = 96, top: int = 255) -> np.ndarray:
    """uint8 or uint16 (side, side): smooth, with grain, so that no two rows are alike."""
    y, x = np.mgrid[:side, :side]
    smooth = 0.5 + 0.4 * np.sin(x / 9) * np.cos(y / 11)
    grain = np.random.default_rng(0).normal(0, 0.02, (side, side))
    return np.clip(top * (smooth + grain), 0, top).astype(np.uint8 if top < 256 else np.uint16)


def jpeg(pixels: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def encoded(pixels: np.ndarray, syntax: str, folder: Path, stored: int = 12) -> bytes:
    """One frame in a lossless codec, with the encoder that the environment has."""
    from pydicom import dcmread
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

    from data_prep.read.dicom.fragments import frame_bytes
    from data_prep.read.dicom.write import save_dicom

    ds, path = Dataset(), folder / "codestream.dcm"
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated = 8 * pixels.itemsize
    ds.BitsStored = 8 if pixels.itemsize == 1 else stored
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    save_dicom(ds, path)
    if syntax == LOSSLESS:
        import gdcm

        reader, change, writer = (
            gdcm.ImageReader(),
            gdcm.ImageChangeTransferSyntax(),
            gdcm.ImageWriter(),
        )
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(path))
        assert writer.Write()
        packed = dcmread(path)
    else:
        packed = dcmread(path)
        try:
            packed.compress(UID(syntax), generate_instance_uid=False)
        except NotImplementedError:
            pytest.skip("pydicom 2.4 has no encoder for this codec")
    frame, _ = frame_bytes(packed, 1, 0, [])
    return frame


def items(*fragments: bytes, table: bytes = b"", end: bytes = SEQUENCE_END) -> bytes:
    """An offset table and fragments as items (PS3.5 A.4), padded to even lengths."""
    padded = (part + b"\0" * (len(part) % 2) for part in (table, *fragments))
    return b"".join(ITEM + struct.pack("<I", len(part)) + part for part in padded) + end


def with_items(path: Path, new: bytes) -> Path:
    """The film with other items as its compressed pixel data."""
    whole = path.read_bytes()
    start = whole.index(b"\xe0\x7f\x10\x00") + 12
    path.write_bytes(whole[:start] + new)
    return path


def with_syntax(path: Path, uid: str) -> Path:
    """The film with another transfer syntax in its file meta information, whatever that is."""
    whole = path.read_bytes()
    start = whole.index(b"\x02\x00\x10\x00UI") + 6
    end = start + 2 + int.from_bytes(whole[start : start + 2], "little")
    value = uid.encode() + b"\0" * (len(uid) % 2)
    path.write_bytes(whole[:start] + struct.pack("<H", len(value)) + value + whole[end:])
    return path


def jpeg_2000(values: np.ndarray, bits: int) -> bytes:
    """One frame of JPEG 2000 of this precision; signed where the values are."""
    from openjpeg.utils import encode_array

    kind = f"{values.dtype.kind}{1 if bits <= 8 else 2}"
    return bytes(encode_array(values.astype(kind), bits_stored=bits, photometric_interpretation=2))


def jpeg_ls(values: np.ndarray, bits: int) -> bytes:
    """One frame of JPEG-LS of this precision; of signed values the lowest bits."""
    import jpeg_ls as charls

    words = (values.astype(np.int64) % 2**bits).astype("u1" if bits <= 8 else "<u2")
    return bytes(charls.encode_buffer(words.tobytes(), *values.shape, 1, bits))


def lossless(values: np.ndarray, bits: int, folder: Path) -> bytes:
    """One frame of JPEG lossless of this precision; of signed values the lowest bits.

    The encoder writes 16 bits. The first value is told as a difference to half the precision and
    the others as differences modulo 2^16 (T.81 H.1.2.1): shifted values fit another precision.
    """
    words = (values.astype(np.int64) % 2**bits + 2**15 - 2 ** (bits - 1)) % 2**16
    frame = bytearray(encoded(words.astype("<u2"), LOSSLESS, folder, stored=16))
    header = frame.index(b"\xff\xc3")
    assert frame[header + 4] == 16
    frame[header + 4] = bits
    return bytes(frame)


def rle(*segments: np.ndarray) -> bytes:
    """One frame of RLE (PS3.5 G) from the bytes of its segments, in literal runs of up to 128."""
    packed = []
    for segment in segments:
        data = segment.astype(np.uint8).tobytes()
        runs = [data[start : start + 128] for start in range(0, len(data), 128)]
        body = b"".join(bytes((len(run) - 1,)) + run for run in runs)
        packed.append(body + b"\0" * (len(body) % 2))
    starts = [64 + sum(len(body) for body in packed[:k]) for k in range(len(packed))]
    return struct.pack("<16I", len(packed), *starts, *[0] * (15 - len(packed))) + b"".join(packed)


def lossless_runs(
    values: np.ndarray, bits: int, rows: int, predictor: int = 1, low: int = 0
) -> list[bytes]:
    """JPEG lossless by hand: its header, then one run of coded data for so many rows.

    Every category has a code of 5 bits, its own number (T.81 H.1.2). ``low`` is Pt.
    """
    height, width = values.shape
    header = b"\xff\xd8\xff\xc4" + struct.pack(">HB16B", 36, 0, *[0] * 4, 17, *[0] * 11)
    header += bytes(range(17)) + b"\xff\xc3" + struct.pack(">HBHHB", 11, bits, height, width, 1)
    header += b"\1\x11\0\xff\xdd" + struct.pack(">HH", 4, rows * width)
    runs = [header + b"\xff\xda\0\x08\1\1\0" + bytes((predictor, 0, low))]
    samples = (values.astype(int) >> low).tolist()
    for first in range(0, height, rows):
        coded = ""
        for row in range(first, min(first + rows, height)):
            for column in range(width):
                a = samples[row][column - 1] if column else 2 ** (bits - low - 1)
                b = samples[row - 1][column] if row > first else a
                c = samples[row - 1][column - 1]
                predicted = (0, a, b, c, a + b - c, a + (b - c >> 1), b + (a - c >> 1), a + b >> 1)
                kind = 1 if row == first else predictor if column else 2
                difference = samples[row][column] - predicted[kind]
                size = abs(difference).bit_length()
                more = difference if difference > 0 else difference + 2**size - 1
                coded += f"{size:05b}" + (f"{more:0{size}b}" if size else "")
        coded += "1" * (-len(coded) % 8)
        packed = bytes(int(coded[k : k + 8], 2) for k in range(0, len(coded), 8))
        runs.append(packed.replace(b"\xff", b"\xff\0"))
    return runs


def with_restarts(runs: list[bytes]) -> bytes:
    """The header and its runs as a stream; the markers RSTm count on from each run's number."""
    parts = [run + bytes((0xFF, 0xD0 + k % 8)) for k, run in enumerate(runs[1:-1])]
    return b"".join((runs[0], *parts, runs[-1], END))
