"""The depth of compressed values, where header and codestream disagree (PS3.5 8.2).

A decoder is given what the codestream says. What its words mean is then decided here: they are
those of the header as long as they fit into Bits Stored, else those of the codestream.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data_prep.errors import FilmError
from data_prep.read.dicom.codestream import JPEG_2000, LOSSLESS, RLE, Codestream
from data_prep.read.dicom.header import finite
from data_prep.read.dicom.layout import ORIGINAL, Layout

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DEEPER_NOTE = "the compressed image is deeper than Bits Stored; its own depth was taken"
SIGN_NOTE = "the compressed image and the header differ on the sign; the header was followed"
OVERSHOOT = 1.25  # the DCT rounds past the top of the values; a quarter more is no rounding
OVERLAYS = range(0x6000, 0x6020, 2)  # groups of overlays, PS3.3 C.9.2


def as_coded(layout: Layout, coded: Codestream) -> Layout:
    """Return the layout of the words that a decoder gives; FilmError: not of these components.

    One component under a header of colour is grey.
    """
    if coded.samples not in (1, layout.samples) or not 1 <= coded.bits <= 32:
        raise FilmError(
            "the compressed image has another number of components than its header says",
            detail=f"{coded.samples} of {coded.bits} bits, {layout.samples} in the header",
            remedy=ORIGINAL,
        )
    allocated = 8 if coded.bits <= 8 else 16 if coded.bits <= 16 else 32
    return replace(
        layout,
        samples=coded.samples,
        bits_allocated=allocated,
        bits_stored=coded.bits,
        shift=0,
        signed=coded.signed,
    )


def values_layout(
    dataset: Dataset, layout: Layout, coded: Codestream, words: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, Layout]:
    """Return decoded words (H, W) and the layout by which they are values; adds to ``notes``.

    The header decides whether they are signed: encoders set the flag of JPEG 2000 as they like.
    """
    stored, bits = layout.bits_stored, coded.bits
    words = words.view(f"u{words.dtype.itemsize}")
    if coded.marker == JPEG_2000 and coded.signed != layout.signed:
        if coded.signed:
            words = words & words.dtype.type(2**bits - 1)
        if words.max() >= 2 ** (bits - 1):
            notes.append(SIGN_NOTE)
    shift = layout.shift if layout.shift + stored <= bits else 0  # the word reaches the high bit
    if bits < stored and not (layout.signed and not coded.signed):
        stored = bits
    elif not shift and bits > stored and _is_deeper(dataset, layout, coded, words):
        notes.append(DEEPER_NOTE)
        stored = bits
    allocated = 8 * words.dtype.itemsize
    layout = replace(layout, samples=1, bits_allocated=allocated, bits_stored=stored)
    return words, replace(layout, shift=shift)


def _is_deeper(dataset: Dataset, layout: Layout, coded: Codestream, words: np.ndarray) -> bool:
    """Return whether the words hold more than a value of Bits Stored, its sign carried upwards."""
    stored, bits = layout.bits_stored, coded.bits
    # JPEG lossless and RLE code whole words, and old overlays with them
    if bits == layout.bits_allocated and coded.marker in (*LOSSLESS, RLE):
        return False
    positions = (dataset.get((group, 0x0102)) for group in OVERLAYS)  # Overlay Bit Position
    if any(found is not None and finite(found.value) for found in positions):
        return False
    values = words & words.dtype.type(2**bits - 1)
    top = 2**stored * (OVERSHOOT if coded.cosine else 1)
    if values.max() < top:
        return False
    negative = values >= 2**bits - 2 ** (stored - 1)
    return not (layout.signed and bool(((values < top) | negative).all()))
