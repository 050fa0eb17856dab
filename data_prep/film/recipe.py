"""What decides the pixels of a prepared film."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from data_prep.film import collimation
from data_prep.film.options import FilmOptions
from data_prep.frame.recipe import Recipe


@dataclass(frozen=True)
class FilmRecipe(Recipe):
    """collimation: 'remove' dark borders outside the exposed field, or 'keep' them.

    >>> FilmRecipe(size=64, framing="square").record()["framing"]["policy"]
    'square'
    """

    kind: ClassVar[str] = "films"
    collimation: str = "remove"
    options: FilmOptions = field(default_factory=FilmOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("collimation", ("remove", "keep"))

    @property
    def windowed(self) -> bool:
        """True where the header's window decides the grey levels."""
        return self.levels().policy == "window"

    def record(self) -> dict[str, Any]:
        return {
            **super().record(),
            "collimation": self.collimation,
            "options": asdict(self.options),
        }

    def describe(self) -> dict[str, Any]:
        """Return what dataset.json says about modality, grey levels and framing."""
        kept = self.collimation == "keep"
        borders = {"policy": "kept"} if kept else collimation.record()
        return {
            "modality": "radiograph",
            "intensity": self.levels().record(),
            "framing": {**self.square().record(), "collimation": borders},
        }
