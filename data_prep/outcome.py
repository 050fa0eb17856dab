"""What became of every input, and why: outcomes, skipped.csv, the summary, the exit code."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from data_prep.boxes import FramedBox

DONE, FAILED, WRONG_USAGE, SOME_SKIPPED = 0, 1, 2, 3
EXAMPLES = 3  # file names shown for each reason in the summary


class PrepError(ValueError):
    """One input that cannot be used.

    reason: a sentence without this file's own numbers, so that files group by it; detail: those
    numbers; remedy: what to do. None of them ever holds a value from a header that could identify.
    """

    def __init__(self, reason: str, *, remedy: str = "", detail: str = "") -> None:
        super().__init__(". ".join(part for part in (reason, detail, remedy) if part))
        self.reason, self.remedy, self.detail = reason, remedy, detail

    def __reduce__(self) -> tuple[Any, ...]:  # keyword arguments survive the way back from a worker
        return _rebuild, (type(self), self.reason, self.remedy, self.detail)


def _rebuild(kind: type[PrepError], reason: str, remedy: str, detail: str) -> PrepError:
    return kind(reason, remedy=remedy, detail=detail)


@dataclass(frozen=True)
class WrittenImage:
    """One PNG; paths are POSIX, relative to OUTPUT: images/<subject>/<session>_<slice>.png."""

    image: str
    subject: str
    session: str | None = None
    slice: int | None = None
    mask: str | None = None
    boxes: tuple[FramedBox, ...] = ()  # lists of a sidecar become tuples again

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", tuple(tuple(box) for box in self.boxes))


@dataclass(frozen=True)
class Outcome:
    """What became of one input. details: JSON facts, all of them allowed out (see deidentify)."""

    status: Literal["written", "kept", "skipped"]
    source: str
    reason: str = ""
    images: tuple[WrittenImage, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def skipped(cls, source: str, error: PrepError) -> Outcome:
        told = {"detail": error.detail, "remedy": error.remedy}
        return cls("skipped", source, error.reason, details={k: v for k, v in told.items() if v})


def write_skipped(outcomes: Sequence[Outcome], path: Path) -> None:
    """skipped.csv: one row a skipped input, sorted by name; written even when empty."""
    rows = sorted((o for o in outcomes if o.status == "skipped"), key=lambda o: o.source)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "reason", "detail", "remedy"])
        for o in rows:
            writer.writerow(
                [o.source, o.reason, o.details.get("detail", ""), o.details.get("remedy", "")]
            )
    os.replace(temporary, path)


def grouped(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """(reason, its skipped inputs), the most frequent reason first."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda o: o.source):
        if outcome.status == "skipped":
            groups.setdefault(outcome.reason, []).append(outcome)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def summary(
    outcomes: Sequence[Outcome], *, kind: str, output: Path, seconds: float, dry_run: bool = False
) -> str:
    """The end of a run in words: counts, then every reason with its remedy and examples."""
    count = {s: sum(o.status == s for o in outcomes) for s in ("written", "kept", "skipped")}
    verb = "would be written" if dry_run else "written"
    clock = f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
    lines = [
        f"prep  {len(outcomes):,} {kind} found  {count['written']:,} {verb}  "
        f"{count['kept']:,} kept from before  {count['skipped']:,} skipped    {clock}"
    ]
    if count["skipped"]:
        where = "" if dry_run else f" (all in {output / 'skipped.csv'} and prep_report.html)"
        lines.append(f"  skipped{where}")
    for reason, group in grouped(outcomes):
        detail = group[0].details.get("detail", "") if len(group) == 1 else ""
        text = f"{reason}: {detail}" if detail else reason
        more = ", ..." if len(group) > EXAMPLES else ""
        names = ", ".join(o.source for o in group[:EXAMPLES]) + more
        lines.append(f"    {len(group):>4}  {text:<58}  {names}")
        remedies = sorted({o.details["remedy"] for o in group if "remedy" in o.details})
        lines += [f"          {remedy}" for remedy in remedies]
    return "\n".join(lines)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 done, 1 nothing came out, 3 done but inputs were skipped."""
    skipped = sum(o.status == "skipped" for o in outcomes)
    if skipped == len(outcomes):
        return FAILED
    return SOME_SKIPPED if skipped else DONE
