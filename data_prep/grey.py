"""Stored values -> display: the grayscale pipeline of PS3.3 (modality, VOI, MONOCHROME1 last)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.dicom_file import FilmError, quiet_pydicom
from data_prep.dicom_lut import is_big_endian, modality_values, read_lut
from data_prep.stored_values import Stored

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass
class Display:
    """float32 (H, W) in [0, 1], bright = dense; `padding`: pixels that are no image, if any."""

    image: np.ndarray
    padding: np.ndarray | None
    voi: str
    notes: list[str] = field(default_factory=list)


def display(dataset: Dataset, stored: Stored, window: int = 0) -> Display:
    """What a DICOM viewer shows of one greyscale frame, air black.

    window: which of several windows, from 0. Padding (C.7.5.1.1.2) is found in the stored values,
    kept out of every range, and comes out black. The pipeline (PS3.3 C.7.6.3.1.2, C.11) works value
    by value, so it is computed once for every possible stored value and looked up at every pixel.
    """
    notes = list(stored.notes)
    values = stored.domain()
    padding = padding_values(dataset, stored)
    with quiet_pydicom():
        rescaled = modality_values(dataset, values, _span(dataset, stored))
        shown, voi = _voi(dataset, rescaled, stored, padding, window, notes)
    inverted = str(dataset.PhotometricInterpretation) == "MONOCHROME1"
    shape = str(dataset.get("PresentationLUTShape", ""))
    if shape and (shape == "INVERSE") != inverted:  # PS3.3 C.8.11.3: one follows from the other
        notes.append("PresentationLUTShape contradicts PhotometricInterpretation; not followed")
    if inverted:  # last: windows and tables are defined on values that are not yet inverted
        shown = 1 - shown
    table = shown.astype(np.float32)
    low, high = stored.range(table, padding)
    if low == high:
        raise constant_image()
    if padding is None:
        return Display(stored.image(table), None, voi, notes)
    table[padding] = 0
    return Display(stored.image(table), stored.image(padding), voi, notes)


def constant_image() -> FilmError:
    """The reason for a picture without a picture."""
    return FilmError("constant image: every pixel has the same value", remedy="Leave it out.")


def padding_values(dataset: Dataset, stored: Stored) -> np.ndarray | None:
    """bool over stored.domain(): Pixel Padding Value, or the range up to its Range Limit
    (PS3.3 C.7.5.1.1.2); None where there is none, or no pixel is anything else."""
    value = _number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = _number(dataset, "PixelPaddingRangeLimit")
    values, bits = stored.domain(), 8 * int(dataset.BitsAllocated // 8)
    ends = [value, value if limit is None else limit]
    if stored.signed:  # a header that names -2000 as 63536 means the same word
        ends = [end - 2**bits if end >= 2 ** (bits - 1) else end for end in ends]
    low, high = min(ends), max(ends)
    padding = (values >= low) & (values <= high)
    if not padding.any() and stored.values is not None:  # beyond Bits Stored: a word of its own
        word = np.arange(len(values))
        word = np.where(stored.signed & (word >= len(word) // 2), word - len(word), word)
        padding = (word >= low) & (word <= high)
    used, others = (padding & stored.present).any(), (~padding & stored.present).any()
    return padding if used and others else None


def _span(dataset: Dataset, stored: Stored) -> tuple[float, float]:
    """Lowest and highest stored value that Bits Stored and the sign allow."""
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if stored.signed else (0.0, 2.0**bits - 1)


def _voi(
    dataset: Dataset,
    values: np.ndarray,
    stored: Stored,
    padding: np.ndarray | None,
    window: int,
    notes: list[str],
) -> tuple[np.ndarray, str]:
    """(values in [0, 1], how): VOI LUT, else window, else the full range (PS3.3 C.11.2)."""
    if dataset.get("VOILUTSequence"):
        table = _voi_table(dataset, values, stored, window)
        if table is not None:
            return table, "VOI LUT"
        notes.append("invalid VOI LUT; not followed")
    chosen = _window(dataset, window, notes)
    if chosen is not None:
        centre, width, function = chosen
        return apply_window(values, centre, width, function), f"window {function}"
    return _full_range(dataset, values, stored, padding)


def _voi_table(
    dataset: Dataset, values: np.ndarray, stored: Stored, index: int
) -> np.ndarray | None:
    """VOI LUT (PS3.3 C.11.2.1.1) onto [0, 1]; None where it is invalid."""
    index = min(index, len(dataset.VOILUTSequence) - 1)
    span = _span(dataset, stored)
    ends = modality_values(dataset, np.array(span, np.int64), span)
    low, high = min(ends.min(), values.min()), max(ends.max(), values.max())
    try:
        lut = read_lut(
            dataset.VOILUTSequence[index], (float(low), float(high)), is_big_endian(dataset)
        )
    except MemoryError:
        raise
    except Exception:  # pydicom raises many kinds on broken elements
        return None
    return lut.apply(values) / (2.0**lut.bits - 1)


def _window(dataset: Dataset, index: int, notes: list[str]) -> tuple[float, float, str] | None:
    """(centre, width, function), or None where there is none that the standard allows."""
    centres, widths = _numbers(dataset, "WindowCenter"), _numbers(dataset, "WindowWidth")
    if not centres and not widths:
        return None
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        notes.append("unknown VOI LUT function; taken as LINEAR")
        function = "LINEAR"
    count = min(len(centres), len(widths))
    if index >= count > 0:
        notes.append(f"window {index} does not exist; the first was taken")
    k = index if index < count else 0
    least = 1 if function == "LINEAR" else 0  # width >= 1 for LINEAR, > 0 else (C.11.2.1.2, .3)
    if count == 0 or widths[k] < least or (function != "LINEAR" and widths[k] == 0):
        notes.append("invalid window; the full range was taken")
        return None
    return centres[k], widths[k], function


def apply_window(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """PS3.3 C.11.2.1.2 LINEAR, C.11.2.1.3.1 SIGMOID, C.11.2.1.3.2 LINEAR_EXACT, onto [0, 1]."""
    x = np.asarray(values, np.float64)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (x - centre) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((x - centre) / width + 0.5, 0, 1)
    if width == 1:  # a threshold: the ramp has no width
        return (x > centre - 0.5).astype(np.float64)
    return np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def _full_range(
    dataset: Dataset, values: np.ndarray, stored: Stored, padding: np.ndarray | None
) -> tuple[np.ndarray, str]:
    """No VOI: 8-bit data use their whole range; deeper data rarely do, so lowest to highest."""
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    rescaled = not np.array_equal(values, stored.domain())
    if bits <= 8 and not rescaled and stored.range(stored.domain(), None)[0] >= 0:
        return np.clip(values / (2.0**bits - 1), 0, 1), "full range"
    low, high = stored.range(values, padding)
    if low == high:
        raise constant_image()
    return np.clip((values.astype(np.float64) - low) / (high - low), 0, 1), "lowest to highest"


def _number(dataset: Dataset, keyword: str) -> float | None:
    numbers = _numbers(dataset, keyword)
    return numbers[0] if numbers else None


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Values of a numeric element, in order; none where absent, empty or not numbers."""
    try:
        value: Any = dataset.get(keyword)
        if value is None or value == "":
            return []
        several = isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue"
        numbers = [float(v) for v in (value if several else [value])]
    except (TypeError, ValueError):
        return []
    return numbers if np.isfinite(numbers).all() else []
