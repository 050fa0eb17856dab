"""File names and texts without identifiers: known words, dates and UIDs become ***."""

import datetime
import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

from data_prep.errors import DataError

BLANK = "***"
SHORTEST = 3
LONGEST_SUBJECT = 120
_GERMAN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"}
)
_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_SEPARATORS = re.compile(r"[\W_]+")
_ANY_SEPARATOR = r"(?:%[0-9a-f]{2}|[\W_]){0,3}"

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_M, _D = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_MONTHS = "(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zä]{0,6}"
_DATE = re.compile(
    rf"{_YEAR}{_MONTH}{_DAY}(?:\d{{6}}(?!\d))?"
    rf"|{_YEAR}([-_. ]){_M}\1{_D}(?!\d)"
    rf"|(?<!\d){_DAY}{_MONTH}{_YEAR}(?!\d)|(?<!\d){_MONTH}{_DAY}{_YEAR}(?!\d)"
    rf"|(?<!\d)(?:{_D}([-_. /]){_M}|{_M}([-_. /]){_D})(?:\2|\3)(?:{_YEAR}|\d\d)(?!\d)"
    rf"|(?<!\d){_D}[-_. ]{{0,2}}{_MONTHS}[-_. ]{{0,2}}{_YEAR}"
    rf"|{_MONTHS}[-_. ]{{0,2}}{_D}[-_., ]{{1,2}}{_YEAR}",
    re.IGNORECASE,
)
_UID = re.compile(r"\d+(?:[._]\d+){4,}")
_TAIL = 4  # digits of a UID that stay, to tell files apart

# What a file may be called where nothing is known of its patient.
_TECHNICAL = """
    abdomen anim anisotropic anon ap archive axial bad baseline big bin bit bits bmp bone brain
    brains broken bytes capture cd chest cohort color colour constant copy corrupt cr csv ct cxr
    data dcm deflated dicom dicomdir diseased disk dx empty endian exam export file film films
    first flair folder frame frontal gif gz half head header healthy im image images img
    implicit info jp jpeg jpg json key large lateral left license list little log lossless lossy
    ls lut mask meta mismatch missing mixed mono mr multi named nifti nii no none notes of
    overlay pa padding pat patient phantom pic picture pixel pixeldata pixels png preamble
    readme report rescale rg right rle rows rtplan scan se secondary sequence ser series ses
    session slope small spacing sr st study sub subject syntax table tag test text tif tiff
    train truncated ts tsv txt unreadable unsupported val validation view volume window without
    wrong x xray zero
"""
_HARMLESS = frozenset(_TECHNICAL.split())


def scrub(text: str, words: Iterable[str]) -> str:
    """The text with every word blanked, for log lines and messages; the result is Unicode NFC.

    A word is found in any case, inside other words, with other separators or none between its
    parts (Meier^Anna, MEIER_Anna, meieranna), percent-encoded, with its accents left off or
    written out (Müller, Mueller, Muller), and a date YYYYMMDD in the usual other forms. Words under
    3 characters are ignored. It is for texts about inputs: it would blank parts of pseudonyms.
    """
    text = unicodedata.normalize("NFC", text)
    seen = f"{_bare(text)} {_bare(unquote(text))}"  # a cheap look first: most words are not there
    forms = {form for word in words for form in _forms(word) if len(form) >= SHORTEST}
    forms = {form for form in forms if _bare(form) in seen}
    spans = sorted(
        match.span()
        for form in forms
        for match in re.finditer(_pattern(form), text, flags=re.IGNORECASE)
    )
    return _blanked(text, spans)


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """Sorted spans blanked; where two overlap both go, or the rest of the second would stay."""
    parts, done = [], 0
    for start, end in spans:
        if start >= done:
            parts += [text[done:start], BLANK]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def safe_name(name: str, words: Iterable[str] = (), *, unread: bool = False) -> str:
    """A file name (POSIX path) fit for lists and a terminal.

    words are blanked as in scrub, then whatever looks like a date; UIDs lose all but their last 4
    digits; control characters become ?, and a first character that a spreadsheet would take
    for a formula is quoted. unread: nothing is known of the patient, because there is no header
    or it cannot be read; then only ordinary technical words, single letters and numbers under 6
    digits stay.
    """
    name = name.encode("utf-8", "replace").decode("utf-8")  # undecodable bytes of a name
    name = _UID.sub(lambda uid: "..." + uid.group()[-_TAIL:], scrub(name, words))
    name = _DATE.sub(BLANK, name)
    if unread:
        name = re.sub(r"[^\W\d_]{2,}", _unless_harmless, name)
        name = re.sub(r"\d{6,}", BLANK, name)
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    return "'" + name if name[:1] in ("=", "+", "@", "-") else name


def safe_subject(name: str) -> str:
    """A subject name of a table as a folder name; two different names stay different.

    Letters, digits, - and _ stay; every other character becomes ~ and two hexadecimal digits a
    byte of its UTF-8 (A/1 -> A~2F1), which hides nothing and confirms nothing: names that must not
    be seen need --pseudonyms keyed. Raises DataError for a name that is empty or too long.
    """
    name = unicodedata.normalize("NFC", name.strip())
    if not name:
        raise DataError("subject is empty; every row of the table needs one")
    safe = re.sub(r"[^A-Za-z0-9_-]", lambda m: _escaped(m.group()), name)
    if len(safe) > LONGEST_SUBJECT:
        raise DataError(
            f"a subject name needs more than {LONGEST_SUBJECT} characters as a folder name; "
            "shorten it in the table, or pass --pseudonyms keyed."
        )
    return safe


def _escaped(letter: str) -> str:
    return "".join(f"~{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))


def _unless_harmless(match: re.Match[str]) -> str:
    return match.group() if match.group().lower() in _HARMLESS else BLANK


def _forms(word: str) -> Iterator[str]:
    """The ways a word may have been written into a file name."""
    word = unicodedata.normalize("NFC", word.strip())
    yield word
    if word.isascii():
        yield from _dates(word)
        return
    lower = word.lower()
    yield lower.translate(_GERMAN)
    for form in (lower, lower.translate(_PLAIN), lower.translate(_GERMAN)):
        bare = unicodedata.normalize("NFKD", form)
        yield "".join(letter for letter in bare if not unicodedata.combining(letter))
    yield quote(word)
    for codec in ("latin-1", "cp1252"):
        yield quote(word.encode(codec, "replace"))
        yield word.encode("utf-8").decode(codec, "replace")  # what a wrong decoder makes of it


def _dates(word: str) -> Iterator[str]:
    """YYYYMMDD in the forms people write; the separators between them are free (see _pattern)."""
    if not re.fullmatch(r"(?:18|19|20)\d{6}", word):
        return
    try:
        date = datetime.date(int(word[:4]), int(word[4:6]), int(word[6:]))
    except ValueError:
        return
    year, month, day = word[:4], word[4:6], word[6:]
    for y in (year, year[2:]):
        yield from (f"{y}-{month}-{day}", f"{day}-{month}-{y}", f"{month}-{day}-{y}")
    if month[0] == "0" or day[0] == "0":
        m, d = month.lstrip("0"), day.lstrip("0")
        yield from (f"{year}.{m}.{d}", f"{d}.{m}.{year}", f"{m}/{d}/{year}")
    for name in (f"{date:%B}", f"{date:%b}"):
        yield from (f"{day}-{name}-{year}", f"{name}-{day}-{year}", f"{year}-{name}-{day}")


def _bare(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return _SEPARATORS.sub("", text).lower()


def _pattern(form: str) -> str:
    parts = [part for part in _SEPARATORS.split(form) if part]
    if "%" in form or not parts:
        return re.escape(form)
    return _ANY_SEPARATOR.join(re.escape(part) for part in parts)
