"""From the received files of a study to its scores and its DICOM results."""

import logging
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.repeat import Prepared, Work, prepare_again, recipe_from
from data_prep.work.kept import Limits, decode
from healthygan_monai.api.model import Model
from healthygan_monai.errors import PrepError, UsageError
from healthygan_monai.models.runtimes import needed
from healthygan_monai.node.parts import Made, StudyAnswer
from healthygan_monai.studies.case import CaseResult
from healthygan_monai.studies.score import Cases, prepare_cases

log = logging.getLogger(__name__)

NOT_AN_INPUT = "no image that the preparation knows"
FILMS, BRAINS = "films", "brains"
LIMITS = {FILMS: Limits(120.0, 4 << 30), BRAINS: Limits(600.0, 16 << 30)}  # of one study's results


class Scoring:
    """Scores studies by one model; call it with a study's folder and a folder for its results."""

    def __init__(self, model: Model, options: Mapping[str, Any], temporary: Path) -> None:
        """Check what every study needs.

        Args:
            model: with the recipe of its training images.
            options: other choices of the preparation than the run's own.
            temporary: a private folder; prepared images are there for a moment.

        Raises:
            UsageError: no recipe beside the model, or an invalid option.
            NotInstalled: the extra ``dicom`` is not installed.
        """
        needed("highdicom", "healthygan listen", "dicom")
        if model.recipe is None:
            raise UsageError(
                f"{model.checkpoint}: nothing beside it says how its training images were "
                "prepared, so that no raw image can be scored."
            )
        recipe_from(model.recipe, options)  # says what is wrong with them
        self.kind = str(model.recipe.get("kind", FILMS))
        self._model, self._recipe, self._options = model, model.recipe, dict(options)
        self._temporary, self._salt = temporary, secrets.token_bytes(32)
        self._map_threshold: float | None = None

    def __call__(self, folder: Path, output: Path) -> StudyAnswer:
        with tempfile.TemporaryDirectory(prefix="prepared-", dir=self._temporary) as work:
            found = self._prepared(folder, Path(work) / "prepared")
            refused = dict.fromkeys((path.name for path in folder.iterdir()), NOT_AN_INPUT)
            for source, outcome in zip(found.sources, found.outcomes, strict=True):
                refused |= {piece.path.name: outcome.reason for piece in source.pieces()}
            cases = Cases(self._model, found, self._map_threshold)
            if cases.cut is not None:  # measured once
                self._map_threshold = cases.cut.value
            scored, results = [], []
            for case in cases:
                for path, _ in case.files:
                    refused.pop(path.name, None)
                scored.append(case)
                results += self._results(case, output)
        if not scored:
            return StudyAnswer(None, refused=refused)
        cut = scored[0].score_threshold
        return StudyAnswer(
            max(case.score for case in scored),
            None if cut is None else cut.value,
            sum(len(case.files) for case in scored),
            refused,
            results,
        )

    def _prepared(self, folder: Path, output: Path) -> Prepared:
        """Prepare the films of a study in one guarded child that is kept for the next study.

        Where one film ends that child, and for heads, each file gets a child of its own.
        """
        if self.kind == FILMS:
            given = (self._recipe, folder, output, self._options, self._salt)
            try:
                return decode(prepare_here, given, LIMITS[FILMS])
            except PrepError as error:
                log.debug("prepared again, file by file: %s", error)
        return prepare_cases(self._model, folder, output, options=self._options, work=Work(jobs=1))

    def _results(self, case: CaseResult, output: Path) -> list[Made]:
        if case.difference is None:
            return []
        given = ([path for path, _ in case.files], case.difference, case.marked, case.affine)
        made = decode(write_results, (*given, facts_of(case), output, case.name), LIMITS[self.kind])
        return [Made(output / name, uid) for name, uid in made]


def prepare_here(
    recipe: Mapping[str, Any],
    folder: Path,
    output: Path,
    options: Mapping[str, Any],
    salt: bytes,
) -> Prepared:
    """Prepare all files of a folder in this process. Call it in a guarded child."""
    return prepare_again(
        recipe, folder, output, options=options, salt=salt, work=Work(jobs=0), keep_seen=True
    )


def write_results(
    files: Sequence[Path],
    difference: np.ndarray,
    marked: np.ndarray,
    affine: np.ndarray | None,
    facts: Any,
    output: Path,
    stem: str,
) -> list[tuple[str, str]]:
    """Write the DICOM results of a case; return their names and SOP Instance UIDs.

    The files come from outside: call it in a guarded child.
    """
    import pydicom

    from healthygan_monai.dicom_results import make_results, to_slices

    sources = [pydicom.dcmread(path, force=True) for path in files]
    if affine is not None:
        difference = to_slices(difference, affine, sources)
        marked = to_slices(marked, affine, sources)
    made = []
    for number, result in enumerate(make_results(sources, difference, marked, facts)):
        name = f"{stem}-{number}.dcm"
        result.save_as(output / name, enforce_file_format=True)
        made.append((name, str(result.SOPInstanceUID)))
    return made


def facts_of(case: CaseResult) -> Any:
    """Return what the DICOM results say of a case."""
    from healthygan_monai.dicom_results import ResultFacts

    score, cut, model = case.score_threshold, case.map_threshold, case.model
    return ResultFacts(
        case.score,
        model.weights_sha256,
        model.version,
        method=model.method,
        score_threshold=None if score is None else score.value,
        score_policy=None if score is None else score.policy,
        map_threshold=None if cut is None else cut.value,
        map_source=None if cut is None else cut.policy,
    )
