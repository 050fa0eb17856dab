"""participants.tsv, in the words of BIDS: one row a subject."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from data_prep.datalist import Dataset, Item


def write_participants(dataset: Dataset, path: Path) -> None:
    """Columns participant_id, section, sessions, images, label (n/a in training)."""
    subjects: dict[str, tuple[str, list[Item]]] = {}
    for section, item in dataset.items():
        subjects.setdefault(item.subject, (section, []))[1].append(item)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["participant_id", "section", "sessions", "images", "label"])
        for subject, (section, items) in sorted(subjects.items()):
            labels = [item.label for item in items if item.label is not None]
            sessions = len({item.session for item in items})
            # A subject is diseased where one of the images is.
            label = max(labels) if labels else "n/a"
            writer.writerow([subject, section, sessions, len(items), label])
    os.replace(temporary, path)
