"""The one parent of all errors that are about what the user gave. Standard library only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

_ALIKE = (
    0.5  # of 1: 'lamda' and 'lambda' have 0.9, two words with half of their letters in common 0.5
)


class HealthyGANError(ValueError):
    """Something given cannot be used; the message says what, where, what was expected and what to do.

    Commands print it behind ``error:``; the Python API raises it. It never holds a value of a header.
    """


class PrepError(HealthyGANError):
    """One input that cannot be used.

    reason: a sentence without this file's own numbers, so that files group by it; detail: those
    numbers; remedy: what to do. None of them ever holds a value from a header that could identify.
    """

    def __init__(self, reason: str, *, remedy: str = "", detail: str = "") -> None:
        super().__init__(". ".join(part for part in (reason, detail, remedy) if part))
        self.reason, self.remedy, self.detail = reason, remedy, detail

    def __reduce__(self) -> tuple[Any, ...]:  # keyword arguments survive the way back from a worker
        return _rebuild, (type(self), self.reason, self.remedy, self.detail)


class LeftOut(PrepError):
    """One input that could be used, but is not wanted: another view or modality, a copy, ..."""


def _rebuild(kind: type[PrepError], reason: str, remedy: str, detail: str) -> PrepError:
    return kind(reason, remedy=remedy, detail=detail)


class DataError(HealthyGANError):
    """A data set that cannot be used; the message says what, where and what to do."""


class LeakError(DataError):
    """One subject in two sections; the message names the subjects."""


class FilmError(PrepError):
    """One film that cannot be used; see PrepError for its three texts."""


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the known name that is most like this one, "" if none is."""
    names = {k.lower(): k for k in known}
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=_ALIKE)
    return f", did you mean {names[near[0]]!r}?" if near else ""
