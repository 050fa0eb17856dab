"""What decides the pixels of a prepared image: the part that films and heads have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from data_prep import __version__
from data_prep.frame.framing import Framing
from data_prep.frame.intensity import Intensity

PIXELS = 2  # raised whenever the same recipe gives other pixels than before


@dataclass(frozen=True)
class Recipe:
    """The square and the grey levels of an image.

    size: pixels a side. bits: 8 or 16 of a grey level. framing: a policy of Framing. intensity: a
    policy of Intensity and its numbers, such as "percentile:0.5,99.5".

    Raises ValueError for a choice that is not one of these.
    """

    kind: ClassVar[str]
    size: int = 128
    bits: int = 8
    framing: str = "paper"
    intensity: str = "window"

    def __post_init__(self) -> None:
        self.square()
        self.levels()
        self._require("bits", (8, 16))

    def _require(self, name: str, allowed: tuple[Any, ...]) -> None:
        if getattr(self, name) not in allowed:
            raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {allowed}")

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
