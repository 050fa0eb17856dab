"""Files beside a series that may have been its slices, but cannot be read any more.

A copy that broke off leaves headers that stop, files without a byte or with zeros alone, and
members of archives with a wrong checksum. A head without its last slices would be cut elsewhere.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from data_prep.read.content import kind_of_bytes
from data_prep.read.dicom.file import is_text, looks_like_dicom
from data_prep.read.volume.volume import VolumeError

SUFFIXES = (".dcm", ".dicom", ".ima")


@dataclass(frozen=True)
class Damaged:
    """A file that may have been a slice. series: its UID, "" where that cannot be read any more."""

    series: str = ""


def is_damaged(name: str, head: bytes | None, header: Any, suffixes: Collection[str]) -> bool:
    """Whether a file that gives no image may have been one.

    Args:
        name: of the file.
        head: its first bytes; None where it cannot be read.
        header: its pydicom data set; None where that cannot be parsed.
        suffixes: of the images beside it, by `suffix_of`.
    """
    named = _is_named_so(name, suffixes)
    if head and looks_like_dicom(head) and (named or head[128:132] == b"DICM"):
        return not _is_other_object(header)
    if not named or not head:
        return named
    kind = kind_of_bytes(head, PurePosixPath(name), lambda: b"")
    return kind in ("dicom", "other") and (suffix_of(name) != "" or not is_text(head))


def suffix_of(name: str) -> str:
    """A file name's suffix in small letters; a UID has none."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix[1:].isalpha() else ""


def incomplete(count: int) -> VolumeError:
    """The reason for a series beside damaged files."""
    files = "1 file" if count == 1 else f"{count} files"
    return VolumeError(
        f"the series lies beside {files} that cannot be read; it may be incomplete",
        remedy="Copy or export the series again. If those files are not of it, remove them.",
    )


def _is_named_so(name: str, suffixes: Collection[str]) -> bool:
    """Named as DICOM files are, or with a number and the suffix of the images beside it."""
    bare, suffix = PurePosixPath(name).name, suffix_of(name)
    if bare.startswith("."):  # of the system, as ._IM0001.dcm
        return False
    return suffix in SUFFIXES or (suffix in suffixes and re.search(r"\d", bare) is not None)


def _is_other_object(header: Any) -> bool:
    """True for a data set of a class without pixels: a report, a DICOMDIR, a presentation state."""
    try:
        kinds = header.get("SOPClassUID"), header.file_meta.get("MediaStorageSOPClassUID")
        names = [str(getattr(kind, "name", kind)) for kind in kinds if kind]
    except Exception:  # pydicom converts them now, and raises many kinds
        return False
    return bool(names) and not any("Image Storage" in name for name in names)
