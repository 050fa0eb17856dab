"""Whether a codestream comes to its end: a decoder may fill what is missing, or never return.

An end marker alone says little where somebody cut a stream and closed it again. JPEG 2000 has the
length of its tile-parts. A JPEG has none: it is decoded again with noise before its markers
(`continued`). A whole stream gives the same pixels, one that ends early takes the noise for data.
"""

import warnings
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from data_prep.read.dicom.codestream import FRAME_HEADERS, J2K_START, JP2_BOX, JPEG_LS
from data_prep.read.dicom.scans import TABLES, Scan, scans, segments

END = b"\xff\xd9"  # EOI (ITU-T T.81 B.1.1.3) and EOC (T.800 A.4.4) alike
START_OF_TILE_PART = b"\xff\x90"
HUFFMAN_LOSSLESS = 0xC3
TAIL = 256  # samples: no other run of so many has the same codes, but where all are alike
# Any bytes without FF. Decoders fill up with 0, so the first bit is 1. GDCM gives up a stream in
# which several things are odd: then one byte.
NOISES = (bytes(7 * k % 251 + 1 for k in range(24, 280)), b"\xaa")


def is_jpeg(frame: bytes) -> bool:
    """JPEG or JPEG-LS by its first marker, SOI."""
    return frame.startswith(b"\xff\xd8")


def ends(frame: bytes) -> bool:
    """True unless a JPEG, JPEG-LS or JPEG 2000 stream stops before its end marker."""
    if is_jpeg(frame):
        start = next((scan.runs[0][0] for scan in scans(frame)), len(frame))
        return frame.rfind(END) >= start
    start = _codestream(frame)
    return start is None or _tile_parts_end(frame, start)


def continued(frame: bytes, noise: bytes = NOISES[0]) -> bytes:
    """The same JPEG with noise at the end of every run of entropy-coded data (T.81 B.1.1.5)."""
    parts, done = [], 0
    for scan in scans(frame):
        for _, end in scan.runs:
            parts += [frame[done:end], noise]
            done = end
    return b"".join([*parts, frame[done:]])


def frame_header(jpeg: bytes) -> tuple[int, int] | None:
    """Return marker and bits a sample of a JPEG or JPEG-LS frame (T.81 B.2.2); None without one."""
    for marker, position in segments(jpeg):
        if marker in FRAME_HEADERS and position + 5 <= len(jpeg):
            return marker, jpeg[position + 4]
    return None


def ends_early(jpeg: bytes, pixels: np.ndarray, decode: Callable[[bytes], np.ndarray]) -> bool:
    """Return whether a JPEG has no data for its last pixels: decoders fill them without a word.

    pixels: (H, W) or (H, W, C), what ``decode`` made of the stream. It is not decoded again where
    it is lossless and its last bits are those of its last pixels.
    """
    header = frame_header(jpeg) if is_jpeg(jpeg) else None
    if header is None or header[0] == JPEG_LS:
        return False
    if header[0] == HUFFMAN_LOSSLESS and pixels.ndim == 2 and _has_tail(jpeg, header[1], pixels):
        return False
    for noise in NOISES:
        try:
            return not np.array_equal(decode(continued(jpeg, noise)), pixels)
        except MemoryError:
            raise
        except Exception:  # decoders raise many kinds
            continue
    return False


def picture_pixels(jpeg: bytes) -> np.ndarray:
    """Decode a JPEG of 8 bits as it is stored; Pillow raises many kinds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(jpeg), formats=("JPEG",)) as picture:
            return np.asarray(picture)


def _codestream(frame: bytes) -> int | None:
    """Where a JPEG 2000 codestream begins, bare or in a JP2 file; None where it is none."""
    start = frame[:4096].find(J2K_START) if frame.startswith(JP2_BOX) else 0
    return start if start >= 0 and frame.startswith(J2K_START, start) else None


def _has_tail(jpeg: bytes, bits: int, pixels: np.ndarray) -> bool:
    """Return whether a lossless JPEG surely ends with the codes of its last samples (T.81 H.1.2).

    False where that is not sure: several runs of data, a border of one grey level.
    """
    found = list(scans(jpeg))
    if len(found) != 1 or len(found[0].runs) != 1 or not found[0].tables or min(pixels.shape) < 2:
        return False
    (start, end), codes = found[0].runs[0], _codes(jpeg, found[0].tables[0] >> 4)
    differences = _last_differences(found[0], bits, pixels)
    if len(set(differences)) < 2 or not {_category(d) for d in differences} <= set(codes):
        return False
    expected = "".join(codes[_category(d)] + _more_bits(d) for d in differences)
    data = jpeg[max(start, end - len(expected)) : end].replace(b"\xff\0", b"\xff")
    coded = "".join(f"{byte:08b}" for byte in data)
    ending = [coded[: len(coded) - fill].endswith(expected) for fill in range(8)]
    return any(fits and len(set(coded[len(coded) - k :])) < 2 for k, fits in enumerate(ending))


def _last_differences(scan: Scan, bits: int, pixels: np.ndarray) -> list[int]:
    """The last samples less their predictions (table H.1), from -32767 to 32768."""
    low = 2**bits - 1
    last = (pixels[-2:, -TAIL - 1 :].astype(np.int64) & low) >> scan.low
    left, above, corner = last[1, :-1], last[0, 1:], last[0, :-1]
    predicted = {
        1: left,
        2: above,
        3: corner,
        4: left + above - corner,
        5: left + ((above - corner) >> 1),
        6: above + ((left - corner) >> 1),
        7: (left + above) >> 1,
    }.get(scan.first, left)
    return list((32767 + last[1, 1:] - predicted) % 65536 - 32767)


def _codes(jpeg: bytes, number: int) -> dict[int, str]:
    """Bits of the code of each category in the DC table of this number (T.81 B.2.4.2, C.2)."""
    codes: dict[int, str] = {}
    for marker, position in segments(jpeg):
        at = position + 4
        end = position + 2 + int.from_bytes(jpeg[position + 2 : at], "big")
        while marker == TABLES and at + 17 <= end <= len(jpeg):
            table, counts = jpeg[at], jpeg[at + 1 : at + 17]
            symbols, at = iter(jpeg[at + 17 : end]), at + 17 + sum(counts)
            if table == number:
                codes, code = {}, 0
                for length, count in enumerate(counts, 1):
                    for _ in range(count):
                        codes[next(symbols, -1)] = f"{code:0{length}b}"
                        code += 1
                    code *= 2
    return codes


def _category(difference: int) -> int:
    return int(abs(difference)).bit_length()  # SSSS (T.81 table H.2)


def _more_bits(difference: int) -> str:
    """The bits after the code (T.81 F.1.2.1.1); 32768 has none (H.1.2.2)."""
    bits = _category(difference)
    value = difference if difference > 0 else difference + 2**bits - 1
    return f"{value:0{bits}b}" if 0 < bits < 16 else ""


def _tile_parts_end(frame: bytes, start: int) -> bool:
    """Follow the lengths of the tile-parts, Psot (T.800 A.4.2), to the end marker."""
    position = frame.find(START_OF_TILE_PART, start)
    while position >= 0 and frame.startswith(START_OF_TILE_PART, position):
        length = int.from_bytes(frame[position + 6 : position + 10], "big")
        if length < 12:  # 0: to the end marker
            break
        position += length
    return position >= 0 and frame.find(END, position) >= 0
