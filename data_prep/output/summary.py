"""What became of all inputs: skipped.csv, the summary in words, the exit code."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from data_prep.errors import DONE, FAILED, SOME_UNREAD
from data_prep.files import write_csv
from data_prep.outcome import STATUSES, Outcome

NAMING = {
    "keyed": "subjects have keyed pseudonyms",
    "given": "subjects have the names of the table or the files (--pseudonyms given)",
}
EXAMPLES = 3  # file names shown for each reason in the summary


def write_skipped(outcomes: Sequence[Outcome], path: Path) -> None:
    """skipped.csv: one row an input that was skipped or left, by name; written even when empty."""
    rows = sorted((o for o in outcomes if not o.taken), key=lambda o: o.source)
    columns = ["source", "reason", "detail", "remedy"]
    cells = ([o.source, o.reason, *(o.details.get(c, "") for c in columns[2:])] for o in rows)
    write_csv(path, columns, cells)


def grouped(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """(reason, its skipped and left inputs), the most frequent reason first."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda o: o.source):
        if not outcome.taken:
            groups.setdefault(outcome.reason, []).append(outcome)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def summary(
    outcomes: Sequence[Outcome],
    *,
    kind: str,
    output: Path,
    seconds: float,
    notes: Sequence[str] = (),
    dry_run: bool = False,
) -> str:
    """The end of a run in words: counts, notes, then every reason with its remedy and examples."""
    count = {s: sum(o.status == s for o in outcomes) for s in STATUSES}
    verb = "would be written" if dry_run else "written"
    clock = f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
    lines = [
        f"prep  {len(outcomes):,} {kind} found  {count['written']:,} {verb}  "
        f"{count['kept']:,} kept from before  {count['skipped']:,} skipped  "
        f"{count['left']:,} left out    {clock}"
    ]
    lines += [f"  {text}" for text in (*notes, *doubts(outcomes))]
    if count["skipped"] + count["left"]:
        where = "" if dry_run else f" (all in {output / 'skipped.csv'} and prep_report.html)"
        lines.append(f"  skipped or left out{where}")
    for reason, group in grouped(outcomes):
        detail = group[0].details.get("detail", "") if len(group) == 1 else ""
        text = f"{reason}: {detail}" if detail else reason
        more = ", ..." if len(group) > EXAMPLES else ""
        names = ", ".join(o.source for o in group[:EXAMPLES]) + more
        lines.append(f"    {len(group):>4}  {text:<58}  {names}")
        remedies = sorted({o.details["remedy"] for o in group if "remedy" in o.details})
        lines += [f"          {remedy}" for remedy in remedies]
    return "\n".join(lines)


def doubts(outcomes: Sequence[Outcome]) -> list[str]:
    """Notes of the readers on inputs that were taken all the same, with their numbers."""
    notes: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.taken:
            notes.update(str(note) for note in outcome.details.get("notes", ()))
    return [f"note: {note} ({count:,} inputs)" for note, count in sorted(notes.items())]


def missing(outcomes: Sequence[Outcome], strict: bool = False) -> int:
    """Count the inputs that could not be used; strict: those left out by a choice as well."""
    counted = ("skipped", "left") if strict else ("skipped",)
    return sum(o.status in counted for o in outcomes)


def exit_code(outcomes: Sequence[Outcome], strict: bool = False) -> int:
    """Return 0 done, 1 nothing in the data set, 3 done but inputs are missing (see `missing`)."""
    if not any(o.taken for o in outcomes):
        return FAILED
    return SOME_UNREAD if missing(outcomes, strict) else DONE
