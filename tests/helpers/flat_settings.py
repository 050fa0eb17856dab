"""Settings of a preparation from flat keywords, as the command line has them."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from data_prep.brain import BrainRecipe
from data_prep.film import FilmRecipe
from data_prep.inputs.choices import Cohort
from data_prep.settings import About, Settings, Work


def settings(input: Path, output: Path, kind: str = "films", **flat: Any) -> Settings:
    """settings(raw, out, size=16, table=path, jobs=0): each keyword to the part that has it."""

    def part(cls: Any) -> Any:
        return cls(**{f.name: flat.pop(f.name) for f in fields(cls) if f.name in flat})

    recipe = part(FilmRecipe if kind == "films" else BrainRecipe)
    return Settings(input, output, recipe, part(Cohort), part(Work), part(About), **flat)
