"""BIDS trees: which image a file is, and what the JSON files beside and above it say of it.

BIDS 1.9: a name is `sub-<label>[_ses-<label>][_<entity>-<label>]_<suffix>.nii[.gz]`; a sidecar
higher up holds for every file below whose name has the same suffix and all of the sidecar's
entities, and one further down overrides it ("The Inheritance Principle").
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from data_prep.files import read_json

NAME = re.compile(r"(sub-[A-Za-z0-9]+(?:_[A-Za-z0-9]+-[A-Za-z0-9]+)*)_([A-Za-z0-9]+)\.nii(?:\.gz)?")
SIDECAR = re.compile(r"(?:((?:[A-Za-z0-9]+-[A-Za-z0-9]+_)*))([A-Za-z0-9]+)\.json")
DERIVATIVES = "derivatives"  # BIDS 1.9, "Derivatives"
MAX_SIDECAR_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Entities:
    """The parts of a BIDS file name: {"sub-01", "ses-a", "run-1"} and its suffix."""

    labels: frozenset[str]
    suffix: str


def entities(path: Path) -> Entities | None:
    """The parts of the name of a BIDS image, None for a file that is not named so."""
    match = NAME.fullmatch(path.name)
    return None if match is None else Entities(frozenset(match[1].split("_")), match[2])


def derived(path: PurePath) -> bool:
    """True for a path into `derivatives` of a BIDS tree: computed by others, not raw data."""
    return DERIVATIVES in path.parts


def other_suffix(name: str, wanted: str = "T1w") -> bool:
    """Whether a file is named as a BIDS image of another kind than the wanted one."""
    found = entities(Path(name))
    return found is not None and found.suffix != wanted


def sidecar(path: Path, top: Path | None = None) -> dict[str, Any]:
    """What the sidecars of an image say together, {} without; invalid JSON is ignored.

    top: the highest folder to look at; None: the one that holds the sub-* folder.
    """
    image = entities(path)
    if image is None:
        return {}
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
    subjects = [folder for folder in path.parents if re.fullmatch("sub-[A-Za-z0-9]+", folder.name)]
    return subjects[-1].parent if subjects else path.parent


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_SIDECAR_BYTES:
            return {}
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
