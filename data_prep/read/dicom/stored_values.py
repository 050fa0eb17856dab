"""Stored words -> stored values (PS3.5 8.1.1), as one table over all possible words.

Bits above Bits Stored belong to no pixel (old overlays, PS3.3 C.9.2, retired): they are left
out.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from data_prep.read.dicom.layout import Layout

ROWS_AT_ONCE = 64  # rows whose table look-up stays in the processor's cache
BITS_NOTE = "bits above Bits Stored are no part of the values; left out"
SHIFT_NOTE = "the values lie above bit 0; shifted down"


@dataclass
class Stored:
    """One greyscale frame. words: unsigned (H, W), 8 or 16 bit with a table, else the values.

    values: int64, the stored value of every possible word; None for 32-bit words. bits: Bits
    Stored. plain: the words, read with their sign, are the values already.
    """

    words: np.ndarray
    values: np.ndarray | None
    bits: int
    signed: bool = False
    plain: bool = True
    notes: list[str] = field(default_factory=list)

    def integers(self) -> np.ndarray:
        """Stored values (H, W), without a copy where words are values."""
        if self.values is None or (self.plain and not self.signed):
            return self.words
        if self.plain:
            return self.words.view(f"i{self.words.dtype.itemsize}")
        return self.image(self.values.astype(np.int32))

    def image(self, table: np.ndarray) -> np.ndarray:
        """(H, W): `table`, an array over words, at every pixel."""
        if self.values is None:
            return table
        image = np.empty(self.words.shape, table.dtype)
        for row in range(0, len(image), ROWS_AT_ONCE):
            rows = slice(row, row + ROWS_AT_ONCE)
            np.take(table, self.words[rows], mode="clip", out=image[rows])
        return image

    def domain(self) -> np.ndarray:
        """What the grey scale is computed on: all possible values, or those of the image."""
        return self.words if self.values is None else self.values

    def range(self, table: np.ndarray, left_out: np.ndarray | None) -> tuple[float, float]:
        """Lowest and highest of `table` (over domain()) among pixels that are not left out."""
        if self.values is None:
            known = table if left_out is None else table[~left_out]
            return float(known.min()), float(known.max())
        low, high = int(self.words.min()), int(self.words.max())
        steps = np.diff(table[low : high + 1])
        if left_out is None and ((steps >= 0).all() or (steps <= 0).all()):
            ends = float(table[low]), float(table[high])
            return min(ends), max(ends)
        known = self.present if left_out is None else self.present & ~left_out
        return float(table[known].min()), float(table[known].max())

    @cached_property
    def present(self) -> np.ndarray:
        """bool over domain(): the values that some pixel has."""
        if self.values is None:
            return np.ones(self.words.shape, bool)
        present = np.zeros(len(self.values), bool)
        present[self.words] = True
        return present


def stored_values(pixels: np.ndarray, layout: Layout, lossy: bool = False) -> Stored:
    """Mask, shift and sign of every possible word; lossy: values are clipped instead of masked."""
    if pixels.dtype.itemsize > 2:
        return Stored(_value_of(pixels.astype(np.int64), layout, lossy), None, layout.bits_stored)
    size = pixels.dtype.itemsize
    native = pixels if pixels.dtype.isnative else pixels.astype(pixels.dtype.newbyteorder("="))
    words = np.ascontiguousarray(native).view(f"u{size}")
    values = _value_of(np.arange(2 ** (8 * size), dtype=np.int64), layout, lossy)
    shifted = layout.shift > 0 and not lossy
    notes = [SHIFT_NOTE] if shifted else []
    read = words.view(f"i{size}") if layout.signed else words
    top = 2 ** (layout.bits_stored - layout.signed)
    inside = int(read.max()) < top and int(read.min()) >= -top
    plain = inside and not shifted
    stored = Stored(words, values, layout.bits_stored, layout.signed, plain, notes)
    if not inside and not shifted and not lossy and _other_bits(stored, layout):
        notes.append(BITS_NOTE)
    return stored


def _other_bits(stored: Stored, layout: Layout) -> bool:
    """True where words hold more than a value, with or without its sign carried upwards."""
    values = stored.domain()
    word = np.arange(len(values))
    bare, extended = values & (2**layout.bits_stored - 1), values & (len(values) - 1)
    return bool((stored.present & (word != bare) & (word != extended)).any())


def _value_of(words: np.ndarray, layout: Layout, lossy: bool) -> np.ndarray:
    """int64: ((word >> shift) & (2^BitsStored - 1)), then two's complement where signed."""
    bits = layout.bits_stored
    if lossy and not layout.signed:
        return np.minimum(words, 2**bits - 1)
    values = (words >> (0 if lossy else layout.shift)) & (2**bits - 1)
    return (
        np.where(values >= 2 ** (bits - 1), values - 2**bits, values) if layout.signed else values
    )


def digest(values: np.ndarray) -> str:
    """SHA-256 (hex) over shape and stored values, the same for equal pixels.

    Values are hashed little endian in the smallest of u1, u2, i2, i4, i8 that holds them, so
    transfer syntax, byte order and Bits Allocated make no difference.
    """
    low, high = int(values.min()), int(values.max())
    kinds = ("<u1", "<u2", "<i2", "<i4", "<i8")
    kind = next(k for k in kinds if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
    total = hashlib.sha256(f"{values.shape}{kind}".encode())
    total.update(np.ascontiguousarray(values, kind).data)
    return total.hexdigest()
