"""Whether a codestream comes to its end: a decoder may fill what is missing, or never return.

An end marker alone says little where somebody cut a stream and closed it again. JPEG 2000 has the
length of its tile-parts. A JPEG has none: it is decoded again with noise before its markers
(`continued`). A whole stream gives the same pixels, one that ends early takes the noise for data.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from data_prep.read.dicom.codestream import FRAME_HEADERS, J2K_START, JP2_BOX, JPEG_LS, LOSSLESS

END = b"\xff\xd9"  # EOI (ITU-T T.81 B.1.1.3) and EOC (T.800 A.4.4) alike
START_OF_TILE_PART = b"\xff\x90"
NO_LENGTH = {0x01, 0xD8, *range(0xD0, 0xD8)}  # TEM, SOI, RSTn
SCAN, STOP, RESTART_INTERVAL = 0xDA, 0xD9, 0xDD
# In a scan FF is followed by 00, or by a byte below 80 in JPEG-LS (T.87 A.1); this is a marker.
MARKER = re.compile(rb"\xff+[\x80-\xfe]")
# Any bytes without FF. GDCM gives up a stream in which several things are odd: then one byte.
NOISES = (bytes(7 * k % 251 + 1 for k in range(256)), b"\x55")


def is_jpeg(frame: bytes) -> bool:
    """JPEG or JPEG-LS by its first marker, SOI."""
    return frame.startswith(b"\xff\xd8")


def ends(frame: bytes) -> bool:
    """True unless a JPEG, JPEG-LS or JPEG 2000 stream stops before its end marker."""
    if is_jpeg(frame):
        scan = next((start for start, _ in _scans(frame)), len(frame))
        return frame.rfind(END) >= scan
    start = _codestream(frame)
    return start is None or _tile_parts_end(frame, start)


def continued(frame: bytes, noise: bytes = NOISES[0]) -> bytes:
    """The same JPEG with noise at the end of every run of entropy-coded data (T.81 B.1.1.5).

    Where restart markers part the runs, one more run follows: a scan may stop between two.
    """
    restarts = any(marker == RESTART_INTERVAL for marker, _ in _segments(frame))
    parts, done = [], 0
    for start, stop in _scans(frame):
        markers = [marker.start() for marker in MARKER.finditer(frame, start, stop)]
        for end in (*markers, stop):
            parts += [frame[done:end], noise]
            done = end
        if restarts:
            parts += [bytes((0xFF, 0xD0 + len(markers) % 8)), noise]
    return b"".join([*parts, frame[done:]])


def frame_header(jpeg: bytes) -> tuple[int, int] | None:
    """Return marker and bits a sample of a JPEG or JPEG-LS frame (T.81 B.2.2); None without one."""
    for marker, position in _segments(jpeg):
        if marker in FRAME_HEADERS and position + 5 <= len(jpeg):
            return marker, jpeg[position + 4]
    return None


def ends_early(jpeg: bytes, pixels: np.ndarray, decode: Callable[[bytes], np.ndarray]) -> bool:
    """Return whether a JPEG has no data for its last pixels: decoders fill them without a word.

    pixels: (H, W) or (H, W, C), what ``decode`` made of the stream. Where it is lossless and the
    last two pixels differ, nothing was filled, and it is not decoded again.
    """
    header = frame_header(jpeg) if is_jpeg(jpeg) else None
    if header is None or header[0] == JPEG_LS:
        return False
    if header[0] in LOSSLESS and np.any(pixels[-1, -1:] != pixels[-1, -2:-1]):
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


def _segments(frame: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment; the entropy-coded data of a scan is jumped over."""
    position = 2
    while position + 4 <= len(frame) and frame[position] == 0xFF:
        marker = frame[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == STOP:
            return
        yield marker, position
        position += 2 if marker in NO_LENGTH else 2 + _length(frame, position)
        if marker == SCAN:
            position = _scan_end(frame, position)


def _length(frame: bytes, position: int) -> int:
    return int.from_bytes(frame[position + 2 : position + 4], "big")


def _scan_end(frame: bytes, start: int) -> int:
    """The next marker that is no restart marker, or the end of the data."""
    others = (m for m in MARKER.finditer(frame, start) if frame[m.end() - 1] & 0xF8 != 0xD0)
    return next((m.start() for m in others), len(frame))


def _scans(frame: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the entropy-coded data of every scan, restart markers included."""
    for marker, position in _segments(frame):
        if marker == SCAN:
            start = position + 2 + _length(frame, position)
            yield start, _scan_end(frame, start)


def _tile_parts_end(frame: bytes, start: int) -> bool:
    """Follow the lengths of the tile-parts, Psot (T.800 A.4.2), to the end marker."""
    position = frame.find(START_OF_TILE_PART, start)
    while position >= 0 and frame.startswith(START_OF_TILE_PART, position):
        length = int.from_bytes(frame[position + 6 : position + 10], "big")
        if length < 12:  # 0: to the end marker
            break
        position += length
    return position >= 0 and frame.find(END, position) >= 0
