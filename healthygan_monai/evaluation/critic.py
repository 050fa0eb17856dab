"""What the pretrained critic's own score reaches: beside the method's score, never part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from healthygan_monai.evaluation.exact import auc_with_interval
from healthygan_monai.evaluation.labelled import Sample
from healthygan_monai.scoring import ScoreRow, subject_rows

WARNING = (
    "The critic's own score sees whatever separates the two training sets, scanner and border "
    "included, so it needs the confounder audit more than the difference map does. The critic was "
    "trained on the training images: its AUCp on them is worthless. It is not part of the score."
)


def critic_auc(
    rows: Sequence[ScoreRow],
    *,
    subject_rule: str,
    resamples: int,
    seed: int,
    confidence: float,
) -> dict[str, Any] | None:
    """Return the test AUC of ``critic_score`` by image and by subject; None where no row has one.

    Each AUC has its interval by bootstrap over subjects. A level without an AUC says why
    (``reason``).
    """
    test = [row for row in rows if row.section == "test"]
    known = [replace(row, score=s) for row in test if (s := row.critic_score) is not None]
    if not known:
        return None
    found: dict[str, Any] = {"warning": WARNING}
    for unit, own in (("image", known), ("subject", subject_rows(known, subject_rule))):
        sample = Sample.of(own, "test")
        reason = f"the test set has {sample.lacks()}" if sample.lacks() else None
        if len(known) < len(test):
            reason = f"{len(test) - len(known)} of {len(test)} test images have no critic_score"
        if reason:
            found[unit] = {"auc": None, "reason": reason}
            continue
        auc = auc_with_interval(
            *(sample.labels, sample.scores, sample.subjects),
            resamples=resamples,
            seed=seed,
            confidence=confidence,
        )
        found[unit] = {"auc": auc, "reason": None}
    return found
