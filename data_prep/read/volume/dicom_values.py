"""The values of one slice or frame, by the functions that give films theirs (read/dicom/)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import FilmError
from data_prep.read.dicom.display import SLOPE_NOTE
from data_prep.read.dicom.file import quiet_pydicom, read_dataset
from data_prep.read.dicom.header import COMMA_NOTE, code_of, has_comma, numbers_of
from data_prep.read.dicom.layout import layout
from data_prep.read.dicom.lut import RESCALE
from data_prep.read.dicom.pixels import is_lossy, require_decodable, stored_frame
from data_prep.read.dicom.stored_values import stored_values
from data_prep.read.volume.volume import VolumeError

PLACES = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness")


class Frames:
    """The frames of a data set. notes: what was not as its header says, each once."""

    def __init__(self, dataset: Any) -> None:
        """Lay the pixels out; VolumeError: none, colour, not whole, a syntax nobody decodes."""
        self.dataset = dataset
        with _refused():
            self.layout = layout(dataset)
            photometric = code_of(dataset, "PhotometricInterpretation")
            if self.layout.samples > 1 or photometric not in ("", "MONOCHROME1", "MONOCHROME2"):
                raise colour()
            self.notes = require_decodable(dataset, self.layout)
        self.inverted = photometric == "MONOCHROME1"

    def values(self, index: int, rescale: Any) -> np.ndarray:
        """float32 (rows, columns): `slope * stored + intercept`, slope and intercept of `rescale`.

        MONOCHROME1 is inverted before, as ITK does (PS3.3 C.7.6.3.1.2): top - stored, or -1 -
        stored where signed. VolumeError: no decoder, damaged, not the size or slope of a header.
        """
        notes: list[str] = []
        with _refused():
            words, found = stored_frame(self.dataset, self.layout, index, notes)
            if words.ndim > 2:
                raise colour()
            stored = stored_values(words, found, is_lossy(self.dataset))
            values = stored.domain()
            if self.inverted:
                top = -1 if found.signed else 2**stored.bits - 1
                values = top - values.astype(np.int64)
            table = _rescaled(values, rescale, notes).astype(np.float32)
        note(self.notes, *stored.notes, *notes)
        return stored.image(table)


def read(path: Path) -> Any:
    """The data set of a file, with its pixels; VolumeError: no DICOM, or broken."""
    with _refused():
        return read_dataset(path.read_bytes())


def note(notes: list[str], *more: str) -> None:
    """Add what is not yet there."""
    notes += [one for one in dict.fromkeys(more) if one not in notes]


def comma_notes(*headers: Any) -> list[str]:
    """A note where the place, spacing or rescale of some header is written with a comma."""
    with quiet_pydicom():
        found = any(has_comma(header, (*PLACES, *RESCALE)) for header in headers)
    return [COMMA_NOTE] if found else []


def colour() -> VolumeError:
    """The reason for an image that is not grey."""
    return VolumeError(
        "colour DICOM; expected one intensity a voxel", remedy="Export the original scan."
    )


def _rescaled(values: np.ndarray, source: Any, notes: list[str]) -> np.ndarray:
    """PS3.3 C.11.1.1.2; a slope of 0 would leave nothing of the image, so neither is followed."""
    slope, intercept = (
        _number(source, keyword, otherwise) for keyword, otherwise in RESCALE.items()
    )
    if slope == 0:
        notes.append(SLOPE_NOTE)
        return values
    return values * slope + intercept


def _number(source: Any, keyword: str, otherwise: float) -> float:
    """The value of an element, `otherwise` where it is absent or empty; VolumeError: no number."""
    try:
        if source.get(keyword) in (None, ""):
            return otherwise
        (number,) = numbers_of(source, keyword, 1)
    except Exception:  # pydicom converts it only now, and raises many kinds
        raise VolumeError(
            "invalid rescale values", detail=keyword, remedy="Export it again."
        ) from None
    return number


@contextmanager
def _refused() -> Iterator[None]:
    """Without pydicom's warnings; a film's reason is a volume's."""
    try:
        with quiet_pydicom():
            yield
    except FilmError as error:
        raise VolumeError(error.reason, detail=error.detail, remedy=error.remedy) from None
