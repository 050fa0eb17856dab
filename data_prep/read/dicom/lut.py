"""The Modality LUT and the VOI LUT by PS3.3, unlike pydicom, which unpacks two bytes an entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.errors import FilmError
from data_prep.read.dicom.file import EXPLICIT_BIG_ENDIAN
from data_prep.read.dicom.header import numbers_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

RESCALE = {"RescaleSlope": 1.0, "RescaleIntercept": 0.0}  # and what one that is missing counts as
HALF_NOTE = "of Rescale Slope and Rescale Intercept one is missing; it counts as 1 or 0"
DEPTH_NOTE = "entries of a LUT are not as deep as its descriptor says; their own depth was taken"


@dataclass
class Lut:
    """entries: int64 (N,) in 0..2^bits - 1, the first of them for the input `first`.

    bits: of the widest entry, at least 8; stated: by the descriptor, which makers get wrong.
    """

    first: int
    entries: np.ndarray
    bits: int
    stated: int

    @property
    def notes(self) -> list[str]:
        return [DEPTH_NOTE] if self.bits != self.stated else []

    def apply(self, values: np.ndarray) -> np.ndarray:
        """int64, shape of `values`: below the first mapped input the first entry, above the last
        one the last (PS3.3 C.11.1.1.1, C.11.2.1.1). Inputs between two integers go to the nearer.
        """
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        return self.entries[index.astype(np.int64)]


def read_lut(item: Dataset, span: tuple[float, float], big_endian: bool = False) -> Lut:
    """LUT Descriptor (0028,3002) and LUT Data (0028,3006) of one item, PS3.3 C.11.1.1.1,
    C.11.2.1.1.

    span: lowest and highest possible input. Where the lowest is negative, the first mapped input is
    a signed number, whatever the file calls it; the other reading is taken only if this one meets
    no input at all. Raises ValueError for a table that is none.
    """
    count, first, stated = (int(v) % 2**16 for v in _words(item, "LUTDescriptor", big_endian))
    count = count or 2**16
    words = _words(item, "LUTData", big_endian)
    if 1 < count == 2 * len(words) - count % 2:  # 8 bits, two to a word, the earlier one low
        words = words.astype("<u2").view(np.uint8)
    if len(words) < count:
        raise ValueError("LUT Data is shorter than LUT Descriptor says")
    entries = words[:count].astype(np.int64)
    bits = max(8, int(entries.max()).bit_length())  # as dcmtk's --ignore-vlut-depth
    return Lut(_first_mapped(first, count, span), entries, bits, stated)


def modality_values(
    dataset: Dataset,
    stored: np.ndarray,
    span: tuple[float, float] | None = None,
    notes: list[str] | None = None,
) -> np.ndarray:
    """Apply Modality LUT, or slope and intercept (PS3.3 C.11), if any; span: of stored integers.

    A slope of 0 would leave nothing of the image, so the pair is not followed, as dcmtk does. Of a
    pair that lacks one, the other is followed, as in volumes. What is not as the header says is
    added to ``notes``.
    """
    try:
        if dataset.get("ModalityLUTSequence"):
            ends = span or (float(stored.min()), float(stored.max()))
            lut = read_lut(dataset.ModalityLUTSequence[0], ends, is_big_endian(dataset))
            if notes is not None:
                notes += lut.notes
            return lut.apply(stored)
        given = [keyword for keyword in RESCALE if keyword in dataset]
        if given:
            pair = {**RESCALE, **{keyword: numbers_of(dataset, keyword, 1)[0] for keyword in given}}
            slope, intercept = pair.values()
            if len(given) < len(RESCALE) and notes is not None:
                notes.append(HALF_NOTE)
            return stored.astype(np.float64) * slope + intercept if slope else stored
    except MemoryError:
        raise
    except Exception:  # pydicom raises many kinds on broken elements
        raise FilmError(
            "invalid Modality LUT or rescale values", remedy="Export it again."
        ) from None
    return stored


def is_big_endian(dataset: Dataset) -> bool:
    """True where words of the data set are stored high byte first (PS3.5 A.3)."""
    meta = getattr(dataset, "file_meta", None)
    return meta is not None and str(meta.get("TransferSyntaxUID")) == EXPLICIT_BIG_ENDIAN


def _first_mapped(word: int, count: int, span: tuple[float, float]) -> int:
    """The second value of LUT Descriptor, of 16 bits, as a number."""
    low, high = span
    signed = word - 2**16 if word >= 2**15 else word
    for first in (signed, word) if low < 0 else (word, signed):
        if first <= high and first + count > low:
            return first
    return signed if low < 0 else word


def _words(item: Dataset, keyword: str, big_endian: bool) -> np.ndarray:
    """uint16 words of an element that came as bytes (OW, OB, unknown) or as numbers (US, SS)."""
    element = item[keyword]
    value: Any = element.value
    if not isinstance(value, bytes):
        return (np.atleast_1d(np.asarray(value, np.int64)) % 2**16).astype(np.uint16)
    swapped = big_endian and element.VR != "OB"
    padded = value + b"\0" * (len(value) % 2)
    return np.frombuffer(padded, ">u2" if swapped else "<u2").astype(np.uint16)
