"""Whether a codestream comes to its end: a decoder may fill what is missing, or never return.

An end marker alone says little where somebody cut a stream and closed it again. JPEG 2000 has the
length of its tile-parts. A JPEG has none. Of a lossless one the bits are counted that its pixels
need. Others are decoded again with noise before their markers (`continued`). A whole stream gives
the same pixels, one that ends early takes the noise for data.
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
BLOCK = 32  # rows: they stay in the cache
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
    tiles = _codestream(frame)
    return tiles is None or _tile_parts_end(frame, tiles)


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

    pixels: (H, W) or (H, W, C), what ``decode`` made of the stream. A grey lossless one is decoded
    again only where it has fewer bits than the codes of its pixels.
    """
    header = frame_header(jpeg) if is_jpeg(jpeg) else None
    if header is None or header[0] == JPEG_LS:
        return False
    counted = header[0] == HUFFMAN_LOSSLESS and pixels.ndim == 2
    if counted and _all_coded(jpeg, header[1], pixels):
        return False
    for noise in NOISES:
        try:
            return not np.array_equal(decode(continued(jpeg, noise)), pixels)
        except MemoryError:
            raise
        except Exception:  # decoders raise many kinds
            continue
    return counted  # no decoder says otherwise


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


def _all_coded(jpeg: bytes, bits: int, pixels: np.ndarray) -> bool:
    """Return whether a lossless JPEG has as many bits as the codes of its pixels (T.81 H.1.2).

    pixels: (H, W). What a decoder filled in has codes too, and they are not there.
    """
    found = list(scans(jpeg))
    rows, columns = pixels.shape
    if len(found) != 1 or not found[0].tables or found[0].interval % columns:
        return False
    scan = found[0]
    if not scan.low < bits <= 16:
        return False
    firsts = range(0, rows, scan.interval // columns or rows)  # of each run
    needed = np.add.reduceat(_row_bits(jpeg, scan, bits, pixels, firsts), list(firsts))
    there = [end - start - jpeg.count(b"\xff\0", start, end) for start, end in scan.runs]
    return len(there) >= len(needed) and bool(np.all(needed <= 8 * np.array(there[: len(needed)])))


def _row_bits(jpeg: bytes, scan: Scan, bits: int, pixels: np.ndarray, firsts: range) -> np.ndarray:
    """int (H,): the bits that code each row, by the predictor of its scan (table H.1)."""
    lengths = _lengths(jpeg, scan.tables[0] >> 4)
    rows = np.empty(len(pixels), np.int64)
    for start in range(0, len(pixels), BLOCK):
        block = pixels[max(start - 1, 0) : start + BLOCK].astype(np.int32) & (2**bits - 1)
        block >>= scan.low
        if start == 0:
            block = np.vstack([block[:1], block])
        left, above, corner, now = block[1:, :-1], block[:-1, 1:], block[:-1, :-1], block[1:, 1:]
        differences = block[1:] - block[:-1]  # of the first column it stays
        differences[:, 1:] = now - _predicted(scan.first, left, above, corner)
        for row in range(-start % firsts.step, len(differences), firsts.step):
            differences[row, 0] = block[row + 1, 0] - (1 << bits - scan.low - 1)
            differences[row, 1:] = now[row] - left[row]
        rows[start : start + BLOCK] = lengths[differences & 0xFFFF].sum(axis=1)
    return rows


def _predicted(
    predictor: int, left: np.ndarray, above: np.ndarray, corner: np.ndarray
) -> np.ndarray:
    if predictor in (2, 3):
        return above if predictor == 2 else corner
    if predictor == 4:
        return left + above - corner
    if predictor == 5:
        return left + ((above - corner) >> 1)
    if predictor == 6:
        return above + ((left - corner) >> 1)
    return (left + above) >> 1 if predictor == 7 else left


def _lengths(jpeg: bytes, number: int) -> np.ndarray:
    """int (65536,): the bits that code a difference modulo 2^16, by the DC table of this number.

    A code for the category (T.81 B.2.4.2, table H.2) and as many bits as it says; 16 has none.
    """
    codes = np.full(17, 255)  # no code: no such difference was coded
    for marker, position in segments(jpeg):
        at = position + 4
        end = position + 2 + int.from_bytes(jpeg[position + 2 : at], "big")
        while marker == TABLES and at + 17 <= end <= len(jpeg):
            table, counts = jpeg[at], jpeg[at + 1 : at + 17]
            at += 17 + sum(counts)
            if table == number:
                symbols = jpeg[at - sum(counts) : at]
                sizes = np.repeat(np.arange(1, 17), list(counts))
                codes[:] = 255
                for symbol, size in zip(symbols, sizes, strict=False):
                    codes[min(symbol, 16)] = size
    differences = np.abs((np.arange(65536) + 32767) % 65536 - 32767)
    category = np.ceil(np.log2(differences + 1)).astype(int)
    return (codes[category] + category % 16).astype(np.uint16)


def _tile_parts_end(frame: bytes, start: int) -> bool:
    """Follow the lengths of the tile-parts, Psot (T.800 A.4.2), to the end marker."""
    position = frame.find(START_OF_TILE_PART, start)
    while position >= 0 and frame.startswith(START_OF_TILE_PART, position):
        length = int.from_bytes(frame[position + 6 : position + 10], "big")
        if length < 12:  # 0: to the end marker
            break
        position += length
    return position >= 0 and frame.find(END, position) >= 0
