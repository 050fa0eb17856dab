"""Values of interest: a VOI LUT or a window onto [0, 1] (PS3.3 C.11.2); one of them is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_prep.read.dicom.header import code_of, numbers_of
from data_prep.read.dicom.lut import is_big_endian, read_lut

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def voi_values(
    dataset: Dataset, values: np.ndarray, span: tuple[float, float], index: int, notes: list[str]
) -> tuple[np.ndarray, str] | None:
    """(values in [0, 1], 'VOI LUT' or 'window <function>'); None where the file has neither.

    values: output of the Modality LUT; span: its lowest and highest possible one; index: which
    of several, from 0. Tables and windows are alternatives (C.11.2.1.1): the index-th table, else
    the index-th window, else the first. What was not followed is added to `notes`.
    """
    tables = len(dataset.get("VOILUTSequence") or ())
    windows = min(len(numbers_of(dataset, "WindowCenter")), len(numbers_of(dataset, "WindowWidth")))
    if index >= max(tables, windows) and tables:
        notes.append(f"neither VOI LUT nor window {index} exists; the first VOI LUT was taken")
        index = 0
    elif index >= windows > 0 and not tables:
        notes.append(f"window {index} does not exist; the first was taken")
        index = 0
    elif index >= tables > 0:
        notes.append(f"VOI LUT {index} does not exist; window {index} was taken")
    if index < tables:
        shown = _table_values(dataset, values, span, index, notes)
        if shown is not None:
            return shown, "VOI LUT"
        notes.append("invalid VOI LUT; not followed")
    window = _window(dataset, index if index < windows else 0, notes)
    if window is None:
        return None
    centre, width, function = window
    return apply_window(values, centre, width, function), f"window {function}"


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


def _table_values(
    dataset: Dataset, values: np.ndarray, span: tuple[float, float], index: int, notes: list[str]
) -> np.ndarray | None:
    """VOI LUT (PS3.3 C.11.2.1.1) onto [0, 1]; None where it is invalid."""
    try:
        lut = read_lut(dataset.VOILUTSequence[index], span, is_big_endian(dataset))
    except MemoryError:
        raise
    except Exception:  # pydicom raises many kinds on broken elements
        return None
    notes += lut.notes
    return lut.apply(values) / (2.0**lut.bits - 1)


def _window(dataset: Dataset, index: int, notes: list[str]) -> tuple[float, float, str] | None:
    """(centre, width, function), or None where there is none that the standard allows."""
    centres, widths = numbers_of(dataset, "WindowCenter"), numbers_of(dataset, "WindowWidth")
    if all(dataset.get(keyword) in (None, "", []) for keyword in ("WindowCenter", "WindowWidth")):
        return None
    function = code_of(dataset, "VOILUTFunction") or "LINEAR"
    if function not in FUNCTIONS:
        notes.append("unknown VOI LUT function; taken as LINEAR")
        function = "LINEAR"
    least = 1 if function == "LINEAR" else 0  # width >= 1 for LINEAR, > 0 else (C.11.2.1.2, .3)
    missing = index >= min(len(centres), len(widths))
    if missing or widths[index] < least or (function != "LINEAR" and widths[index] == 0):
        notes.append("invalid window; the full range was taken")
        return None
    return centres[index], widths[index], function
