"""From the received files of a study to its scores and its DICOM results."""

import logging
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_prep.repeat import Prepared, Work, prepare_again, recipe_from
from data_prep.work.kept import decode
from healthygan_monai.api.model import Model
from healthygan_monai.errors import Ended, PrepError, UsageError
from healthygan_monai.models.runtimes import needed
from healthygan_monai.node.parts import Made, StudyAnswer
from healthygan_monai.scoring import HEALTHYGAN
from healthygan_monai.studies.case import CaseResult, Cut
from healthygan_monai.studies.dicom import FOLDER, LIMITS, why_none, write_dicom
from healthygan_monai.studies.remedies import remedy_for_score
from healthygan_monai.studies.score import Cases, prepare_cases

log = logging.getLogger(__name__)

NOT_AN_INPUT = "no image that the preparation knows"
FILMS = "films"


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
        if model.method != HEALTHYGAN:
            raise UsageError(
                f"healthygan listen: only for HealthyGAN; maps of {model.method} have no upper "
                "end, as those of DICOM results must have."
            )
        if model.recipe is None:
            raise UsageError(
                f"{model.checkpoint}: nothing beside it says how its training images were "
                "prepared, so that no raw image can be scored."
            )
        recipe_from(model.recipe, options)  # says what is wrong with them
        self.kind = str(model.recipe.get("kind", FILMS))
        self._model, self._recipe, self._options = model, model.recipe, dict(options)
        self._temporary, self._salt = temporary, secrets.token_bytes(32)
        self._cut: Cut | None = None

    def __call__(self, folder: Path, output: Path) -> StudyAnswer:
        with tempfile.TemporaryDirectory(prefix="prepared-", dir=self._temporary) as work:
            found = self._prepared(folder, Path(work) / "prepared")
            refused = dict.fromkeys((path.name for path in folder.iterdir()), NOT_AN_INPUT)
            for source, outcome in zip(found.sources, found.outcomes, strict=True):
                refused |= {piece.path.name: outcome.reason for piece in source.pieces()}
            cases = Cases(self._model, found, None if self._cut is None else self._cut.value)
            self._cut = cases.cut = self._cut or cases.cut  # measured once, with its own words
            again = [outcome.reason for outcome in found.outcomes if outcome.ended]
            scored, results, without = [], [], []
            bare: set[str] = set()
            for case in cases:
                for path, _ in case.files:
                    refused.pop(path.name, None)
                # without the maps, which would add up over a long study
                scored.append(replace(case, difference=None, marked=None, shown_difference=None))
                try:
                    results += self._results(case, output)
                except PrepError as error:
                    without.append(why_none(error))
                    bare.update(path.name for path, _ in case.files)
                    again += [error.reason] if isinstance(error, Ended) else []
        tried_again = "; ".join(sorted(set(again)))
        if not scored:
            return StudyAnswer(None, refused=refused, again=tried_again)
        cut = scored[0].score_threshold
        return StudyAnswer(
            max(case.score for case in scored),
            None if cut is None else cut.value,
            sum(len(case.files) for case in scored),
            refused,
            results,
            "; ".join(sorted(set(without))),
            bare,
            tried_again,
            list(dict.fromkeys(text for case in scored for text in case.warnings)),
        )

    def _prepared(self, folder: Path, output: Path) -> Prepared:
        """Prepare the films of a study in one guarded child that is kept for the next study.

        Where one film ends that child, and for heads, each file gets a child of its own.
        """
        if self.kind == FILMS:
            given = (self._recipe, folder, output, self._options, self._salt)
            try:
                return decode(prepare_here, given, LIMITS).reworded(remedy_for_score)
            except PrepError as error:
                log.debug("prepared again, file by file: %s", error)
        return prepare_cases(self._model, folder, output, options=self._options, work=Work(jobs=1))

    def _results(self, case: CaseResult, output: Path) -> list[Made]:
        """Return the results of a case, in ``output``; raises PrepError: why there are none."""
        import pydicom

        write_dicom(case, output)
        made = []
        for path in sorted((output / FOLDER / case.name).glob("*.dcm")):
            header = pydicom.dcmread(path, specific_tags=["SOPInstanceUID"])
            uid = str(header.SOPInstanceUID)
            made.append(Made(path.rename(output / f"{path.stem}-{uid}.dcm"), uid))
        return made


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
