"""Find the files of a list below INPUT by their bare names, without opening any of them."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from data_prep.datalist import DataError
from data_prep.errors import MissingData, NotFound
from data_prep.sources.card import Card, Row

Suffixes = Sequence[str]


class Files:
    """All file names below a folder, except hidden files and those in ``exclude`` (OUTPUT)."""

    def __init__(self, folder: Path, exclude: Path | None = None) -> None:
        if not folder.is_dir():
            raise NotFound(f"{folder}: no such folder. Correct INPUT.")
        self.folder = folder
        self.paths: list[str] = []
        hidden = exclude.resolve() if exclude is not None else None
        for root, folders, names in os.walk(folder):
            here = Path(root)
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and (here / name).resolve() != hidden
            )
            inside = here.relative_to(folder)
            self.paths += [(inside / n).as_posix() for n in sorted(names) if not n.startswith(".")]
        self._by_name: dict[str, list[str]] = {}
        for path in self.paths:
            self._by_name.setdefault(_key(path), []).append(path)

    def matching(self, pattern: str) -> list[Path]:
        """Return the files whose bare name matches, e.g. ``Data_Entry_2017*.csv``."""
        wanted = pattern.lower()
        return [
            self.folder / path
            for path in self.paths
            if fnmatch(PurePosixPath(path).name.lower(), wanted)
        ]

    def find(self, name: str, suffixes: Suffixes = (), inside: str = "") -> str | None:
        """Return the relative path of a file, or None.

        Args:
            name: of the file; only its last part counts.
            suffixes: other suffixes that the file may have, e.g. ``.png`` for a ``.dcm``.
            inside: of several files with this name, prefer the one in this folder.
        """
        stem = name.rpartition("/")[2].rpartition(".")[0] or name
        for candidate in (name, *(stem + suffix for suffix in suffixes)):
            found = self._by_name.get(_key(candidate))
            if found:
                preferred = [p for p in found if inside and inside in PurePosixPath(p).parts]
                return (preferred or found)[0]
        return None

    def zipped(self) -> bool:
        """Return whether there are ``.zip`` archives."""
        return any(path.lower().endswith(".zip") for path in self.paths)


def _key(path: str) -> str:
    """Ignore case and spaces: systems differ in case, and COVIDx's notebooks remove spaces."""
    return path.rpartition("/")[2].replace(" ", "").lower()


def one_file(files: Files, card: Card, pattern: str, given: Path | None = None) -> Path:
    """Return the file that was given, else the only file of that pattern.

    Raises:
        DataError: there is none, or there are several. It says where to get the file.
    """
    if given is not None:
        if not given.is_file():
            raise MissingData(f"{given}: no such file.")
        return given
    found = files.matching(pattern)
    if len(found) == 1:
        return found[0]
    expected = next((e for e in card.expected if e.pattern == pattern), None)
    if not found:
        hint = f" It is {expected.what}; get it from {expected.where}." if expected else ""
        raise DataError(f"{files.folder}: no file {pattern} below it.{hint}")
    names = ", ".join(path.relative_to(files.folder).as_posix() for path in found[:5])
    raise DataError(f"{files.folder}: {len(found)} files {pattern} ({names}); say which one.")


def missing_files(files: Files, card: Card, patterns: Iterable[str]) -> list[str]:
    """Return a sentence for every expected file that is missing."""
    wanted = set(patterns)
    return [
        f"{e.pattern} is missing: {e.what}. Get it from {e.where}."
        for e in card.expected
        if e.pattern in wanted and not files.matching(e.pattern)
    ]


def located(
    rows: Iterable[Row], files: Files, suffixes: Suffixes = (), insides: Iterable[str] = ()
) -> tuple[list[Row], int]:
    """Return the rows with paths relative to INPUT, and how many of their images are missing.

    Rows whose image is missing keep its bare name. ``insides`` has the preferred folder of each
    row; see ``Files.find``.
    """
    result, missing = [], 0
    hints = iter(insides)
    for row in rows:
        path = files.find(row.image, suffixes, next(hints, ""))
        missing += path is None
        result.append(row if path is None else replace(row, image=path))
    return result, missing
