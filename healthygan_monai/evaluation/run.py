"""Evaluate a run folder: metrics, probes, and localisation if there are lesion masks."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.datalist import Dataset, Item
from data_prep.files import sha256
from data_prep.film import read_levels
from data_prep.work.kept import decode
from data_prep.work.progress import progress
from healthygan_monai import __version__
from healthygan_monai.evaluation.calibration import calibration_of
from healthygan_monai.evaluation.confounders import probe_aucs
from healthygan_monai.evaluation.defaults import FALSE_ALARMS, FALSE_DISCOVERIES, RESAMPLES
from healthygan_monai.evaluation.evaluate import evaluate
from healthygan_monai.evaluation.promise import write_p_values
from healthygan_monai.paths import (
    LOCALISATION_FILE,
    MODEL_FILE,
    P_VALUES_FILE,
    SCORED_FILE,
    SCORES_FILE,
    read_run_if_any,
)
from healthygan_monai.records.evaluation_json import LOCALISATION, SCORED
from healthygan_monai.records.schema import read
from healthygan_monai.scoring import ScoresError, read_scores

logger = logging.getLogger(__name__)
LEAST_FOR_PROBES = 10  # images of each class; fewer make cross-validated probes meaningless


def evaluate_run(
    run: Path | str,
    dataset: Dataset | None,
    *,
    unit: str = "image",
    bootstrap: int = RESAMPLES,
    seed: int = 0,
    probes: bool = True,
    policy: str = "youden",
    false_alarms: float = FALSE_ALARMS,
    false_discoveries: float = FALSE_DISCOVERIES,
    calibration: Path | str | None = None,
) -> dict[str, Any]:
    """Write RUN/evaluation.json and RUN/p_values.csv from RUN/scores.csv; return the first.

    dataset: where the images are, for the probes only. probes: whether to compute what trivial
    models reach on the same images. calibration: the run whose known-healthy images carry the
    promise, for scores of new images; default: ``run``. The other arguments are those of
    :func:`evaluate`.

    Raises:
        ScoresError: the scores of ``calibration`` are of another model.
    """
    folder, other = Path(run), None if calibration is None else Path(calibration)
    if other is not None:
        _require_same_weights(folder, other)
    localisation = folder / LOCALISATION_FILE
    result = evaluate(
        folder,
        unit=unit,
        bootstrap=bootstrap,
        seed=seed,
        policy=policy,
        false_alarms=false_alarms,
        false_discoveries=false_discoveries,
        calibration=other,
        probes=_probes(dataset, seed) if probes and dataset is not None else None,
        localisation=read(localisation, LOCALISATION) if localisation.is_file() else None,
        provenance=_provenance(folder),
    )
    rows = read_scores(folder / SCORES_FILE)
    write_p_values(
        folder / P_VALUES_FILE,
        rows,
        calibration_of(folder, rows, other),
        subject_rule=result["options"]["subject_rule"],
        false_alarms=false_alarms,
        false_discoveries=false_discoveries,
    )
    auc = result["levels"][unit].get("auc")
    if auc:
        known = auc["low"] is not None
        shown = f"{auc['low']:.3f} to {auc['high']:.3f}" if known else "none known"
        recipe = result["provenance"].get("training_recipe")
        logger.info(
            "test AUC by %s %.3f (95 %% interval over subjects: %s); %sscore by %s",
            *(unit, auc["value"], shown),
            *(f"recipe {recipe}, " if recipe else "", result["score_by"]),
        )
    return result


def _require_same_weights(folder: Path, other: Path) -> None:
    ours, theirs = weights_of_scores(folder), weights_of_scores(other)
    if ours and theirs and ours != theirs:
        raise ScoresError(
            f"{other}: its scores are of other weights than those of {folder}. Give the run whose "
            "model made both."
        )


def _provenance(folder: Path) -> dict[str, Any]:
    """Return what run.json says about the scores' origin, and this package's version."""
    known = read_run_if_any(folder)
    known.pop("weights_sha256", None)  # of model.pt, which need not have made the scores
    weights = weights_of_scores(folder)
    if weights is not None:
        known = {**known, **_record_of_scores(folder), "weights_sha256": weights}
    keys = (
        *("weights_sha256", "training_recipe", "commit", "seed", "data_hash", "command"),
        *("started", "finished", "device", "detector"),
    )
    return {"version": __version__, **{key: known[key] for key in keys if key in known}}


def weights_of_scores(folder: Path) -> str | None:
    """Return the SHA-256 of the model that made RUN/scores.csv, by scores.json; None if unknown.

    Raises:
        ScoresError: the model.pt in the folder is another one, chosen since.
    """
    made_by = _record_of_scores(folder).get("weights_sha256")
    if made_by is None:
        return None
    model = folder / MODEL_FILE
    if model.is_file() and sha256(model) != made_by:
        raise ScoresError(
            f"{folder / SCORES_FILE}: made with other weights than the model.pt beside it, which "
            f"was chosen since. Score again: healthygan infer {folder}"
        )
    return str(made_by)


def _record_of_scores(folder: Path) -> dict[str, Any]:
    """Return scores.json of RUN/scores.csv; nothing if it is missing or of other scores."""
    record, scores = folder / SCORED_FILE, folder / SCORES_FILE
    if not (record.is_file() and scores.is_file()):
        return {}
    content: dict[str, Any] = read(record, SCORED)
    return content if content.get("scores_sha256") == sha256(scores) else {}


def _probes(dataset: Dataset, seed: int) -> list[dict[str, Any]] | None:
    judged = [*dataset.sections["validation"], *dataset.sections["test"]]
    labelled = [item for item in judged if item.label is not None]
    labels = np.array([item.label for item in labelled])
    healthy = dataset.sections["training_healthy"]
    if not healthy or min((labels == 0).sum(), (labels == 1).sum()) < LEAST_FOR_PROBES:
        logger.info("probes not run: fewer than %d labelled images of a class", LEAST_FOR_PROBES)
        return None
    logger.info(
        "probes: what simple models reach on %d images, beside %d healthy ones (--no-probes: none)",
        *(len(labelled), len(healthy)),
    )
    known, shown = _pictures(dataset, healthy), _pictures(dataset, labelled)
    return probe_aucs(known, shown, labels, [item.subject for item in labelled], seed)


def _pictures(dataset: Dataset, items: Sequence[Item]) -> list[np.ndarray]:
    """Return the grey levels of images of a data set."""
    shown = progress(items, len(items), "probes: read", "image")
    return [decode(read_levels, (dataset.image_path(item),))[0] for item in shown]
