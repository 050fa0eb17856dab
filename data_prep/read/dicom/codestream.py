"""Rows and columns by the codestream, read before decoding: a few bytes can ask for gigapixels."""

J2K_START, JP2_BOX = b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "
SKIPPED = {0xD8, 0x01, *range(0xD0, 0xD8)}  # markers without a length: SOI, TEM, RSTn
# SOF0-SOF15 but DHT, JPG, DAC (ITU-T T.81 table B.1), and JPEG-LS's SOF55 (T.87 C.1.1)
FRAME_HEADERS = (set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}


def coded_size(frame: bytes) -> tuple[int, int] | None:
    """(rows, columns) of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K frame; None where it says none."""
    if frame[:2] == b"\xff\xd8":
        return _jpeg(frame)
    start = frame[:4096].find(J2K_START) if frame.startswith(JP2_BOX) else 0
    if start >= 0 and frame[start : start + 4] == J2K_START:
        return _jpeg_2000(frame, start + 4)
    return None


def _jpeg(frame: bytes) -> tuple[int, int] | None:
    """Walks the marker segments up to the frame header (ITU-T T.81 B.2.2)."""
    position = 2
    while position + 9 <= len(frame) and frame[position] == 0xFF:
        marker = frame[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in SKIPPED:
            position += 2
        elif marker in FRAME_HEADERS:
            return _number(frame, position + 5, 2), _number(frame, position + 7, 2)
        elif marker == 0xDA:  # the scan begins without a frame header
            return None
        else:
            position += 2 + _number(frame, position + 2, 2)
    return None


def _jpeg_2000(frame: bytes, segment: int) -> tuple[int, int] | None:
    """SIZ: the reference grid less the image offset (ITU-T T.800 A.5.1)."""
    if len(frame) < segment + 20:
        return None
    right, bottom, left, top = (_number(frame, segment + 4 + 4 * i, 4) for i in range(4))
    return bottom - top, right - left


def _number(frame: bytes, position: int, size: int) -> int:
    return int.from_bytes(frame[position : position + size], "big")
