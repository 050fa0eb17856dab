"""participants.tsv, in the words of BIDS: one row a subject."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from data_prep.datalist import Dataset, Item
from data_prep.find import Source

COLUMNS = ("participant_id", "section", "group", "site", "age", "sex")
OLDEST_TOLD = 89  # years; BIDS caps ages above, for few people are so old
GROUP_OF_SECTION = {"training_mixed": "mixed", "training_healthy": "healthy"}


def write_participants(dataset: Dataset, path: Path, sources: Iterable[Source] = ()) -> None:
    """Columns participant_id, section, group, site, age, sex, sessions, images, label.

    group: mixed or healthy in training, where no label is told; healthy or diseased elsewhere, n/a
    where unknown. site, age (years, "89+" above 89), sex: what a table told of the first image of
    the subject for which it told it.
    """
    people = _people(sources)
    subjects: dict[str, tuple[str, list[Item]]] = {}
    for section, item in dataset.items():
        subjects.setdefault(item.subject, (section, []))[1].append(item)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow([*COLUMNS, "sessions", "images", "label"])
        for subject, (section, items) in sorted(subjects.items()):
            labels = [item.label for item in items if item.label is not None]
            sessions = len({item.session for item in items})
            # A subject is diseased where one of the images is.
            label = max(labels) if labels else None
            group = (
                GROUP_OF_SECTION.get(section)
                or ("n/a", "healthy", "diseased")[0 if label is None else label + 1]
            )
            who = [subject, section, group, *people.get(subject, ("n/a",) * 3)]
            writer.writerow([*who, sessions, len(items), "n/a" if label is None else label])
    os.replace(temporary, path)


def _people(sources: Iterable[Source]) -> dict[str, tuple[str, str, str]]:
    """Subject -> site, age, sex as texts."""
    known: dict[str, tuple[str, str, str]] = {}
    for source in sources:
        told = (source.site or "n/a", _age(source.age), source.sex or "n/a")
        before = known.get(source.subject, ("n/a",) * 3)
        site, age, sex = (a if a != "n/a" else b for a, b in zip(before, told, strict=True))
        known[source.subject] = (site, age, sex)
    return known


def _age(age: float | None) -> str:
    if age is None:
        return "n/a"
    return f"{OLDEST_TOLD}+" if age > OLDEST_TOLD else f"{age:g}"
