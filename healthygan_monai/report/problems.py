"""Find what a reader should be warned of; each finding says what was seen and what it means."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from healthygan_monai.paths import FIRST_IS_BEST, MODEL_FILE, SCORES_FILE
from healthygan_monai.records.selection_csv import doubt
from healthygan_monai.report.artefacts import OF_A_TRAINING, Artefacts
from healthygan_monai.report.summary import (
    headline_level,
    number,
    probe_entries,
    probe_sentence,
    rivals,
    spread,
    strength,
)
from healthygan_monai.training.states import is_additive, state_of

MASK_FLAT = 0.02  # spread of mask values below which it marks no place
WIDE = 0.20  # interval of the AUC; 0.65 to 0.85 says little about which model is better
TAIL = 10  # logged lines at the end of training that count as "the end"


@dataclass(frozen=True)
class Problem:
    """A caution; if serious, the numbers above must not be used as they stand."""

    title: str
    text: str
    serious: bool = False


def find_problems(found: Artefacts) -> list[Problem]:
    """Return all problems of a run, serious ones first."""
    checks = (_data, _evaluation, _stale, _other_model, _probes, _training, _selection, _absent)
    problems = [problem for check in checks for problem in check(found)]
    return sorted(problems, key=lambda problem: not problem.serious)


def _data(found: Artefacts) -> Iterator[Problem]:
    names = {str(found.dataset.get("protocol")), str(found.run.get("dataset"))}
    if "demo" in names:
        yield Problem(
            "Demonstration data",
            "The images are drawn phantoms. No number on this page is about patients.",
            serious=True,
        )


def _evaluation(found: Artefacts) -> Iterator[Problem]:
    level = headline_level(found.evaluation)
    if level.get("threshold_reason"):
        yield Problem(
            "No threshold from validation",
            f"Because {level['threshold_reason']}, sensitivity and specificity are known only at a "
            "threshold chosen on the test labels. Expect less on new patients.",
            serious=True,
        )
    auc = level.get("auc")
    if auc and auc["value"] < 0.5:
        yield Problem(
            "The ranking is reversed",
            f"The AUC is {number(auc['value'])}: healthy cases score higher than diseased ones. It "
            "is shown as it is; turning a score round after seeing the labels is not allowed.",
            serious=True,
        )
    if auc and auc["low"] is not None:
        if auc["low"] <= 0.5 <= auc["high"]:
            yield Problem(
                "Not distinguishable from chance",
                f"The 95 % interval of the AUC ({spread(auc)}) includes 0.5.",
                serious=True,
            )
        if auc["high"] - auc["low"] > WIDE:
            yield Problem(
                "Wide interval",
                f"The 95 % interval of the AUC runs from {spread(auc)}. Too few subjects to rank "
                "this model against another.",
            )
    for text in found.evaluation.get("warnings", []):
        if not text.endswith(str(level.get("threshold_reason"))):
            yield Problem("From the evaluation", text[:1].upper() + text[1:] + ".")


def _stale(found: Artefacts) -> Iterator[Problem]:
    noted = found.evaluation.get("provenance", {}).get("scores_sha256")
    present = found.hashes.get(SCORES_FILE)
    if noted and present and noted != present:
        yield Problem(
            "Evaluation and scores do not belong together",
            "scores.csv has changed since evaluation.json was made. Run 'healthygan evaluate' "
            "again, then this report.",
            serious=True,
        )


def _other_model(found: Artefacts) -> Iterator[Problem]:
    if found.scored.get("scores_sha256") != found.hashes.get(SCORES_FILE):
        return  # scores.json is of other scores, or not there
    made_by, model = found.scored.get("weights_sha256"), found.hashes.get(MODEL_FILE)
    if made_by and model and made_by != model:
        yield Problem(
            "The scores are of another model",
            "model.pt is not the one that made scores.csv, so pictures and scores are of two "
            "models. Run 'healthygan infer' and 'healthygan evaluate' again, then this report.",
            serious=True,
        )


def _probes(found: Artefacts) -> Iterator[Problem]:
    if not found.evaluation:
        return
    close = rivals(found.evaluation)
    if close:
        best = max(strength(probe["auc"]) for probe in close)
        beaten = best >= probe_entries(found.evaluation)[0]["auc"]
        title = "A trivial probe does as well" if beaten else "A trivial probe comes close"
        yield Problem(title, probe_sentence(found.evaluation), serious=beaten)
    elif not probe_entries(found.evaluation):
        yield Problem("No probes", probe_sentence(found.evaluation))


def _training(found: Artefacts) -> Iterator[Problem]:
    if text := found.unfinished:
        yield Problem("Training has not finished", text[:1].upper() + text[1:], serious=True)
    broken = [
        f"{key} at iteration {line['iteration']}"
        for line in found.metrics
        for key, value in line.items()
        if value is None or (isinstance(value, float) and not math.isfinite(value))
    ]
    if broken:
        yield Problem("Training diverged", f"Not finite: {broken[0]}.", serious=True)
    mean, spread_of_mask = _tail(found, "mask_mean"), _tail(found, "mask_std")
    additive = any(is_additive(line) for line in found.metrics)
    state = None if mean is None else state_of(mean, additive)
    if mean is not None and state is not None:
        yield Problem(
            state.title,
            f"At the end of training it is {mean:.2%} of the image. {state.meaning} "
            f"{state.remedy}.",
            serious=True,
        )
    elif spread_of_mask is not None and spread_of_mask < MASK_FLAT and not additive:
        yield Problem(
            "The mask is flat",
            f"Its values spread by only {spread_of_mask:.3f} around {number(mean)}: it has not "
            "learnt to choose a place.",
        )


def _selection(found: Artefacts) -> Iterator[Problem]:
    chosen = found.chosen
    if found.selection and chosen is None:
        yield Problem("No checkpoint chosen", "selection.csv marks no row as the model.")
    elif len(found.selection) > 1 and chosen is found.selection[0]:
        yield Problem("The first checkpoint is the best", FIRST_IS_BEST)
    elif len(found.selection) > 2 and found.is_best_at_the_end():
        yield Problem(
            "The last checkpoint is the best",
            "Training may have stopped too early; more iterations could help.",
        )
    if (
        chosen is not None
        and found.criterion() == "aucp"
        and (text := doubt(chosen.aucp, chosen.aucp_error, bool(found.trials)))
    ):
        yield Problem("AUCp does not tell the mixed from the healthy set", text)


def _absent(found: Artefacts) -> Iterator[Problem]:
    for name, reason in found.missing.items():
        if found.members and name in OF_A_TRAINING:
            continue
        yield Problem(f"Missing: {name}", reason[:1].upper() + reason[1:] + ".")


def _tail(found: Artefacts, key: str) -> float | None:
    """Return the mean of the last logged values; None if the key was not logged."""
    values = [line.get(key) for line in found.metrics[-TAIL:]]
    finite = [v for v in values if isinstance(v, (int, float)) and math.isfinite(v)]
    return sum(finite) / len(finite) if finite else None
