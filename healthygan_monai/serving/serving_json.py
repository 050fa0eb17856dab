"""Read ``serving.json`` beside a model: its preparation, and its thresholds of maps and scores."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.datalist import DataError, Dataset, read
from data_prep.files import sha256
from healthygan_monai.errors import MissingData
from healthygan_monai.paths import (
    RUN_FILE,
    SERVING_FILE,
    dataset_of_run,
    read_evaluation,
    read_serving,
)
from healthygan_monai.scoring import SCORE_RULE

FORMAT = 1
SERVED_BY = SCORE_RULE  # rule of the image scores of a server; no request chooses another
# key -> name of the threshold in evaluation.json; the promised one first
THRESHOLDS = {"promised_thresholds": "promised", "score_thresholds": "validation"}
WITHOUT_HEALTHY = 0.1  # of the grey range, for a model without healthy maps


@dataclass(frozen=True)
class Cut:
    """value: difference in (0, 1] from which a pixel is marked; source: of the value, in words."""

    value: float
    source: str


@dataclass(frozen=True)
class Description:
    """What is known of a model for serving.

    recipe: of the data set. size: pixels a side. cut: of maps. scores, promised: label-chosen
    thresholds and those with a promised false-alarm rate by level (image, subject), as in
    evaluation.json. warnings: for people.
    """

    recipe: dict[str, Any]
    size: int
    cut: Cut
    scores: dict[str, Any] = field(default_factory=dict)
    promised: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def stored_description(checkpoint: Path) -> dict[str, Any] | None:
    """Return serving.json beside the weights if it is of these weights.

    Its thresholds of scores are those of the evaluation.json beside them, if there is one.
    """
    content = read_serving(checkpoint.parent)
    if not content or content.get("weights_sha256") != sha256(checkpoint):
        return None
    return {**content, **(evaluated_thresholds(checkpoint) or {})}


def evaluated_thresholds(checkpoint: Path, score_by: str = SERVED_BY) -> dict[str, Any] | None:
    """Return the thresholds of evaluation.json, by the keys of ``THRESHOLDS`` and by level.

    None where the file is not of these weights, or of scores by another rule.
    """
    content = read_evaluation(checkpoint.parent)
    if (content.get("provenance") or {}).get("weights_sha256") != sha256(checkpoint):
        return None
    if content.get("score_by", SERVED_BY) != score_by:
        return None
    found: dict[str, Any] = {key: {} for key in THRESHOLDS}
    for unit, level in content.get("levels", {}).items():
        for key, name in THRESHOLDS.items():
            if cut := (level.get("thresholds") or {}).get(name):
                facts = {fact: cut[fact] for fact in ("threshold", "policy", "chosen_on")}
                if name == "promised":
                    facts["false_alarm_rate"] = level["promise"]["false_alarm_rate"]
                found[key][unit] = facts
    return found


def description_of(checkpoint: Path | str, image_size: int) -> Description:
    """Read serving.json beside a model, else its run's data set, else use data_prep's defaults.

    If serving.json is of other weights, its threshold is ignored with a warning.
    """
    path = Path(checkpoint)
    stored = path.parent / SERVING_FILE
    unknown = Cut(
        WITHOUT_HEALTHY, "a tenth of the grey range: no healthy maps of this model are known"
    )
    if not stored.is_file():
        recipe, warning = _recipe_of_run(path)
        return Description(recipe, image_size, unknown, warnings=(warning,))
    content = read_serving(path.parent)
    if content.get("format") != FORMAT:
        raise DataError(
            f"{stored}: format {content.get('format')!r}; expected {FORMAT}. Make it again: "
            "python -m healthygan_monai.serving describe MODEL --dataset FOLDER."
        )
    if content["weights_sha256"] != sha256(path):
        warning = (
            f"{SERVING_FILE} is of other weights: thresholds not taken from it, preparation taken"
        )
        return Description(content["recipe"], image_size, unknown, warnings=(warning,))
    cut = Cut(float(content["map_threshold"]["value"]), content["map_threshold"]["source"])
    newest = {**content, **(evaluated_thresholds(path) or {})}
    chosen, promised = (newest.get(f"{kind}_thresholds", {}) for kind in ("score", "promised"))
    return Description(content["recipe"], image_size, cut, chosen, promised)


def _recipe_of_run(checkpoint: Path) -> tuple[dict[str, Any], str]:
    missing = (
        f"no {SERVING_FILE} beside the model: {{}}; python -m healthygan_monai.serving makes it"
    )
    try:
        recipe = recipe_in(read(own_dataset(checkpoint)))
    except (OSError, DataError, KeyError):
        return {}, missing.format("prepared as films by default")
    return recipe, missing.format("no threshold of its maps is known")


def own_dataset(checkpoint: Path) -> Path:
    run = checkpoint.parent / RUN_FILE
    if not run.is_file():
        raise MissingData(
            f"{run}: no such file, so the data set of this model is not known; give it with "
            "--dataset FOLDER."
        )
    return dataset_of_run(checkpoint.parent)


def recipe_in(images: Dataset) -> dict[str, Any]:
    """Return data_prep's recipe; for a data set made by other programs, what its keys say."""
    recipe = dict(images.generated_by.get("recipe", {}))
    if recipe:
        return recipe
    return {"kind": "brains" if "brain" in images.modality else "films", "bits": images.bit_depth}
