"""Every choice of one preparation, and the part of it that decides the pixels (the recipe)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data_prep import __version__
from data_prep.errors import UsageError
from data_prep.film.options import FilmOptions
from data_prep.frame import png
from data_prep.frame.framing import Framing
from data_prep.frame.intensity import Intensity
from data_prep.work.guard import Limits

SECONDS = {"films": 120.0, "brains": 3600.0}  # of one input; a film takes one or two
MEMORY = {"films": 4 << 30, "brains": 16 << 30}  # bytes; a film of 4096 x 4096 takes about 0.3 GiB
PIXELS = 2  # raised whenever the same settings give other pixels than before
EXISTING = ("skip", "overwrite", "fail")
PSEUDONYMS = ("given", "keyed")


@dataclass(frozen=True)
class Settings:
    """One run of the pipeline.

    kind: 'films' or 'brains'. collimation: 'remove' dark borders of films or 'keep' them. cleared:
    a file that lists the films which may hold burned-in text, one path below INPUT a line. table,
    columns, where: see table.py. pseudonyms: 'given' takes subject names as they are, 'keyed'
    replaces them; None: given where a table names the subjects, else keyed. brain: options of
    brain_prep, values JSON can hold. validation, test: shares of the subjects, where groups are to
    be split. max_skipped: share of the inputs that could not be read, above which the run fails.
    strict: count those left out by a choice as well, in max_skipped and in the exit code. jobs:
    child processes; 0 works in this process, without limits. seconds, memory (bytes): limits of one
    input, those of SECONDS and MEMORY where None. scheduler: a Dask scheduler's address, or
    'local'. salt: the key of the pseudonyms once it is loaded. source: facts of a public data set
    for dataset.json, see sources/.
    """

    input: Path
    output: Path
    kind: str = "films"
    size: int = 128
    framing: str = "paper"
    collimation: str = "remove"
    intensity: str = "window"
    bits: int = 8
    film: FilmOptions = field(default_factory=FilmOptions)
    cleared: Path | None = None
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
    seconds: float | None = None
    memory: int | None = None
    scheduler: str | None = None
    salt: bytes = field(default=b"", repr=False)
    existing: str = "skip"
    dry_run: bool = False
    max_skipped: float | None = None
    strict: bool = False
    name: str = ""
    description: str = ""
    licence: str = ""
    protocol: str | None = None
    source: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.framing_policy()
        self.intensity_policy()
        choices = {"kind": ("films", "brains"), "existing": EXISTING, "bits": (8, 16)}
        choices["collimation"] = ("remove", "keep")
        for key, allowed in choices.items():
            if getattr(self, key) not in allowed:
                raise UsageError(f"{key} is {getattr(self, key)!r}; expected one of {allowed}")
        if self.pseudonyms not in (None, *PSEUDONYMS):
            raise UsageError(f"pseudonyms is {self.pseudonyms!r}; expected given or keyed")
        if self.jobs < 0:
            raise UsageError(f"jobs is {self.jobs}; expected 1 or more, or 0 for no child process")
        if min(self.seconds or 0, self.memory or 0) < 0:
            raise UsageError("the limits of time and memory are not negative")
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise UsageError("validation and test are shares of the subjects, together under 1")

    def framing_policy(self) -> Framing:
        return Framing(self.framing, self.size)

    def intensity_policy(self) -> Intensity:
        return Intensity.parse(self.intensity)

    @property
    def keyed(self) -> bool:
        """True where subjects get keyed pseudonyms."""
        return self.pseudonyms == "keyed" or (self.pseudonyms is None and self.table is None)

    def key_path(self) -> Path:
        """Beside OUTPUT, not in it: OUTPUT is what is sent on."""
        return self.key_file or self.beside(".key")

    def links_path(self) -> Path:
        """The way back from images to files, for those who hold the key; beside OUTPUT too."""
        return self.beside(".links.csv")

    def beside(self, suffix: str) -> Path:
        output = self.output.resolve()
        return output.with_name(output.name + suffix)

    def limits(self) -> Limits:
        """Of one input."""
        return Limits(
            SECONDS[self.kind] if self.seconds is None else self.seconds,
            MEMORY[self.kind] if self.memory is None else self.memory,
        )

    def work_folder(self) -> Path:
        """Temporary files of the children; in OUTPUT, so that the next run finds and removes it."""
        return self.output / ".work"

    def recipe(self) -> dict[str, Any]:
        """All that decides the pixels; an image made by another recipe is made again."""
        return {
            "version": __version__,
            "pixels": PIXELS,
            "kind": self.kind,
            "size": self.size,
            "bits": self.bits,
            "framing": self.framing_policy().record(),
            "intensity": self.intensity_policy().record(),
            **({"collimation": self.collimation} if self.kind == "films" else {}),
            "options": asdict(self.film) if self.kind == "films" else self._brain_recipe(),
        }

    def _brain_recipe(self) -> dict[str, Any]:
        """Without the paths of this computer; templates are told by their checksum."""
        from data_prep.brain.options import BrainOptions

        return BrainOptions.of(self.brain).public()

    def store(self, relative: str, pixels: np.ndarray) -> None:
        """Write one PNG under OUTPUT, or nothing in a dry run; relative: POSIX path."""
        if not self.dry_run:
            png.save(pixels, self.output / relative)
