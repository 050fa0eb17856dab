"""Every word of a header that may identify the patient, to be blanked wherever it appears.

docs/security.md, section 2, says for each kind of element what is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from data_prep.privacy.letters import fold
from data_prep.privacy.words import COMMON, TECHNICAL

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

# VRs (PS3.5 6.2) whose text can identify. CS, IS and DS hold codes and numbers, AS an age: the
# standard says which, except in private elements.
_VRS = "PN LO SH ST LT UC UT UR UI DA DT TM AE UN"
TEXT_VRS = frozenset(_VRS.split())
_PRIVATE_VRS = TEXT_VRS | {"OB", "CS", "AS", "IS", "DS"}
STANDARD_UIDS = "1.2.840.10008."  # the same in every hospital's files (PS3.6 A)
LONGEST_VALUE = 4096  # characters of one value that are looked at
MOST_WORDS = 4000  # of texts; of names, numbers, dates and UIDs none is ever dropped
SHORTEST, SHORTEST_NAME, SHORTEST_PERSON = 4, 3, 2
FIRST_OF_CJK = "\u2e80"  # from here on one sign can be a name (Unicode, Script blocks)
SHORTEST_NUMBER = 6  # digits of a private IS or DS; a shorter number may be any count or size
_SPLIT = re.compile(r"[\s^=\\,;:/|()\[\]<>\"'_.+&·・‧＾＝，、（）-]+")
_CORE = re.compile(rf"\d{{{SHORTEST},}}")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")  # XiaoDong
# PS3.5 6.2.1.1: groups (alphabetic, ideographic, phonetic), and components: family, given, middle
# name, prefix, suffix.
GROUP, COMPONENT, TITLES = "=", "^", 3
_ORDINARY = TECHNICAL | COMMON
_ASCII_NAME = re.compile(r"[ -~]*")
# Beside VR PN: what stands in these is a name or a number of a person, whatever word it is.
_KEYWORDS = """
    PatientName PatientID OtherPatientIDs AccessionNumber StudyID AdmissionID MedicalRecordLocator
    ClinicalTrialSubjectID FillerOrderNumberImagingServiceRequest
    PlacerOrderNumberImagingServiceRequest
"""
_NAMES = frozenset(_KEYWORDS.split())
_PERSONS = frozenset({"PatientName"})  # a name of parts, whatever VR a writer gave it
# Many hospitals are called by three letters.
_PLACES = frozenset({"InstitutionName", "InstitutionalDepartmentName", "IssuerOfPatientID"})
_CERTAIN_VRS = frozenset({"PN", "DA", "DT", "TM", "UI"})


def words_of(dataset: Dataset) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """(all words, the longest first; the names, numbers, dates and UIDs of them; whether all).

    Not all: there are too many, or a name has letters beyond ASCII. How these are written in a file
    name cannot be known: romanised in one of many ways, or in another character set than the header
    says.
    """
    names: dict[str, None] = {}
    others: dict[str, None] = {}
    complete = True
    for part in (dataset, getattr(dataset, "file_meta", None)):
        for keyword, vr, text in _texts(part) if part is not None else ():
            words = dict.fromkeys(_of_value(keyword, vr, text))
            if vr in _CERTAIN_VRS or keyword in _NAMES:
                names.update(words)
                complete = complete and _spelled(text)
            elif len(others) < MOST_WORDS:
                others.update(words)
            else:
                complete = complete and words.keys() <= others.keys()
    found = sorted(names | others, key=lambda word: (-len(word), word))
    return tuple(found), tuple(names), complete


def _spelled(name: str) -> bool:
    """True where all letters of a name are known; "?" stands for one that a device did not know."""
    return "?" not in name and _ASCII_NAME.fullmatch(name.strip("\0\t\r\n")) is not None


def _texts(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """(keyword, VR, text) of every text in a data set, sequences and private elements included."""
    from pydicom.datadict import keyword_for_tag

    for tag in list(dataset.keys()):
        if tag.group >= 0x7FE0:
            continue  # pixels, signatures and padding
        try:
            element = dataset[tag]
        except Exception:  # it cannot be converted: its bytes are looked at as they are
            raw = getattr(dataset.get_item(tag), "value", None)
            yield keyword_for_tag(tag), "UN", _decoded(raw)
            continue
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _texts(item)
        elif element.VR in (_PRIVATE_VRS if element.is_private else TEXT_VRS):
            for text in _values(element):
                yield element.keyword, element.VR, text


def _values(element: DataElement) -> Iterator[str]:
    value = element.value
    many = value if element.VM > 1 and not isinstance(value, (str, bytes)) else [value]
    for one in many:
        if one is not None:
            yield _decoded(one) if isinstance(one, bytes) else str(one)[:LONGEST_VALUE]


def _decoded(value: Any) -> str:
    if not isinstance(value, bytes):
        return ""
    text = value[:LONGEST_VALUE].decode("latin-1")
    return " ".join(re.findall(r"[\x20-\x7e\xa0-\xff]{3,}", text))


def _of_value(keyword: str, vr: str, text: str) -> Iterator[str]:
    """The value and its parts, where they are long enough; of a text, no word of the trade."""
    text = text.strip(" \0\t\r\n^=")
    if vr == "UI":
        if len(text) >= SHORTEST and not text.startswith(STANDARD_UIDS):
            yield text
        return
    if vr in ("DA", "DT", "TM"):
        digits = digits_of(text)  # a day as 19991231 or 1999.12.31 (PS3.5 6.2)
        digits = digits.partition(".")[0] if vr == "TM" else digits.replace(".", "")[:8]
        if len(digits) >= 6 and digits.strip("0"):
            yield digits
        return
    if vr in ("IS", "DS"):
        number = re.fullmatch(r"[+-]?0*(\d+)(?:\.0*)?", text)
        if number and len(number[1]) >= SHORTEST_NUMBER:
            yield number[1]
        return
    if vr == "PN" or keyword in _PERSONS:
        yield from _of_person(text)
        return
    is_name = keyword in _NAMES
    shortest = SHORTEST_NAME if is_name or keyword in _PLACES else SHORTEST
    whole = [] if vr == "UN" or len(text) > 64 else [text]
    # a folder may leave out the letters around a number
    cores = _CORE.findall(text) if is_name else []
    for part in [*whole, *filter(None, _SPLIT.split(text)), *cores]:
        bare = part.lstrip("0") if part.isdigit() else part
        for word in {part, bare}:
            if len(word) >= shortest and (is_name or fold(word) not in COMMON):
                yield word


def _of_person(text: str) -> Iterator[str]:
    """The names of a PN in every group: together in both orders, one by one, and two initials."""
    for group in text.split(GROUP):
        components = [part.strip() for part in group.split(COMPONENT)]
        split = [list(filter(None, _SPLIT.split(part))) for part in components]
        names = [name for part in split[:TITLES] for name in part]
        titles = [title for part in split[TITLES:] for title in part]
        whole = list(filter(None, components[:TITLES]))  # O'Brien, Mary Ann
        if len(names) > 1:
            yield COMPONENT.join(whole)
            yield COMPONENT.join([*whole[1:], whole[0]])
            yield COMPONENT.join([names[1], names[0]])
            initials = names[1][0] + names[0][0]
            for pair in (initials, initials[::-1]):
                if initials.isascii() and initials.isalpha() and fold(pair) not in _ORDINARY:
                    yield pair
        for name in {*whole, *names, *(hump for part in names for hump in _HUMPS.split(part))}:
            if len(name) >= (1 if name[0] >= FIRST_OF_CJK else SHORTEST_PERSON):
                yield name
        yield from (title for title in titles if len(title) >= SHORTEST_NAME)


def digits_of(text: str) -> str:
    """A date or a time in digits, which sort as they follow; fractions of a second stay behind."""
    return re.sub(r"[^0-9.]", "", text).strip(".")
