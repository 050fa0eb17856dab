"""The rows of selection.csv, and the rule that chooses among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import NotFound, UsageError
from healthygan_monai.records.rows import read_rows

LOWER_IS_BETTER = {"fid": True, "aucp": False}
UNDECIDED = 0.55  # AUCp at or below which the two sets look alike
REACH = 2.0  # standard errors within which two AUCp, or one and chance, are alike
ALIKE = 0.01  # of an AUCp: a smaller difference is chance
MEANS_LITTLE = (
    "so the choice means little. Either the mixed set holds no disease that shows, or training "
    "needs more images"
)


@dataclass(frozen=True)
class Candidate:
    """One checkpoint and its criteria; a row of selection.csv.

    ``aucp_error`` is the standard error of an AUCp of kept-out subjects; 0 of images trained on.
    """

    iteration: int
    fid: float
    aucp: float
    fid_features: str
    chosen: int = 0
    aucp_error: float = 0.0


def choose(candidates: Sequence[Candidate], criterion: str) -> Candidate:
    """Return the best candidate; by FID the earliest if several tie.

    By AUCp, candidates within a standard error of the best are alike, or within ``ALIKE``, which is
    more where images that were trained on judged. The latest of them is taken: its learning rate is
    the lowest and its average the longest.

    Raises:
        ValueError: no candidates, or an unknown criterion.
    """
    if criterion not in LOWER_IS_BETTER:
        raise UsageError(f"criterion is {criterion!r}; expected one of {sorted(LOWER_IS_BETTER)}.")
    if not candidates:
        raise NotFound("no checkpoint has been judged yet; train at least one epoch.")
    best = best_of(candidates, criterion)
    if criterion != "aucp":
        return best
    alike = [c for c in candidates if c.aucp >= best.aucp - max(best.aucp_error, ALIKE)]
    return max(alike, key=lambda c: c.iteration)


def undecided(aucp: float, error: float) -> bool:
    """Whether an AUCp does not tell the mixed from the healthy set: it is at most ``UNDECIDED``, or
    at most ``REACH`` standard errors above 0.5.
    """
    return aucp <= max(UNDECIDED, 0.5 + REACH * error)


def of_kept_out(aucp: float, error: float) -> bool:
    """Whether subjects that were kept out judged; a perfect AUCp of them has an error of 0."""
    return error > 0 or aucp in (0, 1)


def doubt(aucp: float, error: float, searched: bool) -> str:
    """Return why the choice of a checkpoint of this AUCp means little; "" where it means more.

    An AUCp of images that were trained on rises without any disease too. A searched price was
    judged by subjects kept out of its trials, whose verdict the search gives.
    """
    kept_out, text = of_kept_out(aucp, error), f"AUCp of the chosen checkpoint is {aucp:.2f}"
    if undecided(aucp, error):
        spread = f", its standard error {error:.2f}" if kept_out else ""
        return f"{text}{spread}: it does not tell the two sets apart, {MEANS_LITTLE}."
    if kept_out or searched:
        return ""
    return (
        f"{text}, but of images that were trained on, where it rises without any disease too: it "
        "does not show that the two sets differ. Subjects that are kept out can (--set price=auto, "
        "or --set kept_out=0.2)."
    )


def best_of(candidates: Sequence[Candidate], criterion: str) -> Candidate:
    """Return the candidate of the best value; the earliest if several tie."""
    sign = 1 if LOWER_IS_BETTER[criterion] else -1
    return min(candidates, key=lambda c: (sign * getattr(c, criterion), c.iteration))


def read_candidates(path: Path) -> list[Candidate]:
    """Return the rows of a selection.csv; empty where there is none.

    Raises:
        ModelError: it is broken; names the line.
    """
    return read_rows(path, _candidate, "a judged checkpoint")


def _candidate(row: Mapping[str, str]) -> Candidate:
    candidate = Candidate(
        int(row["iteration"]),
        float(row["fid"]),
        float(row["aucp"]),
        row["fid_features"],
        int(row["chosen"]),
        float(row.get("aucp_error") or 0),
    )
    if not (0 <= candidate.aucp <= 1 and 0 <= candidate.aucp_error <= 1):
        raise ValueError("an AUCp and its error are from 0 to 1")
    return candidate
