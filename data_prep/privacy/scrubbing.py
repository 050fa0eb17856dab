"""File names and texts without identifiers: known words, dates and UIDs become ***."""

import datetime
import re
import unicodedata
from collections.abc import Iterable, Iterator

from data_prep.errors import DataError
from data_prep.privacy.letters import Token, fold, parts, tokens
from data_prep.privacy.words import is_technical

BLANK = "***"
SHORTEST = 3  # letters of a word that is looked for inside other words
WIDEST = 3  # characters that may part a word
LONGEST_SUBJECT = 120
MOST_DIGITS = 5  # of a number that identifies nobody

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


def scrub(text: str, words: Iterable[str]) -> str:
    """The text with every word blanked, for log lines and messages; the result is Unicode NFC.

    A word is found in any case, inside other words, with other separators or none between its
    parts (Meier^Anna, MEIER_Anna, meieranna) or within it (Xiao_Dong), percent-encoded, with its
    accents left off or written out (Müller, Mueller, Muller), and a date YYYYMMDD in the usual
    other forms. Words of two letters are found where they stand alone. It is for texts about
    inputs: it would blank parts of pseudonyms.
    """
    text = unicodedata.normalize("NFC", text)
    return _blanked(text, _Text(text).found(words))


class _Text:
    """A text as its letters and digits, one after the other, and where each stands."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.letters = "".join(token.text for token in self.tokens)
        self.spans = [span for token in self.tokens for span in token.spans]
        self.gaps = set[int]()  # the letters before which a token starts
        self.edges = {0, len(self.letters)}  # the same, and where letters and digits meet
        at = 0
        for token in self.tokens:
            self.gaps.add(at)
            at += len(token.text)
        pairs = zip(self.letters, self.letters[1:], strict=False)
        self.edges |= {k for k, (a, b) in enumerate(pairs, start=1) if a.isdigit() != b.isdigit()}
        self.edges |= self.gaps

    def found(self, words: Iterable[str]) -> list[tuple[int, int]]:
        """Where the words stand in the text."""
        return [
            (self.spans[start][0], self.spans[end - 1][1])
            for word in words
            for form in _forms(word)
            for start, end in self._places(parts(form), sum(map(str.isalnum, form)))
        ]

    def _places(self, word: list[str], written: int) -> Iterator[tuple[int, int]]:
        """Where a word stands; written: its letters and digits before oe, ue, ... became one."""
        whole = "".join(word)
        short = written < SHORTEST and whole.isascii()
        if len(whole) < (2 if short else 1):
            return
        shrunk = not short and len(whole) < SHORTEST and whole.isascii()  # Doe, compared as "do"
        start = self.letters.find(whole)
        while start >= 0:
            end = start + len(whole)
            fits = {start, end} <= self.edges or (
                not short
                and self._parted(start, end) <= _ends(start, word)
                and not (shrunk and self._as_compared(start, end))
            )
            if fits and self._near(start, end):
                yield start, end
            start = self.letters.find(whole, start + 1)

    def _as_compared(self, start: int, end: int) -> bool:
        """Whether these letters stand in the text as they are: the do of window, not of jdoe."""
        return all(last - first == 1 for first, last in self.spans[start:end])

    def _parted(self, start: int, end: int) -> set[int]:
        """Where separators stand between these letters."""
        return {k for k in self.gaps if start < k < end}

    def _near(self, start: int, end: int) -> bool:
        return all(
            self.spans[k][0] - self.spans[k - 1][1] <= WIDEST for k in self._parted(start, end)
        )


def _ends(start: int, word: list[str]) -> set[int]:
    """Where the parts of a word end, if it starts there."""
    ends = set()
    for part in word:
        start += len(part)
        ends.add(start)
    return ends


def _blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Spans blanked; where two overlap both go, or the rest of the second would stay."""
    pieces, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            pieces += [text[done:start], BLANK]
        done = max(done, end)
    return re.sub(r"(?:\*\*\*){2,}", BLANK, "".join([*pieces, text[done:]]))


def safe_name(name: str, words: Iterable[str] = (), *, unread: bool = False) -> str:
    """A file name (POSIX path) fit for lists and a terminal.

    words are blanked as in scrub. Then every run of letters and digits goes that holds anything
    beyond ASCII, unless it is an ordinary technical word (série_3): another character set, a
    transliteration or a wrong decoder can hide a name from the words. Then whatever looks like a
    date goes; UIDs lose all but their last 4 digits; control characters become ?.

    unread: what the patient may be called is not known, because there is no header, it cannot be
    read, it was blanked, or its names have letters beyond ASCII, which people write in many ways.
    Then only ordinary technical words, single letters and numbers under 6 digits stay.
    """
    name = scrub(name, words)
    foreign = [t for t in tokens(name) if t.foreign and not _is_technical(t)]
    name = _blanked(name, [(token.start, token.end) for token in foreign])
    name = _UID.sub(lambda uid: "..." + uid.group()[-_TAIL:], name)
    name = _DATE.sub(BLANK, name)
    if unread:
        name = re.sub(r"[^\W\d_]{2,}", _unless_technical, name)
        name = re.sub(rf"\d{{{MOST_DIGITS + 1},}}", BLANK, name)
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _is_technical(token: Token) -> bool:
    runs = re.findall(r"\d+|\D+", token.text)
    return not token.odd and all(
        len(run) <= MOST_DIGITS if run.isdigit() else is_technical(run) for run in runs
    )


def _unless_technical(match: re.Match[str]) -> str:
    return match.group() if is_technical(fold(match.group())) else BLANK


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


def _forms(word: str) -> Iterator[str]:
    """The ways in which a word may stand in a text, beyond what `parts` makes equal."""
    word = unicodedata.normalize("NFC", word)
    yield word
    if word.isascii():
        yield from _dates(word)
        return
    for codec in ("latin-1", "cp1252"):
        yield word.encode("utf-8", "replace").decode(codec, "replace")


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
