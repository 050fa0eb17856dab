"""What decides the pixels of a prepared film."""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from data_prep.film import collimation
from data_prep.film.options import FilmOptions
from data_prep.frame.recipe import Recipe, flag


@dataclass(frozen=True)
class FilmRecipe(Recipe):
    """What decides the pixels of a film; see the help texts.

    Attributes:
        options: of reading, and which films are wanted.

    >>> FilmRecipe(size=64, framing="square").record()["framing"]["policy"]
    'square'
    """

    kind: ClassVar[str] = "films"
    framing: str = flag(
        "paper",
        "paper: top 8%% off, centre square; square: pad; centre: centre square",
        choices=("paper", "square", "centre", "none"),
    )
    intensity: str = flag(
        "window",
        "window: as the header says; minmax, percentile or percentile:0.5,99.5: of all the film's "
        "values, whatever window the header has",
        metavar="POLICY",
    )
    collimation: str = flag(
        "remove",
        "dark borders outside the exposed field, before the framing",
        choices=("remove", "keep"),
    )
    options: FilmOptions = field(default_factory=FilmOptions)

    @property
    def windowed(self) -> bool:
        """True where the header's window decides the grey levels."""
        return self.levels().policy == "window"

    def record(self) -> dict[str, Any]:
        """Return what ``dataset.json`` says about the framing, the borders and the options."""
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
