"""Recognise a file by its first bytes."""

import gzip
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from data_prep.read import archive
from data_prep.read.dicom.file import looks_like_dicom
from data_prep.read.pointers import not_fetched, pointer

HEAD_BYTES = 512
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def is_picture(head: bytes) -> bool:
    """PNG or JPEG by their first bytes."""
    return head.startswith((PNG, JPEG))


def kind_of(path: Path) -> str:
    """'dicom', 'nifti', 'picture', 'archive', 'pointer' (the file was not fetched), 'link',
    'special' or 'other', by the first bytes of the file; only regular files are opened, for a pipe
    would never answer.
    """
    if path.is_dir():
        return "link"
    if path.is_symlink() and not_fetched(path):
        return "pointer"
    if not path.is_file():
        return "special"
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return "other"
    if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):  # the last part of a split one
        return "archive"
    return kind_of_bytes(head, PurePosixPath(path.as_posix()), partial(_gzip_start, path))


def kinds_of_members(path: Path, names: Sequence[str]) -> list[str]:
    """As kind_of, of members of an archive; call it in a guard."""
    kinds = []
    for name in names:
        first = archive.head(path, name, HEAD_BYTES)
        kinds.append(kind_of_bytes(first, PurePosixPath(name), partial(_member_start, path, name)))
    return kinds


def kind_of_bytes(head: bytes, name: PurePosixPath, unpacked: Callable[[], bytes]) -> str:
    """As kind_of, from the first bytes; unpacked: gives those behind a gzip header."""
    if is_picture(head):
        return "picture"
    if archive.is_archive(name, head):
        return "archive"
    if _is_nifti(name, head, unpacked):
        return "nifti"
    if pointer(head):
        return "pointer"
    return "dicom" if _is_dicom(name, head) else "other"


def _is_dicom(name: PurePosixPath, head: bytes) -> bool:
    """True for DICOM; the voxels of a .hdr/.img pair may begin like a data set without a prefix."""
    voxels = name.name.lower().endswith((".img", ".img.gz"))
    return looks_like_dicom(head) and (
        not voxels or head[128:132] == b"DICM" or head[4:6].isalpha()
    )


def _gzip_start(path: Path) -> bytes:
    with gzip.open(path) as file:
        return file.read(HEAD_BYTES)


def _member_start(path: Path, member: str) -> bytes:
    first = archive.head(path, member, 1 << 16)
    return zlib.decompressobj(wbits=31).decompress(first, HEAD_BYTES)


def _is_nifti(name: PurePosixPath, head: bytes, unpacked: Callable[[], bytes]) -> bool:
    """NIfTI-1 or -2 by header size and magic; a gzip file is looked into."""
    if head[:2] == b"\x1f\x8b":
        try:
            head = unpacked()
        except (OSError, EOFError, zlib.error):
            return name.name.lower().endswith(".nii.gz")  # a damaged volume: to be listed as such
    nifti1 = head[344:348] in (b"n+1\0", b"ni1\0")
    return nifti1 or head[4:8] in (b"n+2\0", b"ni2\0")
