"""What of a header is secret: who, when, and every word. It is never written, logged or shown."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_prep.privacy.header_words import digits_of, words_of
from data_prep.read.dicom.file import quiet_pydicom
from data_prep.read.dicom.header import code_of, number_of, text_of, whole_text_of
from data_prep.read.dicom.terms import SEXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ISSUED_BY = "^^^"  # between a number and its issuer
FIRST_YEAR = 1970  # before it no study date is true: exports blanked to 19000101 have one


@dataclass(frozen=True)
class Identity:
    """What must not leave the process. It has plain values only, so it can be pickled.

    Attributes:
        who: PatientID, else PatientName, else "". An issuer of the ID follows it after ^^^, as in
            an HL7 CX field, so that the number 4711 of two hospitals is two patients.
        by_name: whether ``who`` is a name for want of an ID.
        study_uid: StudyInstanceUID or "".
        study_date: None if unknown or impossible.
        born: year of PatientBirthDate, sex: M, F or O; "" where unknown. Month and day, and the
            first years of a calendar, are often blanked at export.
        order: sorts one subject's films by study date and time, series, acquisition time, instance.
        words: texts to blank wherever they appear, the longest first; see scrubbing.scrub.
        names: those words that are names, numbers, dates or UIDs; never shown as ordinary words.
        complete: False if the texts hold more than MOST_WORDS words, so that some are unknown.
    """

    who: str = ""
    by_name: bool = False
    study_uid: str = ""
    study_date: datetime.date | None = None
    born: str = ""
    sex: str = ""
    order: tuple[str, str, int, str, int] = ("", "", 0, "", 0)
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    complete: bool = True


def identity(dataset: Dataset, *, words: bool = True) -> Identity:
    """Return the identity in a data set, ignoring broken elements.

    ``words=False`` skips the words and returns only who and when.
    """
    with quiet_pydicom():
        who = whole_text_of(dataset, "PatientID")
        issuer = text_of(dataset, "IssuerOfPatientID")
        if who and issuer:
            who = who + ISSUED_BY + issuer
        name = "" if who else text_of(dataset, "PatientName").rstrip("^= ")
        day = digits_of(text_of(dataset, "StudyDate")).replace(".", "")
        found, names, complete = words_of(dataset) if words else ((), (), True)
        born = re.match(r"(19(?!00)\d\d|20\d\d)", text_of(dataset, "PatientBirthDate"))
        sex = code_of(dataset, "PatientSex")
        moment = text_of(dataset, "AcquisitionTime") or text_of(dataset, "ContentTime")
        return Identity(
            who=who or name,
            by_name=bool(name),
            study_uid=text_of(dataset, "StudyInstanceUID"),
            study_date=_study_date(dataset),
            born=born[1] if born else "",
            sex=sex if sex in SEXES else "",
            order=(
                day,
                digits_of(text_of(dataset, "StudyTime")),
                int(number_of(dataset, "SeriesNumber", 0)),
                digits_of(moment),
                int(number_of(dataset, "InstanceNumber", 0)),
            ),
            words=found,
            names=names,
            complete=complete,
        )


def date_of(text: str) -> datetime.date | None:
    """Return the day of a DA or DT value, also as 1999.12.31 (PS3.5 6.2), or None."""
    found = re.match(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})", text)
    try:
        return datetime.date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        return None


def _study_date(dataset: Dataset) -> datetime.date | None:
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        date = date_of(text_of(dataset, keyword))
        if date is not None and date.year >= FIRST_YEAR:
            return date
    return None
