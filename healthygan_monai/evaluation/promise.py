"""The promised false-alarm rate of known-healthy scores, and what became of it on the test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.files import write_csv
from healthygan_monai.evaluation import conformal
from healthygan_monai.evaluation.calibration import Calibration
from healthygan_monai.evaluation.exact import interval_of_share
from healthygan_monai.evaluation.labelled import LABELS
from healthygan_monai.scoring import ScoreRow, subject_rows

BOUND_CONFIDENCE = 0.9  # of the bound on the rate of the very threshold at hand
COLUMNS = (
    *("section", "image", "subject", "slice", "score", "p_value", "alarm"),
    *("subject_score", "subject_p_value", "subject_alarm", "listed"),
)


def promise(
    rows: Sequence[ScoreRow],
    known: Calibration,
    unit: str,
    subject_rule: str,
    rate: float,
    confidence: float,
) -> dict[str, Any]:
    """Return the promise of one level for evaluation.json; every None has a reason.

    rows: of this level, all sections. rate: the promised one. confidence: of measured intervals.
    """
    groups = known.groups(unit, subject_rule)
    cut = conformal.promised_threshold(groups, rate)
    several = any(np.size(group) > 1 for group in groups)
    bound = None
    if cut is not None and not several:
        bound = conformal.realised_bound(len(groups), rate, BOUND_CONFIDENCE)
    test = [row for row in rows if row.section == "test"]
    alarms = None if cut is None else {"called": _called(test, cut), "of": len(test)}
    false_alarms = measured(test, 0, cut, confidence)
    return {
        "false_alarm_rate": rate,
        "threshold": cut,
        "reason": None if cut is not None else too_few(known, rate),
        "smallest_rate": conformal.smallest_rate(len(groups)) if groups else None,
        "bound": bound,
        "bound_confidence": BOUND_CONFIDENCE,
        "bound_reason": "some known-healthy subjects have several images" if several else None,
        "alarms": alarms,
        "holds": None if false_alarms is None else false_alarms["low"] <= max(rate, bound or 0),
        "measured": {
            "false_alarm_rate": false_alarms,
            "sensitivity": measured(test, 1, cut, confidence),
        },
    }


def too_few(known: Calibration, rate: float) -> str:
    """Say what a promise lacks, and the smallest rate that can be promised."""
    need = f"{rate:g} needs {conformal.subjects_needed(rate)}"
    if not known.subjects:
        return f"no score of a known-healthy image is there; a false-alarm rate of {need} subjects"
    least = conformal.smallest_rate(known.subjects)
    return (
        f"{known.subjects} known-healthy subjects can promise a false-alarm rate of "
        f"{least:.3g} at best; {need}"
    )


def measured(
    test: Sequence[ScoreRow], label: int, cut: float | None, confidence: float
) -> dict[str, float] | None:
    """Return the share of calls with its interval, one vote a subject; None without cases.

    The interval is Wilson's; the exact one where the share is 0 or 1.
    """
    votes: dict[str, list[bool]] = {}
    for row in test:
        if row.label == label:
            votes.setdefault(row.subject, []).append(cut is not None and row.score >= cut)
    if cut is None or not votes:
        return None
    share = float(np.mean([np.mean(calls) for calls in votes.values()]))
    low, high = interval_of_share(share, len(votes), confidence)
    return {"value": share, "low": low, "high": high, "subjects": len(votes)}


def broken_promises(levels: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a warning for each level whose test set shows more false alarms than promised."""
    warnings = []
    for unit, level in levels.items():
        told = level["promise"]
        rate, found = told["false_alarm_rate"], told["measured"]["false_alarm_rate"]
        if told["holds"] is False:
            warnings.append(
                f"{unit} level: the promised false-alarm rate {rate:g} does not hold on the test "
                f"set: measured {found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f}); "
                "its healthy cases are not like the known-healthy ones (another scanner, another "
                "preparation?)"
            )
    return warnings


def false_discoveries(
    rows: Sequence[ScoreRow], known: Calibration, subject_rule: str, rate: float
) -> dict[str, Any] | None:
    """Return how many test subjects are on the list, for evaluation.json; None without promise."""
    subjects, _, listed = _judge_subjects(rows, known, subject_rule, rate)
    if not known.subjects or not subjects:
        return None
    on_list = [row.label for row, chosen in zip(subjects, listed, strict=True) if chosen]
    return {
        "rate": rate,
        "unit": "subject",
        "tested": len(subjects),
        "listed": len(on_list),
        "listed_by_label": {word: on_list.count(label) for label, word in LABELS.items()},
        "smallest_list": conformal.smallest_list(known.subjects, len(subjects), rate),
        "smallest_p": conformal.smallest_rate(known.subjects),
    }


def write_p_values(
    path: Path,
    rows: Sequence[ScoreRow],
    known: Calibration,
    *,
    subject_rule: str,
    false_alarms: float,
    false_discoveries: float,
) -> None:
    """Write one row a test image: its p-value, its subject's, alarms and the list.

    Without known-healthy scores the file is removed, for an old one would be believed.
    """
    if not known.subjects:
        path.unlink(missing_ok=True)
        return
    subjects, p, listed = _judge_subjects(rows, known, subject_rule, false_discoveries)
    of_subject = {
        row.subject: (repr(row.score), repr(float(value)), int(value <= false_alarms), int(chosen))
        for row, value, chosen in zip(subjects, p, listed, strict=True)
    }
    test = [row for row in rows if row.section == "test"]
    by_image = conformal.p_values(known.groups("image", subject_rule), [r.score for r in test])
    write_csv(
        path,
        COLUMNS,
        [
            (
                *(row.section, row.image, row.subject, row.slice, repr(float(row.score))),
                *(repr(float(value)), int(value <= false_alarms)),
                *of_subject[row.subject],
            )
            for row, value in zip(test, by_image, strict=True)
        ],
    )


def _judge_subjects(
    rows: Sequence[ScoreRow], known: Calibration, subject_rule: str, rate: float
) -> tuple[list[ScoreRow], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the test subjects, their p-values, and who is on the list.

    The list holds subjects, not images: p-values of two images of one subject depend on each other
    in a way that the theorem behind the list does not cover.
    """
    subjects = [row for row in subject_rows(rows, subject_rule) if row.section == "test"]
    groups = known.groups("subject", subject_rule)
    p = conformal.p_values(groups, [row.score for row in subjects])
    return subjects, p, conformal.benjamini_hochberg(p, rate)


def _called(rows: Sequence[ScoreRow], cut: float) -> int:
    return sum(row.score >= cut for row in rows)
