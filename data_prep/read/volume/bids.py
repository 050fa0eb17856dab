"""BIDS trees: which image a file is, and what the JSON files beside and above it say of it.

BIDS 1.9: a name is `sub-<label>[_ses-<label>][_<entity>-<label>]_<suffix>.nii[.gz]`; a sidecar
higher up holds for every file below whose name has the same suffix and all of the sidecar's
entities, and one further down overrides it ("The Inheritance Principle").
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from data_prep.files import read_json

NAME = re.compile(r"(sub-[A-Za-z0-9]+(?:_[A-Za-z0-9]+-[A-Za-z0-9]+)*)_([A-Za-z0-9]+)\.nii(?:\.gz)?")
SIDECAR = re.compile(r"(?:((?:[A-Za-z0-9]+-[A-Za-z0-9]+_)*))([A-Za-z0-9]+)\.json")
# BIDS 1.9, "Source vs. raw vs. derived data" and "Storage of derived datasets": no raw scans in
# the form of BIDS. `code` and `stimuli` are words that other trees have too.
SIDE_TREES = ("derivatives", "sourcedata")
SIDE_FOLDERS = ("code", "stimuli")  # beside sub-*, nowhere else
SUBJECT = re.compile("sub-[A-Za-z0-9]+")
PARTS = ("part-phase", "part-real", "part-imag")  # BIDS 1.9, entity `part`: no magnitude
MAX_SIDECAR_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Entities:
    """The parts of a BIDS file name: {"sub-01", "ses-a", "run-1"} and its suffix."""

    labels: frozenset[str]
    suffix: str


def entities(path: PurePath) -> Entities | None:
    """The parts of the name of a BIDS image, None for a file that is not named so."""
    match = NAME.fullmatch(path.name)
    return None if match is None else Entities(frozenset(match[1].split("_")), match[2])


def derived(path: PurePath) -> str:
    """The side tree of BIDS that a path leads into, `derivatives` or `sourcedata`, or ""."""
    return next((part for part in path.parts[:-1] if part in SIDE_TREES), "")


def roots(names: Iterable[str]) -> set[str]:
    """The folders that hold sub-* folders, as POSIX paths that end in a slash, "" at the top."""
    found = set()
    for name in names:
        parts = PurePosixPath(name).parts
        for k, part in enumerate(parts):
            if SUBJECT.fullmatch(part) and not derived(PurePosixPath(name)):
                found.add("".join(f"{folder}/" for folder in parts[:k]))
                break
    return found


def beside(name: str, tops: Iterable[str]) -> str:
    """`code` or `stimuli`, where a path leads into that of one of the BIDS trees, or ""."""
    places = ((top, folder) for top in tops for folder in SIDE_FOLDERS)
    return next((folder for top, folder in places if name.startswith(f"{top}{folder}/")), "")


def no_magnitude(path: PurePath) -> bool:
    """True for a BIDS image of the phase, or of the real or imaginary part."""
    found = entities(path)
    return found is not None and not found.labels.isdisjoint(PARTS)


def other_suffix(name: str, wanted: str = "T1w") -> bool:
    """Whether a file is named as a BIDS image of another kind than the wanted one."""
    found = entities(Path(name))
    return found is not None and (found.suffix != wanted or no_magnitude(Path(name)))


def sidecar(path: Path, top: Path | None = None) -> dict[str, Any]:
    """What the sidecars of an image say together, {} without; invalid JSON is ignored.

    Of a name that is not BIDS the .json of the same name counts, as dcm2niix writes it.

    top: the highest folder to look at; None: the one that holds the sub-* folder.
    """
    image = entities(path)
    if image is None:
        return _read(path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.nii')}.json"))
    merged: dict[str, Any] = {}
    for folder in _folders(path, top):
        for candidate in sorted(
            folder.glob(f"*{image.suffix}.json"), key=lambda path: (path.name.count("_"), path.name)
        ):
            match = SIDECAR.fullmatch(candidate.name)
            if match is None or match[2] != image.suffix:
                continue
            if {label for label in match[1].split("_") if label} <= image.labels:
                merged |= _read(candidate)
    return merged


def _folders(path: Path, top: Path | None) -> list[Path]:
    """From the top of the data set down to the folder of the image."""
    folders = [path.parent]
    for folder in path.parents:
        if folder == (top or _top(path)):
            break
        folders.append(folder.parent)
    return list(dict.fromkeys(reversed(folders)))


def _top(path: Path) -> Path:
    subjects = [folder for folder in path.parents if SUBJECT.fullmatch(folder.name)]
    return subjects[-1].parent if subjects else path.parent


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_SIDECAR_BYTES:
            return {}
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
