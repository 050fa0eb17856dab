"""The tables beside dataset.json: why each input was taken or left, and when each visit was."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.files import write_csv
from data_prep.outcome import Outcome
from data_prep.source import Source

INPUT_FACTS = ("modality", "view", "laterality", "body_part", "photometric", "manufacturer")


def write_inputs(sources: Sequence[Source], outcomes: Sequence[Outcome], path: Path) -> None:
    """inputs.csv: one row an input, by name: taken, left or skipped, why, and the header's facts.

    Written and kept are both 'taken', so a second run gives the same file.
    """
    rows: list[list[Any]] = []
    for source, outcome in zip(sources, outcomes, strict=True):
        facts = outcome.details
        rows.append(
            [
                outcome.source,
                "taken" if outcome.taken else outcome.status,
                outcome.reason,
                "" if outcome.taken else facts.get("detail", ""),
                "; ".join(facts.get("notes", ())),
                source.who.subject,
                source.who.session,
                source.truth.section if outcome.taken else "",
                len(outcome.images),
                *(facts.get(name, "") for name in INPUT_FACTS),
            ]
        )
    head = ["source", "decision", "reason", "detail", "notes", "subject", "session", "section"]
    write_csv(path, [*head, "images", *INPUT_FACTS], sorted(rows, key=lambda row: str(row[0])))


def write_sessions(sources: Sequence[Source], outcomes: Sequence[Outcome], path: Path) -> None:
    """sessions.tsv: participant_id, session, study, series, days since the subject's first study.

    PS3.15's Retain Longitudinal Temporal Information with Modified Dates Option. study: a
    pseudonym; series: a number within it; n/a where the header has none.
    """
    rows = [
        [
            who.subject,
            who.session,
            who.study or "n/a",
            f"{who.series_number:02d}" if who.series_number else "n/a",
            "n/a" if who.days is None else str(who.days),
        ]
        for who, outcome in zip((source.who for source in sources), outcomes, strict=True)
        if outcome.taken
    ]
    columns = ["participant_id", "session", "study", "series", "days_from_first_study"]
    write_csv(path, columns, sorted(rows), delimiter="\t")


def write_links(sources: Sequence[Source], outcomes: Sequence[Outcome], path: Path) -> None:
    """OUTPUT.links.csv: input path, its shown name, subject, session, image; for its owner alone.

    It identifies patients. With it the person at the machine finds the file of a masked name.
    """
    rows: list[list[str]] = []
    for source, outcome in zip(sources, outcomes, strict=True):
        names = [image.image for image in outcome.images] if outcome.taken else [""]
        who = source.who
        rows += [[source.name, source.shown, who.subject, who.session, name] for name in names]
    columns = ["input", "shown", "subject", "session", "image"]
    write_csv(path, columns, sorted(rows), private=True)
