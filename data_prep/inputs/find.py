"""Inputs by what they hold, not by what they are called; nothing is dropped in silence."""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from data_prep.datalist.items import MARKER
from data_prep.errors import NotFound, PrepError
from data_prep.inputs import dicomdir
from data_prep.read import archive
from data_prep.read.content import HEAD_BYTES, kind_of, kind_of_bytes
from data_prep.source import Source

IMAGE_SUFFIXES = ("", ".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".nii", ".gz", ".zip")
SIDECAR_SUFFIXES = {".json", ".tsv", ".csv", ".bval", ".bvec", ".md"}
SIDECAR_NAMES = {"README", "CHANGES", "LICENSE"}


@dataclass
class Found:
    """sources: by name; others: no images; indexes: DICOMDIRs; earlier: data_prep's own folders."""

    sources: list[Source] = field(default_factory=list)
    others: int = 0
    indexes: list[Source] = field(default_factory=list)
    earlier: list[Path] = field(default_factory=list)


def find(
    folder: Path,
    kind: str = "films",
    exclude: Collection[Path] | Path | None = None,
    list_others: bool = False,
) -> Found:
    """All inputs under a folder, or the one file; archives are opened, hidden files ignored.

    exclude: paths in INPUT to ignore, such as OUTPUT. kind 'brains': the DICOM files of a folder
    are series. Raises FileNotFoundError if INPUT does not exist.
    """
    folder = Path(folder)
    if not folder.exists():
        raise NotFound(f"{folder}: no such file or folder. Correct INPUT.")
    found, series = Found(), dict[str, Source]()
    if folder.is_file():
        _sort_in(Source(folder.name, folder, kind_of(folder)), found, series, "films", True)
        if not found.sources:  # named by the user, so it is to be listed whatever it is
            found.sources.append(Source(folder.name, folder, "other"))
        return found
    passed_by = [exclude] if isinstance(exclude, Path) else exclude or ()
    for path in _files(folder, passed_by, found.earlier):
        name = path.relative_to(folder).as_posix()
        _sort_in(Source(name, path, kind_of(path)), found, series, kind, list_others)
    found.sources = sorted([*found.sources, *series.values()], key=lambda source: source.name)
    return found


def _sort_in(
    source: Source, found: Found, series: dict[str, Source], kind: str, list_others: bool
) -> None:
    here = PurePosixPath(source.name)
    if source.kind == "archive" and source.member is None:
        members = _members(source)
        if members is not None:
            for member in members:
                _sort_in(member, found, series, kind, list_others)
            return
    if here.name.upper() == dicomdir.FILE_NAME and source.kind in ("dicom", "other"):
        found.others += 1
        found.indexes.append(source)
        return
    claims = here.suffix.lower() in IMAGE_SUFFIXES or (list_others and not _is_sidecar(here))
    claims |= source.kind in ("link", "special")
    if source.kind == "other" and not claims:
        found.others += 1
    elif source.kind == "dicom" and kind == "brains":
        if source.member is None:
            where = Source(here.parent.as_posix(), source.path.parent, "series")
        else:
            inside = PurePosixPath(source.member).parent.as_posix()
            where = Source(here.parent.as_posix(), source.path, "series", member=inside)
        series.setdefault(where.name, where)
    else:
        found.sources.append(source)


def _members(source: Source) -> list[Source] | None:
    """The files in an archive; None where it cannot be opened, then it is listed itself."""
    try:
        names = archive.members(source.path)
    except (PrepError, OSError):
        return None
    if not names:
        return None
    inside = []
    for name in names:
        first = archive.head(source.path, name, HEAD_BYTES)
        kind = kind_of_bytes(first, PurePosixPath(name), partial(_start, source.path, name))
        inside.append(Source(f"{source.name}/{name}", source.path, kind, member=name))
    return inside


def _start(path: Path, member: str) -> bytes:
    """The first unpacked bytes of a gzip file in an archive."""
    import zlib

    first = archive.head(path, member, 1 << 16)
    return zlib.decompressobj(wbits=31).decompress(first, HEAD_BYTES)


def _is_sidecar(path: PurePosixPath) -> bool:
    """True for tables and texts beside images (BIDS and others), which nobody takes for images."""
    return path.suffix.lower() in SIDECAR_SUFFIXES or path.stem.upper() in SIDECAR_NAMES


def _files(folder: Path, exclude: Collection[Path], earlier: list[Path]) -> list[Path]:
    """All files, and links to folders, which are not followed; sorted."""
    paths: list[Path] = []
    root_path = folder.resolve()
    passed_by = {path.resolve() for path in exclude}
    passed_by = {path for path in passed_by if path.is_relative_to(root_path)}
    for root, folders, files in os.walk(folder):
        here = Path(root)
        if MARKER in files and here != folder:
            folders[:] = []
            earlier.append(here)
            continue
        paths += [here / n for n in folders if not n.startswith(".") and (here / n).is_symlink()]
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".") and (here / name).resolve() not in passed_by
        ]
        paths += [here / name for name in files if not name.startswith(".")]
    outside = {path for path in passed_by if not path.is_dir()}
    if outside:
        paths = [path for path in paths if path.resolve() not in outside]
    return sorted(paths)
