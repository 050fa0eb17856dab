"""What a codestream says of itself, read before decoding: a few bytes can ask for gigapixels."""

from __future__ import annotations

from dataclasses import dataclass

J2K_START, JP2_BOX = b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "
SKIPPED = {0xD8, 0x01, *range(0xD0, 0xD8)}  # markers without a length: SOI, TEM, RSTn
# SOF0-SOF15 but DHT, JPG, DAC (ITU-T T.81 table B.1), and JPEG-LS's SOF55 (T.87 C.1.1)
FRAME_HEADERS = (set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}
LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)  # frame headers of Huffman and arithmetic coding (T.81 B.1.1.3)
JPEG_LS, JPEG_2000, RLE = 0xF7, 0, -1  # the last two are no markers


@dataclass(frozen=True)
class Codestream:
    """samples: components; bits: of one sample; marker: of a JPEG's frame header, or the codec.

    signed: only JPEG 2000 says it; the samples of a JPEG are unsigned.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool = False
    marker: int = JPEG_2000

    @property
    def cosine(self) -> bool:
        """True for the DCT of JPEG baseline and extended, which may leave the range of values."""
        return self.marker not in (JPEG_2000, RLE, JPEG_LS, *LOSSLESS)


def codestream(frame: bytes) -> Codestream | None:
    """Read the header of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K frame; None where there is none."""
    if frame[:2] == b"\xff\xd8":
        return _jpeg(frame)
    start = frame[:4096].find(J2K_START) if frame.startswith(JP2_BOX) else 0
    if start >= 0 and frame[start : start + 4] == J2K_START:
        return _jpeg_2000(frame, start + 4)
    return None


def without_jp2(frame: bytes) -> bytes:
    """Return the codestream of a JPEG 2000 frame that is a JP2 file, which PS3.5 8.2.4 rules out.

    Any other frame is returned as it is. The boxes are not walked: in a damaged file that may never
    end.
    """
    if not frame.startswith(JP2_BOX):
        return frame
    start = frame.find(J2K_START)
    return frame[start:] if start >= 0 else b""


def _jpeg(frame: bytes) -> Codestream | None:
    """Walks the marker segments up to the frame header (ITU-T T.81 B.2.2)."""
    position = 2
    while position + 10 <= len(frame) and frame[position] == 0xFF:
        marker = frame[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in SKIPPED:
            position += 2
        elif marker in FRAME_HEADERS:
            rows, columns = _number(frame, position + 5, 2), _number(frame, position + 7, 2)
            bits, samples = frame[position + 4], frame[position + 9]
            return Codestream(rows, columns, samples, bits, marker=marker)
        elif marker == 0xDA:  # the scan begins without a frame header
            return None
        else:
            position += 2 + _number(frame, position + 2, 2)
    return None


def _jpeg_2000(frame: bytes, segment: int) -> Codestream | None:
    """SIZ: the reference grid less the image offset, Csiz, Ssiz (ITU-T T.800 A.5.1)."""
    if len(frame) < segment + 39:
        return None
    right, bottom, left, top = (_number(frame, segment + 4 + 4 * i, 4) for i in range(4))
    samples, depth = _number(frame, segment + 36, 2), frame[segment + 38]
    return Codestream(bottom - top, right - left, samples, (depth & 0x7F) + 1, depth > 0x7F)


def _number(frame: bytes, position: int, size: int) -> int:
    return int.from_bytes(frame[position : position + size], "big")
