"""The choices of the film reader; all of them are part of a data set's recipe."""

from __future__ import annotations

from dataclasses import dataclass

from data_prep.errors import UsageError, nearest
from data_prep.read.dicom.terms import FILMS, MODALITIES, VIEWS

COLOURS = ("refuse", "equal")
FRAMES = ("first", "each")
INTENTS = ("presentation", "processing", "any")
BODY_PARTS = ("chest", "stated", "any")
BURNED_IN = ("quarantine", "allow")


@dataclass(frozen=True)
class FilmOptions:
    """What is read of a film, and which films are wanted; texts, so that settings are JSON.

    window: which of several, from 0: that VOI LUT, else that window, else the first; a note says
    which. colour: 'refuse', or 'equal' to accept colour files whose channels are equal. frames: of
    several, the 'first' or 'each'.
    modalities: 'films' (CR, DX, RG), 'any', or codes like 'films,OT'.
    views: 'frontal' (all not known to be another view), 'any', or names like 'PA,AP', which then
    have to be in the header. body_parts: 'chest' (all not known to be another part), 'stated'
    (chest by the header), or 'any'. intent: 'presentation' (all but raw detector data),
    'processing' (only those), or 'any'. burned_in: 'quarantine' or 'allow' films with text in them.

    Raises ValueError for a choice that is not one of these.
    """

    window: int = 0
    colour: str = "refuse"
    views: str = "frontal"
    modalities: str = "films"
    body_parts: str = "chest"
    intent: str = "presentation"
    frames: str = "first"
    burned_in: str = "quarantine"

    def __post_init__(self) -> None:
        if self.window < 0:
            raise UsageError(f"window is {self.window}; expected 0 or more, 0 is the first")
        choices = {"colour": COLOURS, "body_parts": BODY_PARTS, "intent": INTENTS}
        for name, allowed in {**choices, "frames": FRAMES, "burned_in": BURNED_IN}.items():
            if getattr(self, name) not in allowed:
                raise _unknown(name, getattr(self, name), allowed)
        self.wanted_modalities()
        self.wanted_views()

    def wanted_modalities(self) -> frozenset[str] | None:
        """Codes of PS3.3 C.7.3.1.1.1; None for any."""
        if self.modalities.strip().lower() == "any":
            return None
        codes: set[str] = set()
        for part in _parts(self.modalities):
            if part.lower() == "films":
                codes.update(FILMS)
            elif part.upper() in MODALITIES:
                codes.add(part.upper())
            else:
                raise _unknown("modalities", part, ("films", "any", *sorted(MODALITIES)))
        if not codes:
            raise UsageError("modalities is empty; expected films, any, or codes like CR,DX,OT")
        return frozenset(codes)

    def wanted_views(self) -> frozenset[str] | None:
        """Names of dicom_terms.VIEWS that must be in the header; None for 'frontal' and 'any'."""
        if self.views.strip().lower() in ("frontal", "any"):
            return None
        names = {view.lower(): view for view in VIEWS}
        for part in _parts(self.views):
            if part.lower() not in names:
                raise _unknown("views", part, ("any", *VIEWS))
        wanted = frozenset(names[part.lower()] for part in _parts(self.views))
        if not wanted:
            raise UsageError("views is empty; expected frontal, any, or names like PA,AP")
        return wanted


def _parts(text: str) -> list[str]:
    return [part for part in (part.strip() for part in text.split(",")) if part]


def _unknown(name: str, value: object, allowed: tuple[str, ...]) -> UsageError:
    more = ", ..." if len(allowed) > 8 else ""
    near = nearest(value, allowed) or f"; expected one of {', '.join(allowed[:8])}{more}"
    return UsageError(f"{name} is {value!r}{near}")
