"""Where the files of a list lie below INPUT: by bare name, without opening any of them."""

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
    """All file names below a folder; hidden ones and `exclude` (OUTPUT) left out."""

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
        """Files whose bare name fits, e.g. Data_Entry_2017*.csv."""
        wanted = pattern.lower()
        return [
            self.folder / path
            for path in self.paths
            if fnmatch(PurePosixPath(path).name.lower(), wanted)
        ]

    def find(self, name: str, suffixes: Suffixes = (), inside: str = "") -> str | None:
        """Relative path or None; suffixes: also tried; inside: preferred folder, else the first."""
        stem = name.rpartition("/")[2].rpartition(".")[0] or name
        for candidate in (name, *(stem + suffix for suffix in suffixes)):
            found = self._by_name.get(_key(candidate))
            if found:
                preferred = [p for p in found if inside and inside in PurePosixPath(p).parts]
                return (preferred or found)[0]
        return None

    def zipped(self) -> bool:
        return any(path.lower().endswith(".zip") for path in self.paths)


def _key(path: str) -> str:
    """The notebooks of COVIDx take spaces out of names, and systems differ in case."""
    return path.rpartition("/")[2].replace(" ", "").lower()


def one_file(files: Files, card: Card, pattern: str, given: Path | None = None) -> Path:
    """The one file of that pattern, or the one given; DataError says where to get it."""
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
    """A sentence for every expected file that is not there."""
    wanted = set(patterns)
    return [
        f"{e.pattern} is missing: {e.what}. Get it from {e.where}."
        for e in card.expected
        if e.pattern in wanted and not files.matching(e.pattern)
    ]


def located(
    rows: Iterable[Row], files: Files, suffixes: Suffixes = (), insides: Iterable[str] = ()
) -> tuple[list[Row], int]:
    """(rows with paths below INPUT, how many images are not there; these keep their bare name)."""
    result, missing = [], 0
    hints = iter(insides)
    for row in rows:
        path = files.find(row.image, suffixes, next(hints, ""))
        missing += path is None
        result.append(row if path is None else replace(row, image=path))
    return result, missing
