"""The labelled rows of a section, their counts, and what a reader must know about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.datalist import FEW_SUBJECTS, LABEL_WORDS, LABELLED
from healthygan_monai.scoring import ScoreRow

LABELS = {**LABEL_WORDS, None: "unlabelled"}


@dataclass(frozen=True)
class Sample:
    """The labelled rows of one section, as (N,) arrays."""

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    subjects: NDArray[np.str_]

    @classmethod
    def of(cls, rows: Sequence[ScoreRow], section: str) -> Sample:
        kept = [row for row in rows if row.section == section and row.label is not None]
        return cls(
            np.array([row.label for row in kept], dtype=np.int64),
            np.array([row.score for row in kept], dtype=np.float64),
            np.array([row.subject for row in kept], dtype=np.str_),
        )

    def lacks(self) -> str | None:
        """Return why this set cannot separate healthy from diseased; None if it can."""
        if self.labels.size == 0:
            return "no labelled images"
        missing = {0, 1} - set(self.labels.tolist())
        return f"no {LABELS[missing.pop()]} case among the labels" if missing else None


def count_by_label(sample: Sample) -> dict[str, int]:
    return {LABELS[label]: int(np.sum(sample.labels == label)) for label in (0, 1)}


def count_section(rows: Sequence[ScoreRow], section: str) -> dict[str, int]:
    kept = [row for row in rows if row.section == section]
    counts = {"images": len(kept), "subjects": len({row.subject for row in kept})}
    for label, word in LABELS.items():
        counts[word] = sum(row.label == label for row in kept)
    return counts


def caveats(rows: Sequence[ScoreRow], levels: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what a reader must know before believing the numbers; empty is good."""
    found = [
        f"{unit} level: {text}"
        for unit, level in levels.items()
        for text in (level["reason"], level["threshold_reason"])
        if text
    ]
    in_section = {s: {r.subject for r in rows if r.section == s} for s in LABELLED}
    shared = in_section["validation"] & in_section["test"]
    if shared:
        names = ", ".join(sorted(shared)[:5])
        found.append(
            f"{len(shared)} subjects are in validation and in test ({names}): "
            "the validation threshold has seen test subjects"
        )
    unlabelled = sum(row.section == "test" and row.label is None for row in rows)
    if unlabelled:
        found.append(f"{unlabelled} test images have no label and were left out")
    by_subject: dict[str, set[int | None]] = {}
    for row in rows:
        if row.section == "test":
            by_subject.setdefault(row.subject, set()).add(row.label)
    for label in (0, 1):
        few = sum(label in labels for labels in by_subject.values())
        if 0 < few < FEW_SUBJECTS:
            found.append(
                f"only {few} test subjects with a {LABELS[label]} image: "
                "intervals from so few are rough, differences between methods rougher"
            )
    both = sum({0, 1} <= labels for labels in by_subject.values())
    if both:
        found.append(
            f"{both} test subjects have healthy and diseased images; "
            "at subject level they count as diseased"
        )
    return found
