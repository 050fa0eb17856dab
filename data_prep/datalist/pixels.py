"""Decode one PNG of a data set to its end. Standard library, and Pillow where it is called."""

import warnings
import zlib
from pathlib import Path

MAGIC = b"\x89PNG\r\n\x1a\n"


def damage(path: Path) -> str:
    """Say what is wrong with the pixels of a PNG, "" if nothing; call it in a guarded child.

    Every chunk has a CRC (PNG specification, 5.3), of which Pillow leaves that of the pixels aside.
    """
    wrong = _broken(path.read_bytes())
    if wrong:
        return wrong
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow's, of sizes that are no image's
            with Image.open(path, formats=("PNG",)) as picture:
                picture.load()
    except MemoryError:
        raise
    except Exception:  # Pillow raises many kinds on damaged files
        return "cannot be decoded"
    return ""


def _broken(data: bytes) -> str:
    """Each chunk is length, type, body and CRC of type and body; IEND is the last."""
    place, kind, packed, header = len(MAGIC), b"", [], b""
    while place + 12 <= len(data) and kind != b"IEND":
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        kind, body = data[place + 4 : place + 8], data[place + 8 : end]
        if end + 4 > len(data):
            break
        if zlib.crc32(kind + body) != int.from_bytes(data[end : end + 4], "big"):
            return "is damaged and cannot be decoded: a checksum is wrong"
        header = body if kind == b"IHDR" else header
        packed += [body] if kind == b"IDAT" else []
        place = end + 4
    else:
        if kind == b"IEND" and _has_all_rows(header, b"".join(packed)):
            return ""
    return "is cut off and cannot be decoded"


def _has_all_rows(header: bytes, packed: bytes) -> bool:
    """True where all rows of grey pixels are there, each with its filter's byte (PNG 7.2).

    Pillow shows missing ones as black. Of interlaced pictures and colours nothing is counted.
    """
    columns, rows = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    depth, colour, interlaced = header[8], header[9], header[12]
    wanted = 0 if colour or interlaced else rows * (1 + -(-columns * depth // 8))
    unpacker = zlib.decompressobj()
    try:
        found = len(unpacker.decompress(packed, wanted + 1))
    except zlib.error:
        return False
    return found >= wanted
