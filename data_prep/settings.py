"""Every choice of one preparation, and the part of it that decides the pixels (the recipe)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data_prep import __version__, png
from data_prep.film import FilmOptions
from data_prep.framing import Framing
from data_prep.intensity import Intensity

EXISTING = ("skip", "overwrite", "fail")
PSEUDONYMS = ("given", "keyed")


@dataclass(frozen=True)
class Settings:
    """One run of the pipeline.

    kind: 'films' or 'brains'. table, columns, where: see table.py. pseudonyms: 'given' takes
    subject names as they are, 'keyed' replaces them; None: given where a table names the
    subjects, else keyed. brain: options of brain_prep, values JSON can hold. validation, test:
    shares of the subjects, where groups are to be split. max_skipped: share of the inputs, above
    which the run fails. source: facts of a public data set for dataset.json, see sources/.
    """

    input: Path
    output: Path
    kind: str = "films"
    size: int = 128
    framing: str = "paper"
    intensity: str = "window"
    bits: int = 8
    film: FilmOptions = field(default_factory=FilmOptions)
    brain: dict[str, Any] = field(default_factory=dict)
    table: Path | None = None
    columns: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    pseudonyms: str | None = None
    key_file: Path | None = None
    validation: float = 0.1
    test: float = 0.2
    seed: int = 0
    jobs: int = 1
    existing: str = "skip"
    dry_run: bool = False
    max_skipped: float | None = None
    name: str = ""
    description: str = ""
    licence: str = ""
    protocol: str | None = None
    source: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.framing_policy()
        self.intensity_policy()
        choices = {"kind": ("films", "brains"), "existing": EXISTING, "bits": (8, 16)}
        for key, allowed in choices.items():
            if getattr(self, key) not in allowed:
                raise ValueError(f"{key} is {getattr(self, key)!r}; expected one of {allowed}")
        if self.pseudonyms not in (None, *PSEUDONYMS):
            raise ValueError(f"pseudonyms is {self.pseudonyms!r}; expected given or keyed")
        if self.jobs < 1:
            raise ValueError(f"jobs is {self.jobs}; expected 1 or more")
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise ValueError("validation and test are shares of the subjects, together under 1")

    def framing_policy(self) -> Framing:
        return Framing(self.framing, self.size)

    def intensity_policy(self) -> Intensity:
        return Intensity.parse(self.intensity)

    def recipe(self) -> dict[str, Any]:
        """All that decides the pixels; an image made by another recipe is made again."""
        return {
            "version": __version__,
            "kind": self.kind,
            "size": self.size,
            "bits": self.bits,
            "framing": self.framing_policy().record(),
            "intensity": self.intensity_policy().record(),
            "options": asdict(self.film) if self.kind == "films" else dict(self.brain),
        }

    def store(self, relative: str, pixels: np.ndarray) -> None:
        """Write one PNG under OUTPUT, or nothing in a dry run; relative: POSIX path."""
        if not self.dry_run:
            png.save(pixels, self.output / relative)
