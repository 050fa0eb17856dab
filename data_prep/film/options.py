"""The choices of the film reader; all of them are part of a data set's recipe."""

from dataclasses import dataclass, field, fields

from data_prep.errors import UsageError, nearest
from data_prep.frame.recipe import flag
from data_prep.read.dicom.terms import FILMS, MODALITIES, VIEWS

WHICH = "which films; the others are left out and listed"


@dataclass(frozen=True)
class FilmOptions:
    """What is read of a film, and which films are wanted; an invalid choice raises UsageError.

    burned_in: what happens to films with likely text: ``quarantine`` sets them aside, ``allow``
    takes them.
    """

    window: int = flag(0, "which of several windows or VOI LUTs, from 0", metavar="N")
    colour: str = flag(
        "refuse",
        "colour DICOM: refuse it, or accept it where the channels are equal",
        choices=("refuse", "equal"),
    )
    views: str = flag(
        "frontal",
        "frontal (all that are not known to be lateral), any, or some of PA,AP,lateral if "
        "the header states them",
        group=WHICH,
        metavar="VIEWS",
    )
    modalities: str = flag(
        "films", "films (CR, DX, RG), any, or codes like films,OT", group=WHICH, metavar="CODES"
    )
    body_parts: str = flag(
        "chest",
        "chest (all that are not known to be another part), stated (chest by the header), any",
        group=WHICH,
        choices=("chest", "stated", "any"),
    )
    intent: str = flag(
        "presentation",
        "presentation (all but raw detector data, FOR PROCESSING), processing (only those), any",
        group=WHICH,
        choices=("presentation", "processing", "any"),
    )
    frames: str = flag(
        "first", "of a multi-frame file: the first, or each as an image", choices=("first", "each")
    )
    orient: str = flag(
        "keep",
        "films that are turned or mirrored by Patient Orientation: keep them so, or turn them "
        "upright as the header says",
        choices=("keep", "header"),
    )
    burned_in: str = field(default="quarantine", metadata={"choices": ("quarantine", "allow")})

    def __post_init__(self) -> None:
        if self.window < 0:
            raise UsageError(f"window is {self.window}; expected 0 or more, 0 is the first")
        for option in fields(self):
            allowed = option.metadata.get("choices")
            if allowed and getattr(self, option.name) not in allowed:
                raise _unknown(option.name, getattr(self, option.name), allowed)
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
