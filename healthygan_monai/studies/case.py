"""One case of new patients, a film or a scan: its scores, and its map in its own space."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from healthygan_monai.scoring import SCORE_RULE

File = tuple[Path, str | None]  # a file, or an archive and its member


@dataclass(frozen=True)
class SliceScore:
    """A slice of a volume: its index along the RAS+ axis of the plane that was cut, its score,
    and whether it counts for the score of the scan (slices outside of the recipe's range do not).
    """

    index: int
    score: float
    counted: bool


@dataclass(frozen=True)
class Cut:
    """A threshold, what is at or above it is called; policy: where it comes from, in words."""

    value: float
    policy: str


@dataclass(frozen=True)
class ModelFacts:
    """The model that scored.

    name: of its run or bundle. version: of this software. weights_sha256: of model.pt. method:
    healthygan, padim, ... image_size: S, pixels a side of what it sees. recipe: films or brains.
    score_by: rule of the image score. training_recipe: paper or pretrained; None if unknown.
    """

    name: str
    version: str
    weights_sha256: str
    method: str
    image_size: int
    recipe: str
    score_by: str = SCORE_RULE
    training_recipe: str | None = None


@dataclass(frozen=True, eq=False)
class CaseResult:
    """One film or scan, scored. Every map has the rows and columns, or voxels, of its own file.

    Of a picture with an EXIF orientation they are those of the turned picture, as viewers show it.

    Attributes:
        name: pseudonymous stem of the files that are written of it.
        subject: pseudonym.
        kind: film or volume.
        score: of a film its image score, of a volume the mean of its counted slices.
        images: names in scores.csv of its image, or of its counted slices.
        source: the input: a path, or an archive and its member. It may name a patient and is
            neither written nor logged.
        files: all files of the input, as a DICOM series has several; the same holds for them.
        difference: float32 (rows, columns), or (I, J, K) in the order of the file's own voxels;
            None for a method that draws no map.
        marked: bool of the same shape, True where the difference reaches ``map_threshold``.
        affine: 4 x 4, voxels to RAS+ mm; None for a film.
        map_threshold: None where no threshold is known; then nothing is marked.
        score_threshold: of films by image, of volumes by subject; None if the run has none.
        plane: that was cut; empty for a film.
        slice_scores: of a volume, the lowest, hindmost or leftmost first.
        shown: uint8 (h, w), the film reduced to a picture of a page, or the slice with the highest
            score as the model sees it. shown_difference: float32 (h, w), its map.
        frame: index of a film of several frames, where each is a case.
        is_dicom: whether the files are DICOM.
        warnings: for people.
    """

    name: str
    subject: str
    kind: Literal["film", "volume"]
    score: float
    images: tuple[str, ...]
    source: Path | File = field(repr=False)
    files: tuple[File, ...] = field(repr=False)
    difference: NDArray[np.float32] | None = field(repr=False)
    marked: NDArray[np.bool_] | None = field(repr=False)
    affine: NDArray[np.float64] | None
    map_threshold: Cut | None
    score_threshold: Cut | None
    model: ModelFacts
    shown: NDArray[np.uint8] = field(repr=False)
    shown_difference: NDArray[np.float32] | None = field(repr=False)
    plane: str = ""
    slice_scores: tuple[SliceScore, ...] = ()
    frame: int | None = None
    is_dicom: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def above(self) -> bool | None:
        """Whether the score reaches its threshold; None without one."""
        return None if self.score_threshold is None else self.score >= self.score_threshold.value
