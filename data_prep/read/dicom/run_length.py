"""RLE frames (PS3.5 Annex G): a header of offsets and one segment for each byte of a sample."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from data_prep.read.dicom.codestream import RLE, Codestream
from data_prep.read.dicom.layout import mismatch

if TYPE_CHECKING:
    from data_prep.read.dicom.layout import Layout

PADDING = 2  # bytes that some encoders add to a segment


def header(frame: bytes, layout: Layout) -> Codestream:
    """Return what RLE says of itself: its number of segments, and so the bits of a sample.

    A number of bytes that no sample has is taken for that of components.
    """
    segments, samples = int.from_bytes(frame[:4], "little"), layout.samples
    size, rest = divmod(segments, samples)
    if rest or size not in (1, 2, layout.bits_allocated // 8):
        samples, size = segments, 1
    return Codestream(layout.rows, layout.columns, samples, 8 * size, marker=RLE)


def grey(frame: bytes, layout: Layout) -> np.ndarray:
    """Decode a frame of one component to uint8 or uint16 (H, W); the high bytes come first.

    RLE does not say how many rows and columns it has: another number of pixels than the header's
    is a FilmError. Raises ImportError without pylibjpeg-rle, struct.error, ValueError: damaged.
    """
    count, *starts = struct.unpack("<16I", frame[:64])
    ends = [*starts[1:count], len(frame)]
    parts = [_unpacked(frame[a:b]) for a, b in zip(starts[:count], ends, strict=True)]
    pixels = layout.rows * layout.columns
    for part in parts:
        if not pixels <= len(part) <= pixels + PADDING:
            shape = layout.rows, layout.columns
            raise mismatch(shape, f"the compressed image has {len(part):,} pixels")
    words = np.stack([part[:pixels] for part in reversed(parts)], axis=1)
    return words.view(f"<u{count}").reshape(layout.rows, layout.columns)


def _unpacked(segment: bytes) -> np.ndarray:
    """Decode a segment; what pads it may look like the beginning of a run."""
    from rle.utils import decode_segment

    for padding in range(PADDING):
        with suppress(ValueError):
            return np.frombuffer(decode_segment(segment[: len(segment) - padding]), np.uint8)
    return np.frombuffer(decode_segment(segment[:-PADDING]), np.uint8)
