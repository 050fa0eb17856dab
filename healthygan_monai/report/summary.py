"""Put evaluation.json into words and a few tables."""

from collections.abc import Mapping
from typing import Any

from healthygan_monai.scoring import SCORE_RULE, SCORE_WORDS

Entry = Mapping[str, Any]  # {"value", "low", "high"} of evaluation.json

POINT_ROWS = (
    ("sensitivity", "Sensitivity (recall)", "of the diseased, the share called anomalous"),
    ("specificity", "Specificity", "of the healthy, the share not called anomalous"),
    ("precision", "Precision", "of the calls, the share that is diseased; moves with prevalence"),
    ("f1", "F1", "harmonic mean of precision and recall"),
    ("accuracy", "Accuracy", "share of all calls that is right"),
)

CUTS = {
    "validation": "Label-chosen, on validation",
    "promised": "Promised false alarms, no disease label",
    "test_optimistic": "Optimistic: chosen on the test labels; the paper's rule, to compare",
}


def number(value: Any, digits: int = 2) -> str:
    """Return '0.74'; an en dash if there is no number."""
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else "–"


def spread(entry: Entry | None, digits: int = 2) -> str:
    """Return '0.65 to 0.82'; an en dash if there is no interval."""
    if not entry or entry.get("low") is None:
        return "–"
    return f"{number(entry['low'], digits)} to {number(entry['high'], digits)}"


def digits(threshold: float) -> str:
    """Return a threshold with all its digits: with fewer, other images would be called.

    >>> digits(0.30000000000000004)
    '0.30000000000000004'
    """
    return repr(float(threshold))


def percent(value: float | None) -> str:
    """Return '74 %', rounded as ``number`` rounds, so that 0.325 is 33 % in both."""
    return "–" if value is None else f"{100 * float(number(value)):.0f} %"


def headline_level(evaluation: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the level (image or subject) that the evaluation names as its unit."""
    return evaluation.get("levels", {}).get(evaluation.get("unit", "image"), {})


def sentences(evaluation: Mapping[str, Any]) -> list[str]:
    """Say who was tested, how well they were ranked, what the threshold did."""
    level, unit = headline_level(evaluation), evaluation.get("unit", "image")
    auc = level.get("auc")
    if not auc:
        return [f"No AUC: {level.get('reason') or 'evaluation.json holds none'}."]
    counts = (evaluation.get("counts") or {}).get("test")
    by_label = (level.get("n") or {}).get("test")
    text = []
    if counts and by_label:  # a run packed by an earlier version has neither
        text.append(
            f"The test set holds {counts['images']} images of {counts['subjects']} subjects; "
            f"{by_label['diseased']} {unit}s are diseased and {by_label['healthy']} healthy."
        )
    text.append(
        f"Of a diseased and a healthy {unit} drawn at random, the model gave the diseased one the "
        f"higher score in {percent(auc['value'])} of all pairs (AUC {number(auc['value'])}, "
        f"95 % interval {spread(auc)}; 50 % is a coin toss)."
    )
    if evaluation.get("score_by", SCORE_RULE) == "top":
        text.append(
            f"The image score is the {SCORE_WORDS['top']} (score_by top), not the paper's mean of "
            "the whole map."
        )
    return [*text, _threshold_sentence(level, unit)]


def _threshold_sentence(level: Mapping[str, Any], unit: str) -> str:
    cut = (level.get("thresholds") or {}).get("validation")
    if cut and "words" not in cut:  # of a run packed by an earlier version
        return f"The label-chosen threshold is {digits(cut['threshold'])}."
    if not cut or not cut.get("confusion"):
        reason = level.get("threshold_reason") or "none was chosen on validation"
        return (
            f"There is no honest label-chosen threshold: {reason}. The one below was chosen on the "
            "test labels and is optimistic."
        )
    n = cut["confusion"]
    return (
        f"At the label-chosen threshold (where, on the validation set, {cut['words']}), it called "
        f"{n['tp']} of {n['tp'] + n['fn']} diseased {unit}s anomalous "
        f"(sensitivity {percent(cut['sensitivity']['value'])}) and raised a false alarm on "
        f"{n['fp']} of {n['fp'] + n['tn']} healthy ones "
        f"(specificity {percent(cut['specificity']['value'])})."
    )


def tiles(evaluation: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the few numbers at the head of the page, each with its interval."""
    level = headline_level(evaluation)
    if not level.get("auc"):
        return []
    cut = level["thresholds"]["validation"]
    counts = evaluation["counts"]["test"]
    shown = [{"name": "AUC", "value": number(level["auc"]["value"]), "note": spread(level["auc"])}]
    for key in ("sensitivity", "specificity"):
        entry = cut.get(key) if cut else None
        note = spread(entry) if entry else "no validation threshold"
        value = number(entry["value"]) if entry else "–"
        shown.append({"name": key.capitalize(), "value": value, "note": note})
    note = f"{counts['images']} images"
    return [*shown, {"name": "Test subjects", "value": str(counts["subjects"]), "note": note}]


def metric_table(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one block a level: rows of (metric, meaning, and the values at each of ``CUTS``)."""
    blocks = []
    for unit in ("image", "subject"):
        level = evaluation.get("levels", {}).get(unit)
        if not level or not level.get("auc"):
            continue
        cuts = [level["thresholds"].get(name) for name in CUTS]
        rows = [
            {"name": label, "meaning": meaning, "cells": [_value((c or {}).get(key)) for c in cuts]}
            for key, label, meaning in POINT_ROWS
        ]
        blocks.append(
            {
                "unit": unit,
                "n": level["n"]["test"],
                "cuts": [_cut(name, cut, level) for name, cut in zip(CUTS, cuts, strict=True)],
                "ranking": [
                    ("AUC", _value(level["auc"])),
                    ("Average precision", _value(level["average_precision"])),
                ],
                "rows": rows,
                "counts": [cut["confusion"] if cut else None for cut in cuts],
            }
        )
    return blocks


def _cut(name: str, cut: Mapping[str, Any] | None, level: Mapping[str, Any]) -> dict[str, str]:
    """Return the head of a column: what the threshold is, and its value or why it is missing."""
    if cut:
        return {"name": CUTS[name], "value": f"score ≥ {digits(cut['threshold'])}"}
    promise = level.get("promise") or {"reason": "evaluated by an older version"}
    reason = promise["reason"] if name == "promised" else level["threshold_reason"]
    return {"name": CUTS[name], "value": f"none: {reason}"}


def _value(entry: Entry | None) -> dict[str, str]:
    value = entry["value"] if entry else None
    return {"value": number(value), "interval": spread(entry)}


def probe_entries(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the model at image level, then the probes that ran, for ``figures.forest``."""
    auc = evaluation.get("levels", {}).get("image", {}).get("auc")
    probes = [probe for probe in evaluation.get("probes") or [] if probe.get("auc") is not None]
    if not auc or not probes:
        return []
    model = {"name": "this model", "auc": auc["value"], "low": auc["low"], "high": auc["high"]}
    return [{**model, "model": True}, *probes]


def strength(auc: float) -> float:
    """Return how much an AUC reveals in either direction: 0.2 is as good as 0.8."""
    return max(auc, 1 - auc)


def rivals(evaluation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the probes that reach the lower end of the model's interval, else its AUC."""
    entries = probe_entries(evaluation)
    if not entries:
        return []
    model, *probes = entries
    bar = model["auc"] if model["low"] is None else model["low"]
    return [probe for probe in probes if strength(probe["auc"]) >= bar]


def probe_sentence(evaluation: Mapping[str, Any]) -> str:
    """Say in one or two sentences what the probes mean for the AUC."""
    entries = probe_entries(evaluation)
    if not entries:
        return (
            "Probes not run: it is not known what border, grey level or a thumbnail alone would "
            "reach on these images, so the AUC may come from a shortcut."
        )
    close = rivals(evaluation)
    if not close:
        return (
            "No trivial probe comes near: the best one stays below the model's whole interval. "
            "This rules out these shortcuts, not all shortcuts."
        )
    named = ", ".join(
        f"{probe['name']} ({number(probe['auc'])})"
        for probe in sorted(close, key=lambda probe: -strength(probe["auc"]))
    )
    best = max(strength(probe["auc"]) for probe in close)
    verdict = (
        "The best of them does as well as the model: this AUC is no sign that disease was seen."
        if best >= entries[0]["auc"]
        else "The model stands above them, but not clearly."
    )
    turned = " (An AUC below 0.5 points the other way and separates as well.)"
    return f"Trivial probes reach the model's interval: {named}. {verdict}" + (
        turned if any(probe["auc"] < 0.5 for probe in close) else ""
    )
