"""What may leave of a header: an allow-list of facts, and days instead of dates.

What must not leave, and how it is blanked, is in identity.py and scrubbing.py.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from data_prep.privacy.identity import date_of
from data_prep.privacy.words import maker
from data_prep.read.dicom import terms
from data_prep.read.dicom.file import quiet_pydicom
from data_prep.read.dicom.header import text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

OLDEST_SHOWN = 89  # 45 CFR 164.514(b)(2)(i)(C): ages over 89 go into one class, 90 or older
OLDEST_KNOWN = 125  # above it a birth date or an age is an error
# Rows and Columns are US; a larger count of frames may be a date in the wrong place
LARGEST = 65535
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}  # PS3.5 6.2, VR AS

_CODES: dict[str, tuple[tuple[str, ...], Collection[str]]] = {
    "modality": (("Modality",), terms.MODALITIES),
    "photometric": (("PhotometricInterpretation",), terms.PHOTOMETRIC),
    "view": (("ViewPosition",), terms.VIEW_TERMS),
    "laterality": (("ImageLaterality", "Laterality"), terms.LATERALITIES),
    "intent": (("PresentationIntentType",), terms.INTENTS),
    "burned_in": (("BurnedInAnnotation",), terms.YES_NO),
    "recognizable_features": (("RecognizableVisualFeatures",), terms.YES_NO),
    "lossy": (("LossyImageCompression",), ("00", "01")),
    "sex": (("PatientSex",), terms.SEXES),
}
_RECOGNISED: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "manufacturer": ("Manufacturer", maker),
    "body_part": ("BodyPartExamined", terms.body_part_in),
}
_NUMBERS = {"rows": "Rows", "columns": "Columns", "bits": "BitsStored", "frames": "NumberOfFrames"}


def facts(dataset: Dataset) -> dict[str, Any]:
    """The facts of a header that survive; values are JSON strings and ints.

    Codes come out of the closed lists of read/dicom_terms.py, numbers are whole and at most 65,535,
    and age is in whole years, "90+" from 90 on. No free text passes, because it can hold a name; a
    value outside its list is left out. Sex and age are there to look for confounders.
    """
    known: dict[str, Any] = {}
    with quiet_pydicom():
        for name, (keywords, allowed) in _CODES.items():
            values = (text_of(dataset, keyword).upper() for keyword in keywords)
            value = next((value for value in values if value), "")
            if value in allowed:
                known[name] = value
        for name, (keyword, recognise) in _RECOGNISED.items():
            term = recognise(text_of(dataset, keyword))
            if term is not None:
                known[name] = term
        for name, keyword in _NUMBERS.items():
            text = text_of(dataset, keyword)
            if re.fullmatch(r"[0-9]{1,5}", text) and int(text) <= LARGEST:
                known[name] = int(text)
        age = _age(dataset)
    if age is not None:
        known["age"] = age
    return known


def _age(dataset: Dataset) -> int | str | None:
    """Whole years from PatientAge (VR AS, PS3.5 6.2), else from the study and birth dates."""
    stated = re.fullmatch(r"([0-9]{1,3})([DWMY])", text_of(dataset, "PatientAge").upper())
    if stated:
        number, unit = int(stated[1]), stated[2]
        years = number if unit == "Y" else int(number * _DAYS[unit] / _DAYS["Y"])
    else:
        study = date_of(text_of(dataset, "StudyDate"))
        birth = date_of(text_of(dataset, "PatientBirthDate"))
        if study is None or birth is None:
            return None
        before = (study.month, study.day) < (birth.month, birth.day)
        years = study.year - birth.year - before
    if not 0 <= years <= OLDEST_KNOWN:
        return None
    return years if years <= OLDEST_SHOWN else f"{OLDEST_SHOWN + 1}+"


def days_since_first(dates: Sequence[datetime.date | None]) -> list[int | None]:
    """Days from the earliest of one subject's study dates to each; None where a date is unknown.

    The result shows no date, month, weekday or season: every subject starts at 0. The order and the
    distance of a subject's studies stay. A study older than all before it, added
    later, shifts that subject's numbers.
    """
    known = [date for date in dates if date is not None]
    if not known:
        return [None for _ in dates]
    first = min(known)
    return [None if date is None else (date - first).days for date in dates]
