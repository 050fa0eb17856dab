"""Encapsulated Pixel Data (PS3.5 A.4): a sequence of fragments -> the bytes of one frame.

The fragments decide. An offset table only says which of them make a frame where that is open: it is
followed if it fits the fragments, and is never needed for one frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from data_prep.errors import FilmError
from data_prep.read.dicom.codestream import J2K_START, JP2_BOX, codestream
from data_prep.read.dicom.layout import OPEN_LENGTH, Layout, native_data, truncated

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ITEM, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
STARTS = (b"\xff\xd8\xff", J2K_START, JP2_BOX)
TABLE_NOTE = "the offset table does not fit the compressed frames; not followed"
NO_END_NOTE = "the compressed pixel data has no end mark; read to the end of the file"


@dataclass(frozen=True)
class Fragments:
    """table: the Basic Offset Table; spans: start and end of every fragment in ``data``.

    cut: the last fragment is shorter than its item says; ended: a sequence delimitation item.
    """

    data: bytes
    table: bytes
    spans: list[tuple[int, int]]
    cut: bool
    ended: bool

    def offsets(self) -> list[int]:
        """Where the item of each fragment begins, counted from the first one's."""
        return [start - self.spans[0][0] for start, _ in self.spans]


def frame_bytes(dataset: Dataset, frames: int, index: int, notes: list[str]) -> tuple[bytes, bool]:
    """Return the bytes of one frame, and whether the file ends inside them; adds to ``notes``.

    Raises FilmError: no fragments, or frames that cannot be told apart.
    """
    found = fragments(dataset.PixelData)
    if not found.spans:
        if found.data[:4] in (b"", ITEM) and not found.ended:
            raise truncated("no compressed frame")
        raise FilmError("no compressed frame in the pixel data", remedy="Export it again.")
    groups = _frames(found, dataset, frames)
    if not _table_fits(found, dataset, groups) and TABLE_NOTE not in notes:
        notes.append(TABLE_NOTE)
    if not (found.ended or dataset["PixelData"].is_undefined_length or NO_END_NOTE in notes):
        notes.append(NO_END_NOTE)
    spans = [found.spans[k] for k in groups[index]]
    return b"".join(found.data[a:b] for a, b in spans), found.cut and spans[-1] == found.spans[-1]


def require_native(dataset: Dataset, layout: Layout) -> None:
    """Raise FilmError for compressed pixel data under a transfer syntax of uncompressed ones.

    Native pixel data have a length and no items (PS3.5 A.4). Where the length is there all the
    same, items or a codestream of the image's size give it away.
    """
    data, length = native_data(dataset)
    found, coded = fragments(data), codestream(data)
    last = found.spans[-1][1] if found.spans and not found.cut else None
    items = found.ended or last == len(data)
    bare = coded is not None and (coded.rows, coded.columns) == (layout.rows, layout.columns)
    if length == OPEN_LENGTH or items or bare:
        raise FilmError(
            "compressed pixel data, but the header says that it is not compressed",
            remedy="Export it again, uncompressed.",
        )


def fragments(data: bytes) -> Fragments:
    """Walk the items of Pixel Data. The first is the offset table, unless it holds a codestream."""
    spans, position, cut = [], 0, False
    while data[position : position + 4] == ITEM and position + 8 <= len(data):
        start = position + 8
        position = start + int.from_bytes(data[position + 4 : start], "little")
        cut = position > len(data)
        spans.append((start, min(position, len(data))))
    ended = data[position : position + 4] == SEQUENCE_END
    first = data[slice(*spans[0])] if spans else b""
    if first.startswith(STARTS) or (len(spans) == 1 and len(first) > 4):
        return Fragments(data, b"", spans, cut, ended)
    return Fragments(data, first, spans[1:], cut, ended)


def _numbers(table: object, size: int) -> list[int]:
    """Little-endian numbers of an offset table; none where the element is absent or no bytes."""
    data = table if isinstance(table, bytes) else b""
    return [int.from_bytes(data[k : k + size], "little") for k in range(0, len(data), size)]


def _stated(found: Fragments, dataset: Dataset) -> list[int]:
    """Offsets of the frames by the Extended Offset Table, else the Basic one (PS3.5 A.4)."""
    return _numbers(dataset.get("ExtendedOffsetTable"), 8) or _numbers(found.table, 4)


def _table_fits(found: Fragments, dataset: Dataset, groups: list[list[int]]) -> bool:
    """Whether the tables that are there name these frames; a length may leave out the pad byte."""
    stated, lengths = (
        _stated(found, dataset),
        _numbers(dataset.get("ExtendedOffsetTableLengths"), 8),
    )
    offsets = found.offsets()
    sizes = [sum(b - a for a, b in (found.spans[k] for k in group)) for group in groups]
    return stated in ([], [offsets[group[0]] for group in groups]) and (
        not lengths
        or (
            len(lengths) == len(sizes)
            and all(a - b in (0, 1) for a, b in zip(sizes, lengths, strict=True))
        )
    )


def _frames(found: Fragments, dataset: Dataset, frames: int) -> list[list[int]]:
    """The fragments of each frame, by number."""
    count, offsets = len(found.spans), found.offsets()
    if frames == 1:
        return [list(range(count))]
    if frames == count:
        return [[k] for k in range(count)]
    number = {offset: k for k, offset in enumerate(offsets)}
    for starts in (_stated(found, dataset), _codestreams(found)):
        firsts = sorted({number[start] for start in starts if start in number})
        if len(starts) == len(firsts) == frames and firsts[0] == 0:
            return [list(range(a, b)) for a, b in pairwise([*firsts, count])]
    raise FilmError(
        "the frames cannot be told apart in the compressed pixel data",
        detail=f"{frames} frames in the header, {count} fragments",
        remedy="Export it again, uncompressed.",
    )


def _codestreams(found: Fragments) -> list[int]:
    """Offsets of the fragments with which a codestream begins."""
    pairs = zip(found.offsets(), found.spans, strict=True)
    return [offset for offset, (start, _) in pairs if found.data.startswith(STARTS, start)]
