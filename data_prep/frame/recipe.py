"""What decides the pixels of a prepared image: the part that films and heads have in common."""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from data_prep import __version__
from data_prep.errors import UsageError
from data_prep.frame.framing import Framing
from data_prep.frame.intensity import Intensity

PIXELS = 3  # raised whenever the same recipe gives other pixels than before


def flag(default: Any, help: str, **given: Any) -> Any:
    """Return a dataclass field that is a flag too; help serves both.

    ``given``: choices, metavar or type, as argparse takes them; ``group``: the title of the flag's
    group; ``flag``: its name if it is not the field's.
    """
    return field(default=default, metadata={"help": help, **given})


@dataclass(frozen=True)
class Recipe:
    """The square and the grey levels of an image; UsageError for an invalid choice.

    framing: a policy of Framing. intensity: one of Intensity, such as "percentile:0.5,99.5".
    """

    kind: ClassVar[str]
    size: int = flag(128, "pixels a side", metavar="N")
    bits: int = flag(8, "PNG depth", choices=(8, 16))
    framing: str = "paper"
    intensity: str = "window"

    def __post_init__(self) -> None:
        self.square()
        self.levels()
        for option in fields(self):
            value, allowed = getattr(self, option.name), option.metadata.get("choices")
            if allowed and value not in allowed:
                raise UsageError(f"{option.name} is {value!r}; expected one of {allowed}")

    def square(self) -> Framing:
        return Framing(self.framing, self.size)

    def levels(self) -> Intensity:
        return Intensity.parse(self.intensity)

    def record(self) -> dict[str, Any]:
        """Return all that decides the pixels; an image made by another recipe is made again."""
        return {
            "version": __version__,
            "pixels": PIXELS,
            "kind": self.kind,
            "size": self.size,
            "bits": self.bits,
            "framing": self.square().record(),
            "intensity": self.levels().record(),
        }
