"""The DICOM results of a case, OUTPUT/dicom/NAME/: for the archive that the input is from.

They hold the patient and the study of the input, as nothing else in OUTPUT does. Needs the extra
``dicom``.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import PrepError, UsageError
from data_prep.files import whole
from data_prep.repeat import content
from data_prep.work.kept import Limits, decode
from healthygan_monai.models.runtimes import needed
from healthygan_monai.scoring import HEALTHYGAN
from healthygan_monai.studies.case import CaseResult, File

FOLDER = "dicom"
LIMITS = Limits(600.0, 16 << 30)  # of one case: hundreds of slices are drawn and packed
LAST = ("marked", "map", "report")  # of what make_results returns, after the overlays
NOT_DICOM = "the input is not DICOM"


def require_dicom(method: str) -> None:
    """Refuse early what --dicom cannot do.

    Raises:
        NotInstalled: the extra ``dicom`` is not installed.
        UsageError: the maps of the method have no upper end, and those of the results end at 1.
    """
    if method != HEALTHYGAN:
        raise UsageError(f"--dicom: only for HealthyGAN; maps of {method} have no upper end.")
    needed("highdicom", "--dicom", "dicom")


def write_dicom(case: CaseResult, output: Path) -> None:
    """Write the results of a case.

    Raises:
        PrepError: why there are none; Ended: later there may be.
    """
    if not case.is_dicom:
        raise PrepError(NOT_DICOM)
    made = decode(_made, (case.files, case.difference, case.marked, case.affine, _facts(case)),
                  LIMITS)  # fmt: skip
    overlays = len(made) - len(LAST)
    names = [*(f"overlay{n}" if overlays > 1 else "overlay" for n in range(1, overlays + 1)), *LAST]
    for number, (name, data) in enumerate(zip(names, made, strict=True), 1):
        with whole(output / FOLDER / case.name / f"{number}_{name}.dcm") as part:
            part.write_bytes(data)


def why_none(error: PrepError) -> str:
    """Return the words for a case without results."""
    return f"no DICOM results: {error}"


def _facts(case: CaseResult) -> dict[str, Any]:
    model, cut, marked = case.model, case.score_threshold, case.map_threshold
    return {
        "score": case.score,
        "weights_sha256": model.weights_sha256,
        "version": model.version,
        "method": model.method,
        "score_by": model.score_by,
        "training_recipe": model.training_recipe,
        "score_threshold": None if cut is None else cut.value,
        "score_policy": None if cut is None else cut.policy,
        "map_threshold": None if marked is None else marked.value,
        "map_source": None if marked is None else marked.policy,
        "warnings": case.warnings,
        "frame": (case.frame or 0) if case.kind == "film" else None,
    }


def _made(
    files: Sequence[File],
    difference: np.ndarray,
    marked: np.ndarray,
    affine: np.ndarray | None,
    facts: dict[str, Any],
) -> list[bytes]:
    """In a guarded child: the files of the input are from outside."""
    from data_prep.film import read_dataset
    from healthygan_monai.dicom_results import ResultFacts, make_results, to_slices

    sources = [read_dataset(content(path, member)) for path, member in files]
    if affine is not None:
        sources = sorted((one for one in sources if "PixelData" in one), key=_height)
        difference = to_slices(difference, affine, sources)
        marked = to_slices(marked, affine, sources)
    found = []
    for one in make_results(sources, difference, marked, ResultFacts(**facts)):
        buffer = BytesIO()
        one.save_as(buffer, enforce_file_format=True)
        found.append(buffer.getvalue())
    return found


def _height(source: Any) -> float:
    """Where a slice lies along the normal of its plane, mm; 0 where it does not say."""
    across = source.get("ImageOrientationPatient")
    place = source.get("ImagePositionPatient")
    if not across or not place:
        return 0.0
    normal = np.cross([float(v) for v in across[:3]], [float(v) for v in across[3:]])
    return float(normal @ np.array([float(v) for v in place]))
