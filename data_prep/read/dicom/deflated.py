"""Deflated data sets (PS3.5 A.5), inflated in bounded steps: a bomb is refused, not unpacked."""

import struct
import zlib

from data_prep.errors import PrepError

DEFLATED = b"1.2.840.10008.1.2.1.99"
EXPLICIT_LITTLE_ENDIAN = b"1.2.840.10008.1.2.1"
# Deflate can blow 1 MiB up to 1 GiB (zlib.net, "maximum compression factor"). The largest films,
# 43 cm at 0.05 mm and 16 bit, have 150 MiB; several of them in one file still fit.
LARGEST_INFLATED = 2**30
STEP = 2**22
LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UR", b"UT", b"UN")


class InflateError(PrepError):
    """The deflated part is broken, or larger than any film."""


def inflate(data: bytes, limit: int = LARGEST_INFLATED) -> tuple[bytes, bool]:
    """(file as Explicit VR Little Endian, was it deflated); InflateError beyond `limit` bytes."""
    found = _transfer_syntax(data)
    if found is None or data[found[0] : found[1]].rstrip(b"\0 ") != DEFLATED:
        return data, False
    start, end, body = found
    renamed = EXPLICIT_LITTLE_ENDIAN.ljust(end - start, b"\0")
    parts = [data[:start], renamed, data[end:body]]
    unpacker, rest, total = zlib.decompressobj(-zlib.MAX_WBITS), data[body:], 0
    try:
        while rest and not unpacker.eof:
            piece = unpacker.decompress(rest, STEP)
            rest, total = unpacker.unconsumed_tail, total + len(piece)
            parts.append(piece)
            if total > limit:
                raise InflateError(
                    "the deflated data set is larger than any film",
                    detail=f"more than {limit // 2**20:,} MiB",
                    remedy="Leave it out, or export it uncompressed.",
                )
    except zlib.error:
        raise InflateError(
            "the deflated data set is damaged", remedy="Copy or export it again."
        ) from None
    return b"".join(parts), True


def _transfer_syntax(data: bytes) -> tuple[int, int, int] | None:
    """(start, end) of the value of (0002,0010), and where the data set begins (PS3.10 7.1)."""
    position = 132 if data[128:132] == b"DICM" else 0
    value = None
    while data[position : position + 2] == b"\x02\x00" and len(data) >= position + 12:
        element = int.from_bytes(data[position + 2 : position + 4], "little")
        if data[position + 4 : position + 6] in LONG_VRS:
            length, position = struct.unpack_from("<I", data, position + 8)[0], position + 12
        else:
            length, position = struct.unpack_from("<H", data, position + 6)[0], position + 8
        if element == 0x0010:
            value = position, position + length
        position += length
    return None if value is None else (*value, position)
