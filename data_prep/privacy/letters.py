"""Letters as they are compared: without accents, capitals, ligatures and escapes."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

# Letters that Unicode does not take apart (UAX 15 leaves them whole).
_PLAIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
    "ħ": "h", "ŋ": "n", "ŧ": "t", "ĸ": "k", "ə": "e", "ɓ": "b", "ɗ": "d", "ƙ": "k",
}  # fmt: skip
# A letter beyond ASCII as programs write it: %C3%BC (RFC 3986), #U738b (unzip), \u738b, &#29579;
_ESCAPE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    r"|\#U(?P<unzip>[0-9A-Fa-f]{4})|\#L(?P<long>[0-9A-Fa-f]{6})"
    r"|\\u(?P<u>[0-9A-Fa-f]{4})|&\#(?P<decimal>\d{1,6});|&\#x(?P<hex>[0-9A-Fa-f]{1,6});"
)
_ASCII_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")
_TWO_LETTERS = re.compile(r"(?<=[aou])e|(?<=a)a")
# ISO 2022 (JIS X 0208, KS X 1001) in ASCII bytes, from its escape to the next path level.
_SHIFTED = re.compile(r"\x1b[^/]*")


@dataclass
class Token:
    """A run of letters and digits. text: as compared; spans: where each letter of it stands."""

    text: str = ""
    spans: list[tuple[int, int]] = field(default_factory=list)
    start: int = 0
    end: int = 0
    foreign: bool = False  # it holds anything beyond ASCII
    odd: bool = False  # also what is neither a letter nor a digit


@lru_cache(maxsize=4096)
def fold_letter(letter: str) -> str:
    """Return a letter as compared: 'Ç' -> 'c', 'ß' -> 'ss', 'ü' -> 'u', 'Ａ' -> 'a', '٣' -> '3'."""
    digit = unicodedata.decimal(letter, None)
    if digit is not None:
        return str(digit)
    bare = unicodedata.normalize("NFKD", letter).casefold()
    bare = "".join(_PLAIN.get(one, one) for one in bare)
    return "".join(one for one in unicodedata.normalize("NFKD", bare) if one.isalnum())


def fold(text: str) -> str:
    """Letters and digits alone, as compared; ae, oe, ue and aa count as a, o, u and a.

    So Müller, MUELLER, Muller and the same in full-width letters are one name.
    """
    return "".join(parts(text))


def parts(text: str) -> list[str]:
    """Runs of letters and digits of a text, each as compared."""
    if text.isascii() and not _ESCAPE.search(text):  # most are; the same, but fast
        return _TWO_LETTERS.sub("", _ASCII_SEPARATORS.sub(" ", text).lower()).split()
    return [token.text for token in tokens(text) if token.text]


def tokens(text: str) -> list[Token]:
    """Split a text at ASCII characters that are neither letters nor digits; decode escapes."""
    found: list[Token] = []
    token = Token()
    before = ""
    for letter, start, end in _letters(text):
        if letter.isascii() and not letter.isalnum():
            found.append(token)
            token, before = Token(), ""
            continue
        if token.end == 0:
            token.start = start
        token.end = end
        token.foreign |= not letter.isascii()
        folded = fold_letter(letter)
        token.odd |= not folded and not unicodedata.combining(letter)
        for one in folded:
            if (one == "e" and before in ("a", "o", "u")) or one == before == "a":
                token.spans[-1] = (token.spans[-1][0], end)
            else:
                token.text += one
                token.spans.append((start, end))
            before = one
        if not folded and token.spans:  # an accent of its own
            token.spans[-1] = (token.spans[-1][0], end)
    found.append(token)
    return [token for token in found if token.end]


def _letters(text: str) -> Iterator[tuple[str, int, int]]:
    """(letter, where it starts and ends in the text), escapes decoded."""
    at = 0
    while at < len(text):
        if text[at] == "\x1b":
            shifted = _SHIFTED.match(text, at)
            assert shifted is not None
            yield "\x80", at, shifted.end()
            at = shifted.end()
            continue
        escape = _ESCAPE.match(text, at) if text[at] in "%#\\&" else None
        if escape is None:
            yield text[at], at, at + 1
            at += 1
            continue
        for letter in _decoded(escape):
            yield letter, at, escape.end()
        at = escape.end()


def _decoded(escape: re.Match[str]) -> str:
    kind = escape.lastgroup
    if kind is not None:
        number = int(escape[kind], 10 if kind == "decimal" else 16)
        return chr(number) if number <= 0x10FFFF else "\x80"
    raw = unquote_to_bytes(escape.group())
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
