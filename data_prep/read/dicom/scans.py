"""The scans of a JPEG, by its markers (ITU-T T.81 B.2): what was cut out between them is missed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data_prep.read.dicom.codestream import FRAME_HEADERS, JPEG_LS, LOSSLESS

TABLES, STOP, SCAN, RESTART_INTERVAL = 0xC4, 0xD9, 0xDA, 0xDD
NO_LENGTH = {0x01, 0xD8, *range(0xD0, 0xD8)}  # TEM, SOI, RSTn
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
# In a scan FF is followed by 00, or by a byte below 80 in JPEG-LS (T.87 A.1); this is a marker.
MARKER = re.compile(rb"\xff[\x80-\xfe]")
UNSEEN = 255  # the lowest bit of a coefficient that no scan has coded


@dataclass(frozen=True)
class Scan:
    """One scan (T.81 B.2.3).

    components: their numbers; tables: Td and Ta of each; first, last, high, low: Ss, Se, Ah, Al;
    interval: MCUs between restart markers, 0 without them; runs: start and end of each run of
    entropy-coded data; restarts: m of the markers RSTm between the runs.
    """

    components: bytes
    tables: bytes
    first: int
    last: int
    high: int
    low: int
    interval: int
    runs: tuple[tuple[int, int], ...]
    restarts: tuple[int, ...]


def segments(jpeg: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment; the entropy-coded data of a scan is jumped over."""
    position = 2
    while position + 4 <= len(jpeg) and jpeg[position] == 0xFF:
        marker = jpeg[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == STOP:
            return
        yield marker, position
        position += 2 if marker in NO_LENGTH else 2 + _number(jpeg, position + 2)
        if marker == SCAN:
            position = next(
                (at for at, m in _markers(jpeg, position) if m & 0xF8 != 0xD0), len(jpeg)
            )


def scans(jpeg: bytes) -> Iterator[Scan]:
    """Every scan that begins; of a header that is cut, what is there."""
    interval = 0
    for marker, position in segments(jpeg):
        if marker == RESTART_INTERVAL:
            interval = _number(jpeg, position + 4)
        if marker == SCAN:
            yield _scan(jpeg, position, interval)


def missing(jpeg: bytes) -> str | None:
    """Return what the markers of a whole JPEG or JPEG-LS let expect and is missing, or None.

    Decoders fill it without a word: restart intervals, whose markers count modulo 8 (T.81 E.1.4);
    components; of progressive streams scans, which must bring all coefficients to bit 0 (G.1.1.1).
    """
    marker, at = next((s for s in segments(jpeg) if s[0] in FRAME_HEADERS), (0, 0))
    if not at:
        return None
    sampling = {part[0]: part[1] for part in _triples(jpeg, at)}
    lowest = {component: np.full(64, UNSEEN) for component in sampling}
    for scan in scans(jpeg):
        units = 0 if marker == JPEG_LS else _units(jpeg, at, marker, scan, sampling)
        if not _restarts_fit(scan, units):
            return "restart intervals"
        whole = slice(scan.first, scan.last + 1) if marker in PROGRESSIVE else slice(None)
        for component in set(scan.components) & set(lowest):
            bits = lowest[component][whole]
            if marker in PROGRESSIVE and scan.high and np.any(bits != scan.high):
                return "scans"
            bits[:] = scan.low if marker in PROGRESSIVE else 0
    return "scans" if any(np.any(bits) for bits in lowest.values()) else None


def _number(jpeg: bytes, position: int) -> int:
    return int.from_bytes(jpeg[position : position + 2], "big")


def _markers(jpeg: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Position, fill bytes included, and the second byte of each marker from here on."""
    for match in MARKER.finditer(jpeg, start):
        position = match.start()
        while position > start and jpeg[position - 1] == 0xFF:
            position -= 1
        yield position, jpeg[match.end() - 1]


def _scan(jpeg: bytes, position: int, interval: int) -> Scan:
    """Read the header of a scan, and the restart markers in its data."""
    start = position + 2 + _number(jpeg, position + 2)
    parts = jpeg[position + 5 : start - 3]
    first, last, bits = jpeg[start - 3 : start].ljust(3, b"\0")
    runs, restarts = [], []
    for end, marker in _markers(jpeg, start):
        runs.append((start, end))
        if marker & 0xF8 != 0xD0:
            break
        restarts.append(marker & 7)
        start = jpeg.index(marker, end) + 1
    else:
        runs.append((start, len(jpeg)))
    numbers, tables = parts[::2], parts[1::2]
    return Scan(
        numbers, tables, first, last, bits >> 4, bits & 15, interval, tuple(runs), tuple(restarts)
    )


def _triples(jpeg: bytes, at: int) -> list[bytes]:
    """Number, sampling factors and table of each component in a frame header (T.81 B.2.2)."""
    parts = jpeg[at + 10 : at + 2 + _number(jpeg, at + 2)]
    return [parts[k : k + 3] for k in range(0, len(parts) - 2, 3)]


def _units(jpeg: bytes, at: int, marker: int, scan: Scan, sampling: dict[int, int]) -> int:
    """The MCUs of a scan (T.81 A.2), 0 where the number of lines comes later (B.2.5)."""
    across, down = (max((s >> n & 15 for s in sampling.values()), default=1) or 1 for n in (4, 0))
    size = 1 if marker in LOSSLESS else 8
    columns, rows = _number(jpeg, at + 7), _number(jpeg, at + 5)
    if len(scan.components) > 1:
        return -(-columns // (size * across)) * -(-rows // (size * down))
    own = sampling.get(scan.components[0], 0) if scan.components else 0
    wide, high = -(-columns * (own >> 4) // across), -(-rows * (own & 15) // down)
    return -(-wide // size) * -(-high // size)


def _restarts_fit(scan: Scan, units: int) -> bool:
    """True where the markers count 0 to 7 and part the MCUs; one more may stand after the last."""
    if any(m != k % 8 for k, m in enumerate(scan.restarts)):
        return False
    if not units:
        return True
    expected = -(-units // scan.interval) - 1 if scan.interval else 0
    start, end = scan.runs[-1]
    return len(scan.restarts) - expected in ((0, 1) if start == end else (0,))
