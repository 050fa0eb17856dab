"""What the parts of the node hand to each other."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

TITLE = re.compile(r"(?=.*[^ ])[ -\[\]-~]{1,16}")  # an AE title (PS3.5 6.2)
LAST_PORT = 65535


@dataclass(frozen=True)
class Made:
    """One result file to be sent.

    path: the DICOM file. sop_uid: its SOP Instance UID; it must follow from the source and the
    model alone, so that a result that is made again is the same instance.
    """

    path: Path
    sop_uid: str


@dataclass(frozen=True)
class StudyAnswer:
    """What the scoring of one study gave.

    score: the highest, None where nothing could be scored. threshold: of the score, None where none
    is known. images: scored. refused: name of a file in the study's folder -> why it could not be
    used, without identifiers; all others were scored. results: files to be sent. without: why a
    scored image has none. bare: the names of these images. again: why some of it failed that may
    succeed later, such as a child that was killed. warnings: of scored images, without identifiers.
    """

    score: float | None
    threshold: float | None = None
    images: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    results: Sequence[Made] = ()
    without: str = ""
    bare: Collection[str] = ()
    again: str = ""
    warnings: Sequence[str] = ()


# (folder with the study's files, empty folder for results) -> answer. Another error than
# HealthyGANError means: try again later.
Process = Callable[[Path, Path], StudyAnswer]


class NotSent(Exception):
    """A result that the destination did not take; the text has no identifiers.

    unreachable: nobody answered, so that another result would not fare better.
    """

    def __init__(self, text: str, unreachable: bool = False) -> None:
        super().__init__(text)
        self.unreachable = unreachable


class Destination(Protocol):
    """Where results go."""

    name: str

    def send(self, path: Path) -> None:
        """Send one result; returns once it is stored there. Raises NotSent."""

    def has(self, path: Path) -> bool | None:
        """Whether the destination has this result; None where it cannot be asked."""
