"""Stored values -> display: the grayscale pipeline of PS3.3 (modality, VOI, MONOCHROME1 last)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from data_prep.errors import FilmError
from data_prep.read.dicom.file import quiet_pydicom
from data_prep.read.dicom.header import code_of, number_of
from data_prep.read.dicom.lut import modality_values
from data_prep.read.dicom.shutter import covered
from data_prep.read.dicom.stored_values import Stored
from data_prep.read.dicom.voi import voi_values

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SATURATED = 0.95  # share of a film; no window of a reader leaves so little between black and white
SATURATION_NOTE = "the window saturates the film"
SHAPE_NOTE = "Presentation LUT Shape contradicts Photometric Interpretation; the shape was followed"
LEVEL = 1 / 255  # a window that shows less than one grey level of 8 bits shows nothing
SLOPE_NOTE = "Rescale Slope is 0; slope and intercept were not followed"


@dataclass
class Display:
    """float32 (H, W) in [0, 1], bright = dense; ``padding`` marks pixels that are not image."""

    image: np.ndarray
    padding: np.ndarray | None
    voi: str
    notes: list[str] = field(default_factory=list)


def display(dataset: Dataset, stored: Stored, window: int = 0, voi: bool = True) -> Display:
    """Return one greyscale frame as a DICOM viewer shows it, with black air.

    The pipeline (PS3.3 C.7.6.3.1.2, C.11) works value by value, so it is computed once for every
    possible stored value and looked up at every pixel. Padding (C.7.5.1.1.2) is found in the
    stored values. It is excluded from every range and becomes black. So does what a display shutter
    (C.7.6.11) covers, which is in ``padding`` then, but counts in the range.

    Args:
        dataset: its header.
        stored: its stored values.
        window: which of several VOI LUTs or windows, from 0.
        voi: False ignores VOI LUTs and windows: the Modality LUT's output over its full range.
    """
    notes = list(stored.notes)
    values = stored.domain()
    padding = padding_values(dataset, stored)
    with quiet_pydicom():
        span = _span(stored)
        rescaled = modality_values(dataset, values, span, notes)
        output = _output_span(dataset, rescaled, span)
        found = voi_values(dataset, rescaled, output, window, notes) if voi else None
        shown, how = found or _full_range(rescaled, stored, padding)
    if number_of(dataset, "RescaleSlope", 1) == 0 and not dataset.get("ModalityLUTSequence"):
        notes.append(SLOPE_NOTE)
    # last: windows and tables are defined on values before it
    if _is_inverted(dataset, notes):
        shown = 1 - shown
    table = shown.astype(np.float32)
    low, high = stored.range(table, padding)
    if low == high or (found is not None and high - low < LEVEL):
        raise constant_image() if found is None else _one_grey_level(stored, padding)
    if padding is not None:
        table[padding] = 0
    image, nowhere = stored.image(table), None if padding is None else stored.image(padding)
    hidden = covered(dataset, (image.shape[0], image.shape[1]), notes)
    if hidden is not None:
        left = image[~hidden]
        if left.min() == left.max():
            raise constant_image()
        image[hidden] = 0
        nowhere = hidden if nowhere is None else nowhere | hidden
    if found is not None and _saturated(image, nowhere):
        notes.append(SATURATION_NOTE)
    return Display(image, nowhere, how if voi else "none", notes)


def _is_inverted(dataset: Dataset, notes: list[str]) -> bool:
    """Return whether low values are white: Photometric Interpretation, or the LUT's shape.

    One follows from the other (PS3.3 C.8.11.3). Where they contradict each other the Presentation
    LUT Shape is followed, as dcmtk does: it is what the film was meant to look like.
    """
    inverted = code_of(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    shape = code_of(dataset, "PresentationLUTShape")
    if shape not in ("IDENTITY", "INVERSE") or (shape == "INVERSE") == inverted:
        return inverted
    notes.append(SHAPE_NOTE)
    return not inverted


def _saturated(image: np.ndarray, padding: np.ndarray | None) -> bool:
    """Return whether more than SATURATED of the image is black or white in 8 bits."""
    step = max(1, len(image) // 512)  # rows that are looked at: enough for a share
    rows = image[::step]
    known = rows if padding is None else rows[~padding[::step]]
    half = 0.5 / 255
    return float(np.mean((known < half) | (known > 1 - half))) > SATURATED if known.size else False


def _one_grey_level(stored: Stored, padding: np.ndarray | None) -> FilmError:
    """The reason for a picture that only its window or VOI LUT made constant."""
    low, high = stored.range(stored.domain(), padding)
    if low == high:
        return constant_image()
    return FilmError(
        "the window leaves one grey level of the film",
        remedy="Pass --window N for another one, or --intensity percentile.",
    )


def constant_image() -> FilmError:
    """Return the error for a film without any contrast."""
    return FilmError("constant image: every pixel has the same value", remedy="Leave it out.")


def padding_values(dataset: Dataset, stored: Stored) -> np.ndarray | None:
    """Return which values of ``stored.domain()`` are padding (PS3.3 C.7.5.1.1.2), as booleans.

    These are Pixel Padding Value, or the range from it to its Range Limit. None: no pixel is
    padding, or every pixel is.
    """
    value = number_of(dataset, "PixelPaddingValue", math.nan)
    if math.isnan(value):
        return None
    values, bits = stored.domain(), 8 * int(dataset.BitsAllocated // 8)
    ends = [value, number_of(dataset, "PixelPaddingRangeLimit", value)]
    if stored.signed:  # a header that names -2000 as 63536 means the same word
        ends = [end - 2**bits if end >= 2 ** (bits - 1) else end for end in ends]
    else:  # and one that names 63536 as -2000
        ends = [end + 2**bits if end < 0 else end for end in ends]
    low, high = min(ends), max(ends)
    padding = (values >= low) & (values <= high)
    if not padding.any() and stored.values is not None:  # beyond Bits Stored: a word of its own
        word = np.arange(len(values))
        word = np.where(stored.signed & (word >= len(word) // 2), word - len(word), word)
        padding = (word >= low) & (word <= high)
    used, others = (padding & stored.present).any(), (~padding & stored.present).any()
    return padding if used and others else None


def _span(stored: Stored) -> tuple[float, float]:
    """Return the lowest and highest stored value that Bits Stored and the sign allow."""
    low = -(2 ** (stored.bits - 1)) if stored.signed else 0
    return float(low), float(low + 2**stored.bits - 1)


def _output_span(
    dataset: Dataset, rescaled: np.ndarray, span: tuple[float, float]
) -> tuple[float, float]:
    """Return the range of the Modality LUT's output: the input range of a VOI LUT (C.11.2.1.1)."""
    ends = modality_values(dataset, np.array(span), span)  # rescaling is monotone
    return float(min(ends.min(), rescaled.min())), float(max(ends.max(), rescaled.max()))


def _full_range(
    values: np.ndarray, stored: Stored, padding: np.ndarray | None
) -> tuple[np.ndarray, str]:
    """Scale without VOI: 8-bit data over their whole range, deeper data from lowest to highest."""
    bits, rescaled = stored.bits, not np.array_equal(values, stored.domain())
    if bits <= 8 and not rescaled and stored.range(stored.domain(), None)[0] >= 0:
        return np.clip(values / (2.0**bits - 1), 0, 1), "full range"
    low, high = stored.range(values, padding)
    if low == high:
        raise constant_image()
    return np.clip((values.astype(np.float64) - low) / (high - low), 0, 1), "lowest to highest"
