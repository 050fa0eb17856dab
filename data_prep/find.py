"""Inputs by what they hold, not by what they are called; nothing is dropped in silence."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.boxes import LesionBox
from data_prep.dicom_file import looks_like_dicom
from data_prep.picture import is_picture

HEAD_BYTES = 512
IMAGE_SUFFIXES = ("", ".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".nii", ".gz")
DIRECTORY_FILE = "DICOMDIR"  # PS3.10 8.6: the index of an exported disc


SIDECAR_SUFFIXES = {".json", ".tsv", ".csv", ".bval", ".bvec", ".md"}
SIDECAR_NAMES = {"README", "CHANGES", "LICENSE"}


@dataclass(frozen=True)
class Source:
    """One input. name: POSIX path relative to INPUT, which may identify a patient.

    path: the file, or the folder of a DICOM series. kind: 'dicom', 'series', 'nifti', 'picture',
    'other' or 'missing'. The rest is filled in by plan.py: subject is fit for output, session is
    '01', '02', ... within it; label 0 healthy, 1 diseased, None unknown. site, age (years), sex
    (M, F), boxes (lesions): where a table tells them.
    """

    name: str
    path: Path
    kind: str
    subject: str = ""
    session: str = "01"
    section: str | None = None
    group: str | None = None
    label: int | None = None
    mask: Path | None = None
    site: str | None = None
    age: float | None = None
    sex: str | None = None
    boxes: tuple[LesionBox, ...] = ()


@dataclass
class Found:
    """sources: sorted by name; others: files that are no images and do not claim to be."""

    sources: list[Source] = field(default_factory=list)
    others: int = 0


def find(
    folder: Path, kind: str = "films", exclude: Path | None = None, list_others: bool = False
) -> Found:
    """All inputs under a folder, or the one file given; hidden files and folders are left out.

    exclude: a folder inside INPUT to pass by, which is OUTPUT.
    kind 'brains': the DICOM files of one folder are one source, a series.
    Raises FileNotFoundError where INPUT does not exist.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such file or folder. Correct INPUT.")
    if folder.is_file():
        return Found([Source(folder.name, folder, kind_of(folder))])
    found, series = Found(), dict[str, Source]()
    for path in _files(folder, exclude):
        what = kind_of(path)
        name = path.relative_to(folder).as_posix()
        claims = path.suffix.lower() in IMAGE_SUFFIXES
        claims |= list_others and not _is_sidecar(path)
        if path.name.upper() == DIRECTORY_FILE or (what == "other" and not claims):
            found.others += 1
        elif what == "dicom" and kind == "brains":
            parent = path.parent.relative_to(folder).as_posix()
            series.setdefault(parent, Source(parent, path.parent, "series"))
        else:
            found.sources.append(Source(name, path, what))
    found.sources = sorted([*found.sources, *series.values()], key=lambda source: source.name)
    return found


def _is_sidecar(path: Path) -> bool:
    """Tables and texts that lie beside images in BIDS and elsewhere: nobody takes them for images."""
    return path.suffix.lower() in SIDECAR_SUFFIXES or path.stem.upper() in SIDECAR_NAMES


def kind_of(path: Path) -> str:
    """'dicom', 'nifti', 'picture' or 'other', from the first bytes of the file."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return "other"
    if is_picture(head):
        return "picture"
    if _is_nifti(path, head):
        return "nifti"
    return "dicom" if looks_like_dicom(head) else "other"


def _is_nifti(path: Path, head: bytes) -> bool:
    """NIfTI-1 or -2 by header size and magic; a gzip file is looked into."""
    if head[:2] == b"\x1f\x8b":
        import gzip
        import zlib

        try:
            with gzip.open(path) as file:
                head = file.read(HEAD_BYTES)
        except (OSError, EOFError, zlib.error):
            return path.name.lower().endswith(".nii.gz")  # a damaged volume: to be listed as such
    nifti1 = head[344:348] in (b"n+1\0", b"ni1\0")
    return nifti1 or head[4:8] in (b"n+2\0", b"ni2\0")


def _files(folder: Path, exclude: Path | None) -> list[Path]:
    paths = []
    passed_by = exclude.resolve() if exclude is not None else None
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".") and (here / name).resolve() != passed_by
        ]
        paths += [here / name for name in files if not name.startswith(".")]
    return sorted(paths)
