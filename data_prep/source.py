"""One input: where it is, who it shows, and what is known of its lesions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.errors import PrepError
from data_prep.frame.boxes import LesionBox
from data_prep.privacy.identity import Identity
from data_prep.read import archive


class Lost(Enum):
    """Why the scan of a header did not find the patient."""

    TIMED_OUT = "timed out"
    CRASHED = "crashed"
    TOO_LARGE = "too large"
    BROKEN = "broken"
    SEVERAL_PATIENTS = "several patients"


class Beside(Enum):
    """What is beside a picture, in an INPUT that holds DICOM files."""

    ON_A_DISC = "a picture on a disc of DICOM files: a preview or a viewer's"
    ITS_FILM = "a picture named like a DICOM file beside it: a preview"
    A_VIEWER = "a picture named as a viewer's or a preview, among DICOM files"
    DICOM = "a small picture among DICOM files: an icon"


@dataclass(frozen=True)
class Header:
    """What a header says; never written. ``lost``: why the patient is unknown."""

    identity: Identity = field(default_factory=Identity)
    series_uid: str = ""
    instance: str = ""
    lost: Lost | None = None


@dataclass(frozen=True)
class Who:
    """Who an input shows, and when; fit for output.

    session: '01', '02', ... of the subject; study: a pseudonym; days: since the subject's first
    study.
    """

    subject: str = ""
    session: str = "01"
    study: str | None = None
    days: int | None = None
    series_number: int | None = None
    site: str | None = None
    age: float | None = None
    sex: str | None = None


@dataclass(frozen=True)
class Truth:
    """Where an input belongs and what is known of its lesions; label 0 healthy, 1 diseased.

    must_be_empty: the mask of a training image that is known to be healthy. It is looked at, and
    goes nowhere.
    """

    section: str | None = None
    group: str | None = None
    label: int | None = None
    mask: Path | None = None
    boxes: tuple[LesionBox, ...] = ()
    must_be_empty: Path | None = None


@dataclass(frozen=True)
class Source:
    """One input. name: POSIX path relative to INPUT, which may identify a patient.

    path: the file, the folder of a DICOM series, or the archive that holds `member` (of a series:
    the folder in the archive). kind: 'dicom', 'series', 'nifti', 'picture', 'other', 'archive' (a
    damaged one), 'missing', 'pointer' (not fetched), 'link' (to a folder) or 'special' (a pipe, a
    device). parts: (path, member) of each file, where a series is not all that a folder holds, and
    of a .hdr/.img pair. line: of the table, if there is one. The rest is filled in by plan.py:
    shown is the name fit for lists and messages; cleared: None, or a person has looked for
    burned-in text, "" in whatever the file holds, else in content of this SHA-256; view: PA, AP,
    ... by the table, "" where unknown. beside: of a picture where no table names the inputs.
    damaged: the number of files beside a series that may have been its slices.
    """

    name: str
    path: Path
    kind: str
    member: str | None = None
    parts: tuple[tuple[Path, str | None], ...] = ()
    line: int = 0
    shown: str = ""
    who: Who = field(default_factory=Who)
    truth: Truth = field(default_factory=Truth)
    cleared: str | None = None
    view: str = ""
    beside: Beside | None = None
    damaged: int = 0
    header: Header = field(default_factory=Header, repr=False)

    def with_who(self, **changes: Any) -> Source:
        """Return the same source with fields of `who` changed."""
        return replace(self, who=replace(self.who, **changes))

    def with_truth(self, **changes: Any) -> Source:
        """Return the same source with fields of `truth` changed."""
        return replace(self, truth=replace(self.truth, **changes))

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

    def pieces(self) -> list[Source]:
        """Return the files of a series or a pair, sorted, as sources of their own; else itself."""
        parts: Sequence[tuple[Path, str | None]] = self.parts
        if not parts and self.kind != "series":
            return [self]
        if not parts and self.member is None:
            parts = [(path, None) for path in sorted(self.path.iterdir()) if path.is_file()]
        elif not parts:
            inside = PurePosixPath(self.member or "")
            names = (n for n in archive.members(self.path) if PurePosixPath(n).parent == inside)
            parts = [(self.path, name) for name in names]
        kind = "dicom" if self.kind == "series" else self.kind
        return [replace(self, kind=kind, path=p, member=m, parts=()) for p, m in parts]

    @contextmanager
    def on_disc(self) -> Iterator[Source]:
        """The same source as files, for readers that want paths; unpacked for that long only."""
        pieces = self.pieces()
        if all(piece.member is None for piece in pieces):
            yield self
            return
        with tempfile.TemporaryDirectory() as folder:
            paths = archive.extract([(p.path, p.member) for p in pieces], Path(folder))
            path = Path(folder) if self.kind == "series" else paths[0]
            parts = tuple((path, None) for path in paths)
            yield replace(self, path=path, member=None, parts=parts if len(parts) > 1 else ())
