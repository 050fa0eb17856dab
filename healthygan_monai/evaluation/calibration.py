"""Which scored images are known to be healthy and were not trained on: they carry the promise."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.files import read_csv
from healthygan_monai.evaluation.conformal import Groups
from healthygan_monai.paths import KEPT_OUT_FILE, SCORES_FILE
from healthygan_monai.scoring import KEPT_OUT, ScoreRow, ScoresError, read_scores, subject_score

logger = logging.getLogger(__name__)
HEALTHY_SECTION = "training_healthy"
VALIDATION = "validation"
SOURCES = {
    KEPT_OUT: "images of training_healthy kept out of training",
    VALIDATION: "healthy images of the validation section",
}


@dataclass(frozen=True)
class Calibration:
    """Scores of known-healthy images, all of one source.

    source: a key of ``SOURCES``. left_out: known-healthy subjects not used because they are to be
    judged too.
    """

    source: str
    rows: tuple[ScoreRow, ...]
    left_out: tuple[str, ...] = ()

    @property
    def subjects(self) -> int:
        return len({row.subject for row in self.rows})

    @property
    def words(self) -> str:
        """Return which images these are, and how many."""
        return f"{len(self.rows)} {SOURCES[self.source]}, of {self.subjects} subjects"

    def facts(self) -> dict[str, Any]:
        """Return what evaluation.json says of them."""
        counts = {"images": len(self.rows), "subjects": self.subjects}
        return {
            "source": self.source,
            "words": self.words,
            **counts,
            "left_out": len(self.left_out),
        }

    def groups(self, unit: str, subject_rule: str) -> Groups:
        """Return one list of scores a subject: its images', or its one subject score."""
        by_subject: dict[str, list[float]] = {}
        for row in self.rows:
            by_subject.setdefault(row.subject, []).append(row.score)
        if unit == "subject":
            return [[subject_score(scores, subject_rule)] for scores in by_subject.values()]
        return list(by_subject.values())


def known_healthy(
    rows: Sequence[ScoreRow], kept_out: Collection[str] = (), judged: Collection[str] = ()
) -> Calibration:
    """Return the scored images kept out of training if there are any, else validation's healthy.

    Args:
        rows: of scores.csv.
        kept_out: names of known-healthy images that the run did not train on.
        judged: subjects of the images to judge; no promise may rest on them.
    """
    source = KEPT_OUT
    known = [row for row in rows if row.section == KEPT_OUT or row.image in kept_out]
    if kept_out and not known:
        text = "none of the %d known-healthy images of %s has a score; validation's are used"
        logger.warning(text, len(kept_out), KEPT_OUT_FILE)
    if not known:
        source = VALIDATION
        known = [row for row in rows if row.section == "validation" and row.label == 0]
    left_out = {row.subject for row in known} & set(judged)
    used = tuple(row for row in known if row.subject not in left_out)
    return Calibration(source, used, tuple(sorted(left_out)))


def kept_out_images(run: Path) -> frozenset[str]:
    """Return the known-healthy images that kept_out.csv of a run names; none without the file.

    Images of ``training_mixed`` may be diseased and are not among them.
    """
    path = run / KEPT_OUT_FILE
    if not path.is_file():
        return frozenset()
    with path.open(newline="", encoding="utf-8-sig") as stream:
        _, rows = read_csv(stream)
    try:
        return frozenset(row["image"] for _, row in rows if row["section"] == HEALTHY_SECTION)
    except KeyError as error:
        text = f"{path.name}: column {error} missing; expected image,section,subject."
        raise ScoresError(text) from error


def calibration_of(run: Path, rows: Sequence[ScoreRow], other: Path | None = None) -> Calibration:
    """Return the known-healthy scores for the rows of a run, from the run or from another folder.

    Raises:
        ScoresError: the other folder's scores are of another detector.
    """
    judged = {row.subject for row in rows if row.section == "test"}
    if other is None or other.resolve() == run.resolve():
        return known_healthy(rows, kept_out_images(run), judged)
    others = read_scores(other / SCORES_FILE)
    own, theirs = (
        {(r.method, r.seed, r.backbone, r.score_by) for r in part} for part in (rows, others)
    )
    if own != theirs:
        raise ScoresError(
            f"{other}: scores of {sorted(theirs)} (method, seed, backbone, score_by); those to "
            f"judge are of {sorted(own)}. Give the run whose model made both."
        )
    return known_healthy(others, kept_out_images(other), judged)
