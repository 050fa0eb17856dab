"""Put the pretrained critic's own score into words; it stands beside the method's score."""

from collections.abc import Mapping
from typing import Any

from healthygan_monai.report.summary import number, spread


def critic_sentences(evaluation: Mapping[str, Any]) -> list[str]:
    """Say what the critic's own score reaches and what it is not; nothing where there is none."""
    found = evaluation.get("critic")
    if not found:
        return []
    parts = []
    for unit in ("image", "subject"):
        auc, reason = found[unit]["auc"], found[unit]["reason"]
        words = (
            f"{number(auc['value'])} (95 % interval {spread(auc)})" if auc else f"none: {reason}"
        )
        parts.append(f"by {unit} {words}")
    return [f"The critic's own score, -mean D(x): AUC {', '.join(parts)}.", found["warning"]]
