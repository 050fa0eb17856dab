"""Whether a PNG is whole: Pillow shows missing rows as black and compares no checksum of them.

Standard library, and Pillow where a picture is decoded.
"""

import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples a pixel by colour type (PNG 11.2.1)
# Adam7 (PNG 8.1): first column and row, steps between columns and rows of each pass.
PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
DAMAGED = "is damaged and cannot be decoded: a checksum is wrong"
CUT_OFF = "is cut off and cannot be decoded"


def damage(path: Path) -> str:
    """Say what is wrong with the pixels of a PNG, "" if nothing; call it in a guarded child."""
    wrong = incomplete(path.read_bytes())
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


def incomplete(data: bytes) -> str:
    """Say what a PNG lacks: a chunk, its checksum (PNG 5.3), the last or rows; "" if nothing."""
    header, packed, last = b"", [], b""
    for last, body, sound in chunks(data):
        if not sound:
            return DAMAGED
        if last == b"IHDR":
            header = body
        elif last == b"IDAT":
            packed.append(body)
    if last != b"IEND" or len(header) != 13 or header[9] not in CHANNELS:
        return CUT_OFF
    wanted = _size(header)
    unpacker = zlib.decompressobj()
    try:
        found = len(unpacker.decompress(b"".join(packed), wanted))
        unpacker.decompress(unpacker.unconsumed_tail, 1)  # to the checksum behind the last row
    except zlib.error:
        return DAMAGED
    whole = found == wanted and (unpacker.eof or bool(unpacker.unconsumed_tail))
    return "" if whole else CUT_OFF


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name and body of each chunk up to IEND or the one that is cut, and if its CRC is right."""
    position, name = len(SIGNATURE), b""
    while position + 12 <= len(data) and name != b"IEND":
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            return
        name, body = data[position + 4 : position + 8], data[position + 8 : end]
        yield name, body, zlib.crc32(name + body).to_bytes(4, "big") == data[end : end + 4]
        position = end + 4


def _size(header: bytes) -> int:
    """Bytes of all rows, each with its filter's (PNG 7.2, 8.1)."""
    columns, rows = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * CHANNELS[header[9]]
    passes = PASSES if header[12] else ((0, 0, 1, 1),)
    sizes = ((-(-(columns - x) // dx), -(-(rows - y) // dy)) for x, y, dx, dy in passes)
    return sum(high * (1 + -(-wide * bits // 8)) for wide, high in sizes if wide > 0 and high > 0)
