"""Put the spread of the AUC over the members of an ensemble into words."""

from collections.abc import Mapping
from typing import Any

from healthygan_monai.report.summary import headline_level, number

DIGITS = 3


def member_sentences(evaluation: Mapping[str, Any]) -> list[str]:
    """Say which AUCs the members reach, beside the ensemble's; nothing for another model."""
    found = evaluation.get("members")
    if not found:
        return []
    unit = evaluation.get("unit", "image")
    aucs, runs = found[unit], found["runs"]
    seeds = [str(run["seed"]) for run in runs if run["seed"] is not None]
    over = f"seeds {', '.join(seeds)}" if len(seeds) == len(runs) else f"{len(runs)} members"
    if aucs["reason"]:
        return [f"Spread of the AUC over {over}: none, since {aucs['reason']}."]
    mean, low, high = (number(aucs[key], DIGITS) for key in ("mean", "lowest", "highest"))
    whole = number((headline_level(evaluation).get("auc") or {}).get("value"), DIGITS)
    return [
        f"Spread of the AUC by {unit} over {over}: mean {mean}, {low} to {high}; their ensemble "
        f"has {whole}."
    ]
