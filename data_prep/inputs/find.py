"""Inputs by what they hold, not by what they are called; nothing is dropped in silence."""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from data_prep.datalist.instead import RUN_FILE, is_table
from data_prep.datalist.items import MARKER
from data_prep.errors import NotFound, UsageError
from data_prep.inputs import dicomdir
from data_prep.inputs.archives import opened
from data_prep.read.content import kind_of
from data_prep.source import Source
from data_prep.work.pools import Inline, Pool

IMAGE_SUFFIXES = (
    "", ".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".nii", ".gz", ".hdr", ".img", ".zip",
)  # fmt: skip
SIDECAR_SUFFIXES = {".json", ".tsv", ".csv", ".bval", ".bvec", ".md"}
SIDECAR_NAMES = {"README", "CHANGES", "LICENSE"}


@dataclass
class Found:
    """sources: by name; others: no images; indexes: DICOMDIRs; earlier: data_prep's own folders.

    members: the names of all files in archives, whatever they are.
    """

    sources: list[Source] = field(default_factory=list)
    others: int = 0
    members: set[str] = field(default_factory=set)
    indexes: list[Source] = field(default_factory=list)
    earlier: list[Path] = field(default_factory=list)


def find(
    folder: Path,
    kind: str = "films",
    exclude: Collection[Path] | Path | None = None,
    list_others: bool = False,
    pool: Pool | None = None,
) -> Found:
    """All inputs under a folder, or the one file; archives are opened, hidden files ignored.

    exclude: paths in INPUT to ignore, such as OUTPUT. kind 'brains': the DICOM files of a folder
    are series. pool: where archives are opened, else here. Raises FileNotFoundError if INPUT does
    not exist.
    """
    folder = Path(folder)
    if not (folder.exists() or folder.is_symlink()):
        raise NotFound(f"{folder}: no such file or folder. Correct INPUT.")
    found, series, archives = Found(), dict[str, Source](), list[Source]()
    alone = not folder.is_dir()
    if (folder / RUN_FILE).is_file():
        raise UsageError(f"{folder}: a run folder, not images. Correct INPUT.")
    if is_table(folder):
        raise UsageError(
            f"{folder}: a table, not images. Give the folder of the images that it lists; prep "
            f"takes the table too: --table {folder}"
        )
    passed_by = [exclude] if isinstance(exclude, Path) else exclude or ()
    for path in [folder] if alone else _files(folder, passed_by, found.earlier):
        name = folder.name if alone else path.relative_to(folder).as_posix()
        source = Source(name, path, kind_of(path))
        if source.kind == "archive":
            archives.append(source)
        else:
            _sort_in(source, found, series, "films" if alone else kind, alone or list_others)
    for inside in opened(archives, pool or Inline()):
        for source in inside:
            found.members.update([source.name] if source.member is not None else [])
            _sort_in(source, found, series, kind, alone or list_others)
    if alone and not (found.sources or series):
        # named by the user, so it is to be listed whatever it is
        found.sources.append(Source(folder.name, folder, "other"))
    found.sources = sorted([*found.sources, *series.values()], key=lambda source: source.name)
    return found


def _sort_in(
    source: Source, found: Found, series: dict[str, Source], kind: str, list_others: bool
) -> None:
    here = PurePosixPath(source.name)
    if dicomdir.is_index(here.name) and source.kind in ("dicom", "other"):
        found.others += 1
        found.indexes.append(source)
        return
    claims = here.suffix.lower() in IMAGE_SUFFIXES or (list_others and not _is_sidecar(here))
    claims |= source.kind in ("link", "special")
    if source.kind in ("other", "pointer") and not claims:
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
