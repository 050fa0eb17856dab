"""What the Python API returns: scores and maps of images, and files that could not be used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from data_prep.datalist import Dataset
from data_prep.errors import DataError, HealthyGANError
from data_prep.film import png
from data_prep.repeat import Prepared
from healthygan_monai.scoring import HEALTHYGAN, SCORE_RULE, SUBJECT_RULE, ScoreRow, subject_rows

SHOWN = 5  # problems in one message
Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Result:
    """One image as the model sees it; every map is float32 (S, S), S the model's image size.

    score: higher = more anomalous; of HealthyGAN the mean of the difference map, in [0, 1] (Sec.
        2.3), unless the model was loaded with another ``score_by``. method: which
    one scored. parts: the maps by name; the properties below say what they are and whether there is
        one.
    """

    score: float
    method: str
    parts: Mapping[str, Map] = field(repr=False)

    @property
    def input(self) -> Map:
        """The image that was scored, in [0, 1], black to white."""
        return self._part("input")

    @property
    def healthy(self) -> Map:
        """Its healthy translation, in [0, 1] (Eq. 1). HealthyGAN only."""
        return self._part("healthy")

    @property
    def mask(self) -> Map:
        """Mask of the model: 0 keeps the input, 1 takes the drawn pixel. HealthyGAN only."""
        return self._part("mask")

    @property
    def difference(self) -> Map:
        """|input - healthy| in [0, 1]; for other methods their own map, which has no upper end."""
        return self._part("difference")

    def save_pictures(self, folder: Path | str, name: str) -> list[Path]:
        """Write the maps that there are as ``folder/NAME_difference.png`` and so on: 8-bit grey,
        white is 1.

        White of a map without an upper end is its largest value. Returns the files, each whole.

        Raises:
            HealthyGANError: the maps were not kept.
        """
        self._part("input")
        written = []
        for part in self.parts:
            if part != "input":
                shown = self.parts[part]
                white = max(1.0 if self.method == HEALTHYGAN else float(shown.max()), 1e-6)
                path = Path(folder) / f"{name}_{part}.png"
                png.save(np.rint(np.clip(shown / white, 0, 1) * 255).astype(np.uint8), path)
                written.append(path)
        return written

    def _part(self, name: str) -> Map:
        """Raises HealthyGANError where there is none."""
        if name in self.parts:
            return self.parts[name]
        why = f"{self.method} makes none" if self.parts else "maps=False kept none"
        raise HealthyGANError(f"{name}: no such map of this image; {why}.")


@dataclass(frozen=True, eq=False)
class ImageResult(Result):
    """One image of a folder.

    source: path of the file below that folder, which may name a patient. image: its name in
        scores.csv, which does
    not. subject: pseudonym, or the data set's name. section: test or validation. slice: of a volume
        along its axis,
    0 the lowest, or of several frames; label: 1 diseased, 0 healthy; None where unknown.
    """

    subject: str
    image: str
    source: str
    section: str = "test"
    slice: int | None = None
    label: int | None = None

    def row(self, seed: int = 0) -> ScoreRow:
        """Return the same as a row of scores.csv."""
        return ScoreRow(
            section=self.section,
            image=self.image,
            subject=self.subject,
            score=self.score,
            slice=self.slice,
            label=self.label,
            method=self.method,
            seed=seed,
        )


@dataclass(frozen=True)
class Problem:
    """A file that has no score. wanted: False where it could be read, but is not of the kind the
    model knows.

    source: its path below the folder, which may name a patient; shown: the name that ``healthygan
    prep`` shows for it, which does not; reason, detail and remedy: its words.
    """

    source: str
    shown: str
    reason: str
    detail: str = ""
    remedy: str = ""
    wanted: bool = True

    def __str__(self) -> str:
        text = f"{self.shown}: {self.reason}"
        text += f": {self.detail}." if self.detail else "."
        return f"{text} {self.remedy}".rstrip()


def problems_of(found: Prepared) -> tuple[Problem, ...]:
    """Return the problems of a preparation, in the order of their files."""
    problems = []
    for name, o in found.refused():
        texts = {key: str(o.details.get(key, "")) for key in ("detail", "remedy")}
        problems.append(Problem(name, o.source, o.reason, wanted=o.status != "left", **texts))
    return tuple(sorted(problems, key=lambda problem: problem.source))


def refused_problems(dataset: Dataset) -> tuple[Problem, ...]:
    """Return the pictures of a folder that cannot be used; none for a prepared data set."""
    return tuple(
        Problem(name, name, error.reason, error.detail, error.remedy)
        for name, error in getattr(dataset, "refused", ())
    )


def raise_for(problems: Sequence[Problem], files: int, root: Path) -> None:
    """Raise DataError if one of the ``files`` of the wanted kind below ``root`` is no use."""
    bad = [problem for problem in problems if problem.wanted]
    if bad:
        more = f" (and {len(bad) - SHOWN} more)" if len(bad) > SHOWN else ""
        first = " ".join(str(problem) for problem in bad[:SHOWN])
        raise DataError(f"{root}: {len(bad)} of {files} files cannot be used. {first}{more}")


@dataclass(frozen=True, eq=False)
class FolderResult(Sequence[ImageResult]):
    """The images of a folder in the order of their files, and what has no score (``problems``)."""

    images: tuple[ImageResult, ...]
    problems: tuple[Problem, ...] = ()

    def subject_scores(self, how: str = SUBJECT_RULE) -> dict[str, float]:
        """Subject -> mean or max of its image scores, as ``healthygan evaluate --unit subject``
        takes them.

        Raises:
            HealthyGANError: another word than mean or max.
        """
        try:
            return {row.subject: row.score for row in subject_rows(self.rows(), how)}
        except ValueError as error:
            raise HealthyGANError(str(error)) from error

    def rows(
        self,
        seed: int = 0,
        backbone: str = "",
        runtime: str = "pytorch",
        score_by: str = SCORE_RULE,
    ) -> list[ScoreRow]:
        """Return the rows of scores.csv; the arguments are the columns that no image knows."""
        return [
            replace(image.row(seed), backbone=backbone, runtime=runtime, score_by=score_by)
            for image in self.images
        ]

    @overload
    def __getitem__(self, index: int) -> ImageResult: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[ImageResult, ...]: ...

    def __getitem__(self, index: int | slice) -> ImageResult | tuple[ImageResult, ...]:
        return self.images[index]

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[ImageResult]:
        return iter(self.images)
