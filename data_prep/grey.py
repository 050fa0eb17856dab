"""Stored values -> display: the grayscale pipeline of PS3.3 (modality, VOI, MONOCHROME1 last)."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.dicom_file import FilmError, quiet_pydicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass
class Display:
    """float32 (H, W) in [0, 1], bright = dense; `padding`: pixels that are no image."""

    image: np.ndarray
    padding: np.ndarray
    voi: str
    notes: list[str] = field(default_factory=list)


def display(dataset: Dataset, stored: np.ndarray, window: int = 0) -> Display:
    """What a DICOM viewer shows of one greyscale frame, air black.

    stored: integers (H, W). window: which of several windows, from 0. Padding (C.7.5.1.1.2) is
    found in the stored values, kept out of every range, and comes out black.
    """
    padding = padding_pixels(dataset, stored)
    notes: list[str] = []
    with quiet_pydicom():
        values = modality_values(dataset, stored)
        shown, voi = _voi(dataset, values, stored, padding, window, notes)
    inverted = str(dataset.PhotometricInterpretation) == "MONOCHROME1"
    shape = str(dataset.get("PresentationLUTShape", ""))
    if shape and (shape == "INVERSE") != inverted:
        notes.append("PresentationLUTShape contradicts PhotometricInterpretation; not followed")
    if inverted:  # last: windows and tables are defined on values that are not yet inverted
        shown = 1 - shown
    shown[padding] = 0
    return Display(shown.astype(np.float32), padding, voi, notes)


def padding_pixels(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """bool (H, W): Pixel Padding Value, or the range up to its Range Limit (PS3.3 C.7.5.1.1.2)."""
    value = _number(dataset, "PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = _number(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((value, value if limit is None else limit))
    padding = (stored >= low) & (stored <= high)
    return padding if not padding.all() else np.zeros(stored.shape, bool)


def modality_values(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Modality LUT, or slope and intercept (PS3.3 C.11.1); unchanged where there is neither."""
    apply_modality_lut = _pydicom("apply_modality_lut")
    try:
        return apply_modality_lut(stored, dataset)
    except Exception:
        raise FilmError(
            "invalid Modality LUT or rescale values", remedy="Export it again."
        ) from None


def _voi(
    dataset: Dataset,
    values: np.ndarray,
    stored: np.ndarray,
    padding: np.ndarray,
    window: int,
    notes: list[str],
) -> tuple[np.ndarray, str]:
    """(values in [0, 1], how): VOI LUT, else window, else the full range (PS3.3 C.11.2)."""
    if dataset.get("VOILUTSequence"):
        table = _voi_table(dataset, values, window)
        if table is not None:
            return table, "VOI LUT"
        notes.append("invalid VOI LUT; not followed")
    chosen = _window(dataset, window, notes)
    if chosen is not None:
        centre, width, function = chosen
        return apply_window(values, centre, width, function), f"window {function}"
    return _full_range(dataset, values, stored, padding)


def _voi_table(dataset: Dataset, values: np.ndarray, index: int) -> np.ndarray | None:
    apply_voi = _pydicom("apply_voi")
    index = min(index, len(dataset.VOILUTSequence) - 1)
    try:
        bits = int(dataset.VOILUTSequence[index].LUTDescriptor[2])
        shown = apply_voi(np.rint(values).astype(np.int64), dataset, index=index)
    except Exception:
        return None
    return np.clip(np.asarray(shown, np.float64) / (2**bits - 1), 0, 1)


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
    dataset: Dataset, values: np.ndarray, stored: np.ndarray, padding: np.ndarray
) -> tuple[np.ndarray, str]:
    """No VOI: 8-bit data use their whole range; deeper data rarely do, so lowest to highest."""
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    rescaled = values is not stored and not np.array_equal(values, stored)
    if bits <= 8 and not rescaled and stored.min() >= 0:
        return np.clip(values / (2.0**bits - 1), 0, 1), "full range"
    known = values[~padding]
    low, high = float(known.min()), float(known.max())
    if low == high:
        raise FilmError("constant image: every pixel has the same value", remedy="Leave it out.")
    return np.clip((values.astype(np.float64) - low) / (high - low), 0, 1), "lowest to highest"


def _pydicom(name: str) -> Callable[..., np.ndarray]:
    """A function of pydicom's pixel processing: pydicom.pixels in 3, another module in 2.4."""
    try:
        return getattr(importlib.import_module("pydicom.pixels"), name)
    except ImportError:
        return getattr(importlib.import_module("pydicom.pixel_data_handlers"), name)


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
