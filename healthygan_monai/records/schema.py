"""Read a JSON object whose keys and types are known; anything else is refused by name.

A folder from somebody else is data: its texts are compared and shown, never evaluated.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.datalist import can_be_path
from data_prep.errors import nearest
from healthygan_monai.errors import ModelError

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")  # of a setting
SHOWN = 80  # characters of a wrong value
MOST = 2**53  # of a whole number: more is no float exactly


def _nothing_more(where: str, value: Any) -> Iterator[str]:
    yield from ()


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        expected: the kind in words.
        fits: whether a value is of it.
        inside: problems of the parts of a value that fits.
    """

    expected: str
    fits: Callable[[Any], bool]
    inside: Callable[[str, Any], Iterator[str]] = _nothing_more

    def problems(self, where: str, value: Any) -> Iterator[str]:
        """Yield a phrase for everything in ``value`` that is wrong; ``where`` is its key."""
        if self.fits(value):
            yield from self.inside(where, value)
        else:
            yield f"{where or 'it'} is {_shown(value)}; expected {self.expected}"


def _is_number(value: Any) -> bool:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and -sys.float_info.max <= value <= sys.float_info.max  # no NaN, no infinity


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


text = Kind("a text", lambda value: isinstance(value, str))
path = Kind("a path", lambda value: isinstance(value, str) and can_be_path(value))
truth = Kind("true or false", lambda value: isinstance(value, bool))
number = Kind("a number", _is_number)
whole = Kind(
    "a whole number, 0 or more",
    lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= MOST,
)
sha256 = Kind("a SHA-256, 64 hexadecimal digits", _is_sha256)
anything = Kind("data", lambda value: True, lambda where, value: _plain(where, value))


def exactly(*values: Any) -> Kind:
    """Return the kind of these values."""
    shown = " or ".join(map(repr, values))
    return Kind(shown, lambda v: any(v == one and type(v) is type(one) for one in values))


def between(least: int, most: int) -> Kind:
    """Return the kind of whole numbers from ``least`` to ``most``."""
    expected = f"a whole number from {least} to {most}"
    return Kind(expected, lambda value: whole.fits(value) and least <= value <= most)


def either(*kinds: Kind) -> Kind:
    """Return the kind of what is of one of several kinds."""

    def inside(where: str, value: Any) -> Iterator[str]:
        return next(kind.inside(where, value) for kind in kinds if kind.fits(value))

    expected = " or ".join(kind.expected for kind in kinds)
    return Kind(expected, lambda value: any(kind.fits(value) for kind in kinds), inside)


def or_none(kind: Kind) -> Kind:
    """Return the kind that has null too."""
    return either(Kind("null", lambda value: value is None), kind)


def list_of(kind: Kind) -> Kind:
    """Return the kind of lists of one kind."""

    def inside(where: str, values: Any) -> Iterator[str]:
        for place, value in enumerate(values):
            yield from kind.problems(f"{where}[{place}]", value)

    return Kind("a list", lambda value: isinstance(value, list), inside)


def record(known: Mapping[str, Kind], needed: Sequence[str] = ()) -> Kind:
    """Return the kind of objects that have no other keys than these, and all ``needed`` ones."""

    def inside(where: str, value: Any) -> Iterator[str]:
        yield from (f"{_below(where)}{key} is missing" for key in needed if key not in value)
        yield from problems(value, known, _below(where))

    return _object(inside)


def holding(known: Mapping[str, Kind], needed: Sequence[str] = ()) -> Kind:
    """Return the kind of objects whose keys of these names are of these kinds; others may be."""

    def inside(where: str, value: Any) -> Iterator[str]:
        yield from (f"{_below(where)}{key} is missing" for key in needed if key not in value)
        yield from problems({k: v for k, v in value.items() if k in known}, known, _below(where))

    return _object(inside)


def objects_of(kind: Kind) -> Kind:
    """Return the kind of objects whose values are all of one kind, whatever their keys."""

    def inside(where: str, value: Any) -> Iterator[str]:
        for name, one in value.items():
            yield from kind.problems(f"{where}.{name}", one)

    return _object(inside)


def named(kind: Kind) -> Kind:
    """Return the kind of objects of one kind under plain names."""

    def inside(where: str, value: Any) -> Iterator[str]:
        for name in value:
            if not NAME.fullmatch(name):
                yield f"{where} has the name {_shown(name)}; expected letters, digits, - and _"
        yield from objects_of(kind).inside(where, value)

    return _object(inside)


def _below(where: str) -> str:
    return f"{where}." if where else ""


def _object(inside: Callable[[str, Any], Iterator[str]]) -> Kind:
    return Kind("an object", lambda value: isinstance(value, Mapping), inside)


def _plain(where: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from named(anything).inside(where, value)
    elif isinstance(value, list):
        yield from list_of(anything).inside(where, value)
    elif isinstance(value, float):
        yield from number.problems(where, value)


def problems(
    content: Mapping[str, Any], known: Mapping[str, Kind], where: str = ""
) -> Iterator[str]:
    """Yield a phrase for every unknown key, and for every value of a wrong kind."""
    for key, value in content.items():
        if key in known:
            yield from known[key].problems(f"{where}{key}", value)
        else:
            yield f"unknown key {_shown(where + key)}{nearest(key, known)}"


def read(file: Path, known: Kind) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        ModelError: the file cannot be read, is not JSON, or is not of this kind; all problems are
            named.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=once)
        wrong = list(known.problems("", content))
    except (ValueError, RecursionError) as error:
        kind = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ModelError(f"{file}: not valid JSON ({kind[:SHOWN]}). Copy it again.") from error
    if wrong:
        raise ModelError(
            f"{file}: {'; '.join(wrong)}. It is read as data, and by the version of healthygan "
            "that wrote it. Copy the folder again, or use that version."
        )
    return content


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return one object of a JSON file, of which Python would keep the last of two equal keys.

    Raises:
        ValueError: two keys are equal.
    """
    count = Counter(key for key, _ in pairs)
    if twice := sorted(key for key, times in count.items() if times > 1):
        raise ValueError(f"{', '.join(map(_shown, twice))} twice in one object; keep one")
    return dict(pairs)


def _shown(value: Any) -> str:
    words = ascii(value)
    return words if len(words) <= SHOWN else f"{words[:SHOWN]}..."
