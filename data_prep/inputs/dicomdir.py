"""The index of an exported disc: which files it promises (PS3.3 F, PS3.10 8.6)."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

OFFSETS = (
    "OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity",
    "OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity",
    "OffsetOfTheNextDirectoryRecord",
    "OffsetOfReferencedLowerLevelDirectoryEntity",
)
FILE_NAME = "DICOMDIR"


def referenced_files(content: bytes) -> list[str]:
    """POSIX paths of all objects a DICOMDIR names, relative to its folder; call it in a guard.

    Referenced File ID (0004,1500) holds one component a value (PS3.3 F.3.2.2); paths out of the
    folder are ignored. Raises ValueError for a record beyond the file's end, and pydicom's.
    """
    import pydicom

    from data_prep.read.dicom.file import quiet_pydicom

    names = []
    with quiet_pydicom():
        index = pydicom.dcmread(io.BytesIO(content), force=True)
        _require_whole(index, len(content))
        for record in index.get("DirectoryRecordSequence") or ():
            _require_whole(record, len(content))
            value = record.get("ReferencedFileID")
            if not value:
                continue
            parts = [value] if isinstance(value, str) else [str(part) for part in value]
            name = PurePosixPath(*parts)
            if not name.is_absolute() and ".." not in name.parts:
                names.append(name.as_posix())
    return sorted(set(names))


def _require_whole(part: Dataset, size: int) -> None:
    """Offsets of other records (PS3.3 F.3.2.2) lie within the file, or it was cut."""
    for keyword in OFFSETS:
        value = part.get(keyword)
        if isinstance(value, int) and value >= size:
            raise ValueError("the DICOMDIR ends before its last record")


def on_disc(folder: Path, name: str) -> Path | None:
    """The file, found whatever became of its capitals when the disc was copied; None: not there."""
    here = folder
    for part in PurePosixPath(name).parts:
        step = here / part
        if not step.exists():
            entries = sorted(here.iterdir()) if here.is_dir() else []
            alike = [p for p in entries if _bare(p.name) == part.lower()]
            if not alike:
                return None
            step = alike[0]
        here = step
    return here if here.is_file() else None


def is_index(name: str) -> bool:
    """True for DICOMDIR, whatever became of its capitals."""
    return _bare(name) == FILE_NAME.lower()


def plain(name: str) -> str:
    """A path as ISO 9660 readers may write it: without capitals, dots at the end and versions."""
    return "/".join(_bare(part) for part in PurePosixPath(name).parts)


def _bare(name: str) -> str:
    """Without the file version of ISO 9660 (";1") and without capitals."""
    return name.removesuffix(";1").rstrip(".").lower()
