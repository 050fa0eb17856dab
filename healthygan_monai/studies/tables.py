"""What is kept of each case for the tables and the page, without its maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.files import write_csv
from healthygan_monai.scoring import SUBJECT_RULE, ScoreRow, subject_rows
from healthygan_monai.studies.case import CaseResult, Cut, SliceScore

SUBJECTS_FILE = "subjects.csv"
SHOWN = 5  # slices that carry a score


@dataclass(frozen=True)
class Line:
    """One case: see CaseResult. size: rows x columns, or voxels. marked, largest: share of the
    pixels that are marked, the largest difference. top: slices with the highest scores.
    """

    name: str
    subject: str
    kind: str
    score: float
    size: str
    marked: float | None
    largest: float | None
    plane: str
    top: tuple[SliceScore, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, case: CaseResult) -> "Line":
        whole, marked = case.difference, case.marked
        counted = [each for each in case.slice_scores if each.counted]
        top = sorted(counted, key=lambda each: (-each.score, each.index))[:SHOWN]
        return cls(
            case.name,
            case.subject,
            case.kind,
            case.score,
            "" if whole is None else " x ".join(str(n) for n in whole.shape),
            None if marked is None else float(marked.mean()),
            None if whole is None else float(whole.max()),
            case.plane,
            tuple(top),
            case.warnings,
        )

    def slices(self) -> str:
        """The slices that carry the score, the highest first: 57 (0.0312), 58 (0.0301)."""
        return ", ".join(f"{each.index} ({each.score:.4g})" for each in self.top)


def write_cases(path: Path, lines: Sequence[Line], threshold: Cut | None) -> None:
    """cases.csv: one row a film or scan, the highest score first."""
    columns = ["name", "subject", "kind", "score", "threshold", "above", "marked_share"]
    columns += ["largest_difference", "size", "plane", "slices", "warnings"]
    rows = [
        [
            *(line.name, line.subject, line.kind, repr(line.score), *_above(line.score, threshold)),
            *("" if value is None else repr(value) for value in (line.marked, line.largest)),
            *(line.size, line.plane, line.slices(), "; ".join(line.warnings)),
        ]
        for line in lines
    ]
    write_csv(path, columns, rows)


def write_subjects(
    path: Path, rows: Sequence[ScoreRow], lines: Sequence[Line], threshold: Cut | None
) -> None:
    """subjects.csv, of volumes: one row a subject, over the counted slices of all its scans."""
    columns = ["subject", "score", "rule", "threshold", "above", "scans", "slices"]
    cells = []
    for row in sorted(subject_rows(rows, SUBJECT_RULE), key=lambda r: (-r.score, r.subject)):
        own = [line for line in lines if line.subject == row.subject]
        top = "; ".join(f"{line.name}: {line.slices()}" for line in own)
        above = _above(row.score, threshold)
        cells.append([row.subject, repr(row.score), SUBJECT_RULE, *above, str(len(own)), top])
    write_csv(path, columns, cells)


def _above(score: float, threshold: Cut | None) -> list[str]:
    """Cells of the threshold and whether the score reaches it; empty without one."""
    if threshold is None:
        return ["", ""]
    return [repr(threshold.value), "yes" if score >= threshold.value else "no"]
