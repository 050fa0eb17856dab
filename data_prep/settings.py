"""Every choice of one run of the pipeline."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.brain.recipe import BrainRecipe
from data_prep.errors import UsageError
from data_prep.film.recipe import FilmRecipe
from data_prep.inputs.choices import Cohort
from data_prep.work.guard import Limits

LIMITS = {  # of one input: a film takes one or two seconds, one of 4096 x 4096 about 0.3 GiB
    "films": Limits(120.0, 4 << 30),
    "brains": Limits(3600.0, 16 << 30),
}
EXISTING = ("skip", "overwrite", "fail")


@dataclass(frozen=True)
class Work:
    """How the work is done.

    jobs: child processes; 0 works in this process, without limits. seconds, memory (bytes): limits
    of one input, those of LIMITS where None. scheduler: a Dask scheduler's address, or 'local'.
    """

    jobs: int = 1
    seconds: float | None = None
    memory: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.jobs < 0:
            raise UsageError(f"jobs is {self.jobs}; expected 1 or more, or 0 for no child process")
        if min(self.seconds or 0, self.memory or 0) < 0:
            raise UsageError("the limits of time and memory are not negative")


@dataclass(frozen=True)
class About:
    """What dataset.json says of the data set; source: facts of a public one, see sources/."""

    name: str = ""
    description: str = ""
    licence: str = ""
    protocol: str | None = None
    source: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """One run of the pipeline.

    recipe: what decides the pixels. cohort: who the inputs show. work: processes and limits. about:
    names for dataset.json. existing: what is done about files of an earlier run. max_skipped: share
    of the inputs that could not be read, above which the run fails. strict: count those left out by
    a choice as well, in max_skipped and in the exit code.
    keep_seen: also keep what a model sees, and the way back; see frame/seen.py.
    """

    input: Path
    output: Path
    recipe: FilmRecipe | BrainRecipe = field(default_factory=FilmRecipe)
    cohort: Cohort = field(default_factory=Cohort)
    work: Work = field(default_factory=Work)
    about: About = field(default_factory=About)
    existing: str = "skip"
    dry_run: bool = False
    max_skipped: float | None = None
    strict: bool = False
    keep_seen: bool = False

    def __post_init__(self) -> None:
        if self.existing not in EXISTING:
            raise UsageError(f"existing is {self.existing!r}; expected one of {EXISTING}")

    @property
    def kind(self) -> str:
        """'films' or 'brains'."""
        return self.recipe.kind

    @property
    def sets_aside(self) -> bool:
        """True where films with likely text are set aside for a person to look at."""
        recipe = self.recipe
        return isinstance(recipe, FilmRecipe) and recipe.options.burned_in == "quarantine"

    def key_path(self) -> Path:
        """Beside OUTPUT, not in it: OUTPUT is what is sent on."""
        return self.cohort.key_file or self.beside(".key")

    def links_path(self) -> Path:
        """The way back from images to files, for those who hold the key; beside OUTPUT too."""
        return self.beside(".links.csv")

    def beside(self, suffix: str) -> Path:
        output = self.output.resolve()
        return output.with_name(output.name + suffix)

    def limits(self) -> Limits:
        """Of one input."""
        usual, work = LIMITS[self.kind], self.work
        return Limits(
            usual.seconds if work.seconds is None else work.seconds,
            usual.memory if work.memory is None else work.memory,
        )

    def work_folder(self) -> Path:
        """Temporary files of the children; in OUTPUT, so that the next run finds and removes it."""
        return self.output / ".work"
