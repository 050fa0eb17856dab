"""Inputs by what they hold, not by what they are called; nothing is dropped in silence."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

from data_prep.film.picture import is_picture
from data_prep.frame.boxes import LesionBox
from data_prep.inputs import dicomdir
from data_prep.outcome import PrepError
from data_prep.read import archive
from data_prep.read.dicom_file import looks_like_dicom

HEAD_BYTES = 512
MARKER = ".data_prep"  # in every folder that data_prep made
IMAGE_SUFFIXES = ("", ".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".nii", ".gz", ".zip")
SIDECAR_SUFFIXES = {".json", ".tsv", ".csv", ".bval", ".bvec", ".md"}
SIDECAR_NAMES = {"README", "CHANGES", "LICENSE"}


@dataclass(frozen=True)
class Source:
    """One input. name: POSIX path relative to INPUT, which may identify a patient.

    path: the file, the folder of a DICOM series, or the archive that holds `member` (of a series:
    the folder in the archive). kind: 'dicom', 'series', 'nifti', 'picture', 'other', 'archive' (a
    damaged one), 'missing', 'link' (to a folder) or 'special' (a pipe, a device). The rest is
    filled in by plan.py: shown is the name fit for lists and messages; subject is fit for output,
    session is '01', '02', ... within it; label 0 healthy, 1 diseased, None unknown; cleared: a
    person has looked for burned-in text; study and days tell which visit it was, see deidentify;
    series: which of a folder's, where it has several; series_number: which of its study's;
    series_uid, instance: its UIDs, for memory only; lost: the kind of error that ended the scan of
    its header; site, age (years), sex (M, F), boxes (lesions): where a table tells them.
    """

    name: str
    path: Path
    kind: str
    subject: str = ""
    session: str = "01"
    study: str | None = None
    days: int | None = None
    section: str | None = None
    group: str | None = None
    label: int | None = None
    mask: Path | None = None
    member: str | None = None
    shown: str = ""
    cleared: bool = False
    series: int | None = None
    series_number: int | None = None
    series_uid: str = field(default="", repr=False)
    instance: str = field(default="", repr=False)
    lost: str = ""
    site: str | None = None
    age: float | None = None
    sex: str | None = None
    boxes: tuple[LesionBox, ...] = ()

    def data(self) -> bytes:
        """All bytes of a file or a member. Raises PrepError or OSError."""
        if self.kind == "archive" or self.member is not None:
            return archive.read(self.path, self.member or "")
        if self.path.stat().st_size > archive.MOST_BYTES:
            raise PrepError(
                "too large to be a film",
                detail=f"over {archive.MOST_BYTES >> 20} MiB",
                remedy="Leave it out.",
            )
        return self.path.read_bytes()

    def files(self) -> list[Path]:
        """The files of a source outside archives, sorted."""
        if self.kind == "series":
            return sorted(path for path in self.path.iterdir() if path.is_file())
        return [self.path]

    def members(self) -> list[str]:
        """The members of a source inside an archive, sorted."""
        if self.kind != "series":
            return [self.member] if self.member is not None else []
        inside = PurePosixPath(self.member or "")
        return [name for name in archive.members(self.path) if PurePosixPath(name).parent == inside]

    @contextmanager
    def on_disc(self) -> Iterator[Source]:
        """The same source as files, for readers that want paths; unpacked for that long only."""
        if self.member is None:
            yield self
            return
        with tempfile.TemporaryDirectory() as folder:
            archive.extract(self.path, self.members(), Path(folder))
            path = Path(folder)
            yield replace(
                self, path=path if self.kind == "series" else next(path.iterdir()), member=None
            )


@dataclass
class Found:
    """sources: sorted by name; others: files that are no images and do not claim to be;
    indexes: the DICOMDIR files among them; earlier: folders passed by, because data_prep made
    them."""

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
    """All inputs under a folder, or the one file given; hidden files and folders are left out.

    Zip archives are looked into. exclude: what inside INPUT to pass by, which is OUTPUT and what
    lies beside it. kind 'brains': the DICOM files of one folder are one source, a series.
    Raises FileNotFoundError where INPUT does not exist.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such file or folder. Correct INPUT.")
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
        kind = _kind(first, PurePosixPath(name), partial(_start, source.path, name))
        inside.append(Source(f"{source.name}/{name}", source.path, kind, member=name))
    return inside


def _start(path: Path, member: str) -> bytes:
    """The first unpacked bytes of a gzip file in an archive."""
    import zlib

    first = archive.head(path, member, 1 << 16)
    return zlib.decompressobj(wbits=31).decompress(first, HEAD_BYTES)


def _is_sidecar(path: PurePosixPath) -> bool:
    """Tables and texts that lie beside images in BIDS and elsewhere: nobody takes them for images."""
    return path.suffix.lower() in SIDECAR_SUFFIXES or path.stem.upper() in SIDECAR_NAMES


def kind_of(path: Path) -> str:
    """'dicom', 'nifti', 'picture', 'archive', 'link', 'special' or 'other', by the first bytes of
    the file; only regular files are opened, for a pipe would never answer."""
    if path.is_dir():
        return "link"
    if not path.is_file():
        return "special"
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return "other"
    if archive.is_archive(path, head):
        return "archive"
    return _kind(head, PurePosixPath(path.as_posix()), partial(_gzip_start, path))


def _kind(head: bytes, name: PurePosixPath, unpacked: Callable[[], bytes]) -> str:
    """unpacked: gives the first bytes behind a gzip header."""
    if is_picture(head):
        return "picture"
    if _is_nifti(name, head, unpacked):
        return "nifti"
    return "dicom" if looks_like_dicom(head) else "other"


def _gzip_start(path: Path) -> bytes:
    import gzip

    with gzip.open(path) as file:
        return file.read(HEAD_BYTES)


def _is_nifti(name: PurePosixPath, head: bytes, unpacked: Callable[[], bytes]) -> bool:
    """NIfTI-1 or -2 by header size and magic; a gzip file is looked into."""
    if head[:2] == b"\x1f\x8b":
        import zlib

        try:
            head = unpacked()
        except (OSError, EOFError, zlib.error):
            return name.name.lower().endswith(".nii.gz")  # a damaged volume: to be listed as such
    nifti1 = head[344:348] in (b"n+1\0", b"ni1\0")
    return nifti1 or head[4:8] in (b"n+2\0", b"ni2\0")


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
