"""What became of one input, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from data_prep.errors import Ended, LeftOut, PrepError
from data_prep.frame.boxes import FramedBox
from data_prep.frame.seen import Seen

DIGEST = "digest"  # a fact of films and heads: equal for equal pixel data, whatever their encoding

STATUSES = ("written", "kept", "skipped", "left")


@dataclass(frozen=True)
class WrittenImage:
    """One PNG; paths are POSIX, relative to OUTPUT: images/<subject>/<session>_<slice>.png."""

    image: str
    subject: str
    session: str | None = None
    slice: int | None = None
    mask: str | None = None
    boxes: tuple[FramedBox, ...] = ()  # lists of a sidecar become tuples again

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", tuple(tuple(box) for box in self.boxes))


@dataclass(frozen=True)
class Outcome:
    """What became of one input. details: JSON facts, all of them allowed out (see deidentify).

    skipped: it cannot be used; left: it could, but is not wanted. Both are listed. seen: of a taken
    one, where the settings keep what a model sees. ended: skipped for what may pass (see Ended).
    """

    status: Literal["written", "kept", "skipped", "left"]
    source: str
    reason: str = ""
    images: tuple[WrittenImage, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    seen: tuple[Seen, ...] = ()
    ended: bool = False

    @property
    def taken(self) -> bool:
        """True where the input is in the data set."""
        return self.status in ("written", "kept")

    @classmethod
    def skipped(cls, source: str, error: PrepError) -> Outcome:
        """Skipped or left, by the kind of the error."""
        hints = {"detail": error.detail, "remedy": error.remedy}
        status: Literal["skipped", "left"] = "left" if isinstance(error, LeftOut) else "skipped"
        known = {key: value for key, value in hints.items() if value}
        details = {**error.facts, **known}
        return cls(status, source, error.reason, details=details, ended=isinstance(error, Ended))
