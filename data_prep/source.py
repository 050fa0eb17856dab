"""One input: where it is, and whose it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from data_prep.errors import PrepError
from data_prep.frame.boxes import LesionBox
from data_prep.read import archive


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
