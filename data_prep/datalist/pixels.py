"""Decode one PNG of a data set to its end. Standard library, and Pillow where it is called."""

import warnings
import zlib
from pathlib import Path

MAGIC = b"\x89PNG\r\n\x1a\n"


def damage(path: Path) -> str:
    """Say what is wrong with the pixels of a PNG, "" if nothing; call it in a guarded child.

    Every chunk has a CRC (PNG specification, 5.3), of which Pillow leaves that of the pixels aside.
    """
    wrong = _broken_chunk(path.read_bytes())
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


def _broken_chunk(data: bytes) -> str:
    """Each chunk is length, type, data and CRC of type and data; IEND is the last."""
    place = len(MAGIC)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(data[place + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return "is damaged and cannot be decoded: a checksum is wrong"
        if data[place + 4 : place + 8] == b"IEND":
            return ""
        place = end + 4
    return "is cut off and cannot be decoded"
