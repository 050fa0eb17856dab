"""members.csv, the scores of each member of an ensemble, and the spread of the members' AUC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from data_prep.files import read_csv, write_csv
from healthygan_monai.evaluation.labelled import Sample
from healthygan_monai.evaluation.metrics import roc_auc
from healthygan_monai.paths import MEMBERS_FILE
from healthygan_monai.scoring import SUBJECT_RULE, ScoreRow, ScoresError, subject_rows

COLUMNS = ("section", "image", "member", "seed", "score")


@dataclass(frozen=True)
class MemberScore:
    """The score of an image by one member; ``seed`` is empty where it is unknown."""

    section: str
    image: str
    member: str
    seed: str
    score: float


def write_member_scores(path: Path, scores: Iterable[MemberScore]) -> None:
    """Write members.csv, whole or not at all; scores keep every digit."""
    rows = ((s.section, s.image, s.member, s.seed, repr(float(s.score))) for s in scores)
    write_csv(path, COLUMNS, rows)


def read_member_scores(path: Path) -> list[MemberScore]:
    """Read members.csv.

    Raises:
        ScoresError: a column is missing, or a score is not a number.
    """
    with path.open(newline="", encoding="utf-8-sig") as stream:
        _, records = read_csv(stream)
    try:
        return [
            MemberScore(r["section"], r["image"], r["member"], r["seed"], float(r["score"]))
            for _, r in records
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ScoresError(
            f"{path.name}: expected the columns {','.join(COLUMNS)}, with a number as score. Score "
            "again: healthygan infer RUN."
        ) from error


def member_spread(
    folder: Path, rows: Sequence[ScoreRow], subject_rule: str = SUBJECT_RULE
) -> dict[str, Any] | None:
    """Return the test AUC of each member, and by image and by subject its mean, lowest, highest.

    None where the folder has no members.csv: the scores are not an ensemble's. A level without an
    AUC says why (``reason``).
    """
    path = folder / MEMBERS_FILE
    if not path.is_file():
        return None
    of: dict[tuple[str, str], dict[str, float]] = {}
    for s in read_member_scores(path):
        if s.section == "test":
            of.setdefault((s.member, s.seed), {})[s.image] = s.score
    test = [row for row in rows if row.section == "test"]
    runs: list[dict[str, Any]] = [
        {"run": name, "seed": int(seed) if seed else None, "image": None, "subject": None}
        for name, seed in of
    ]
    result: dict[str, Any] = {"runs": runs}
    for unit in ("image", "subject"):
        reason = _reason(test, list(of.values()), unit, subject_rule)
        result[unit] = {**dict.fromkeys(("mean", "lowest", "highest")), "reason": reason}
        if reason is None:
            aucs = [_auc(test, scores, unit, subject_rule) for scores in of.values()]
            result[unit] |= {"mean": mean(aucs), "lowest": min(aucs), "highest": max(aucs)}
            for run, auc in zip(runs, aucs, strict=True):
                run[unit] = auc
    return result


def _reason(
    test: Sequence[ScoreRow], members: Sequence[dict[str, float]], unit: str, subject_rule: str
) -> str | None:
    """Return why the members have no AUC at this level."""
    if lacks := _sample(test, unit, subject_rule).lacks():
        return f"the test set has {lacks}"
    missing = sum(any(row.image not in scores for scores in members) for row in test)
    if missing or not members:
        return f"{missing or len(test)} of {len(test)} test images have no score of every member"
    return None


def _auc(test: Sequence[ScoreRow], scores: dict[str, float], unit: str, subject_rule: str) -> float:
    rows = [replace(row, score=scores[row.image]) for row in test]
    sample = _sample(rows, unit, subject_rule)
    return roc_auc(sample.labels, sample.scores)


def _sample(rows: Sequence[ScoreRow], unit: str, subject_rule: str) -> Sample:
    return Sample.of(subject_rows(rows, subject_rule) if unit == "subject" else rows, "test")
