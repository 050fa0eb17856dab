"""Errors about what the user gave, and the exit codes of commands. Standard library only."""

import difflib
import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

DONE, FAILED, WRONG_USAGE, SOME_UNREAD = 0, 1, 2, 3  # in words: cli/exit_codes.py
# OUTPUT is full or read-only: no other input would fare better, so the run stops.
DISK_TROUBLE = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))
_ALLOW = "allow it (chmod, or ask the owner), or give another folder"
_REMEDIES = {
    **{number: "make room" for number in DISK_TROUBLE},
    errno.EROFS: "give a folder on a disk that can be written",
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EEXIST: "a file is where a folder is needed; move it away, or give another path",
    errno.ENOTDIR: "a file is where a folder is needed; move it away, or give another path",
    errno.EISDIR: "a folder is where a file is needed; move it away, or give another path",
    errno.EFBIG: "the file system or a limit of the account allows no file of this size",
    errno.EIO: "the disk has a fault; copy what is there to another one",
}
# of 1: 'lamda' and 'lambda' have 0.9, two words with half of their letters in common 0.5
_ALIKE = 0.5


class HealthyGANError(ValueError):
    """The input cannot be used: what, where, what was expected, what to do; no header value."""


class UsageError(HealthyGANError):
    """A wrong flag, value, config key or path: exit code 2, before any work."""


class NotFound(UsageError, FileNotFoundError):
    """A given path that does not exist; as a FileNotFoundError it has no errno."""


class NotInstalled(UsageError, ModuleNotFoundError):
    """An option needs a package that is not installed; the message says how to install it."""


class PrepError(HealthyGANError):
    """One input that cannot be used. No text holds a header value that could identify.

    reason: without this file's own numbers, so files group by it; detail: these numbers; remedy.
    facts: what is known of the input all the same, JSON that may leave; it stays in its process.
    """

    facts: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, reason: str, *, remedy: str = "", detail: str = "") -> None:
        super().__init__(". ".join(part for part in (reason, detail, remedy) if part))
        self.reason, self.remedy, self.detail = reason, remedy, detail

    def __reduce__(self) -> tuple[Any, ...]:  # keyword arguments survive the way back from a worker
        return _rebuild, (type(self), self.reason, self.remedy, self.detail)


class Ended(PrepError):
    """One input whose child died, or took too long or too much memory: later it may not."""


class LeftOut(PrepError):
    """One input that could be used, but is not wanted: another view or modality, a copy, ..."""


def _rebuild(kind: type[PrepError], reason: str, remedy: str, detail: str) -> PrepError:
    return kind(reason, remedy=remedy, detail=detail)


class DataError(HealthyGANError):
    """A data set that cannot be used; the message says what, where and what to do."""


class MissingData(DataError, NotFound):
    """No data set, table or image folder at a given path."""


class LeakError(DataError):
    """One subject in two sections; the message names the subjects."""


class FilmError(PrepError):
    """One film that cannot be used; see PrepError for its three texts."""


def disk_words(error: OSError, otherwise: Path | None = None) -> str:
    """Return one line for an error of the file system: what, where, and what to do.

    Args:
        error: with an errno.
        otherwise: the place, where the error names none.

    >>> disk_words(OSError(errno.ENOSPC, "No space left on device", "/out/a.png"))
    'No space left on device: /out/a.png; make room'
    """
    place, remedy = error.filename or otherwise, _REMEDIES.get(error.errno or 0)
    where = f": {os.fsdecode(place)}" if place else ""
    return f"{error.strerror}{where}{f'; {remedy}' if remedy else ''}"


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the known name that is most like this one, "" if none is.

    >>> nearest("lamda_id", ["lambda_id", "lambda_rec"])
    ", did you mean 'lambda_id'?"
    """
    names = {k.lower(): k for k in known}
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=_ALIKE)
    return f", did you mean {names[near[0]]!r}?" if near else ""
