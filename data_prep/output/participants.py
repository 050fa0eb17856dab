"""participants.tsv, in the words of BIDS: one row a subject."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from data_prep.brain import quality as brain_qc
from data_prep.datalist.items import LABEL_WORDS, Dataset, Item
from data_prep.files import write_csv
from data_prep.outcome import Outcome
from data_prep.privacy.facts import OLDEST_SHOWN
from data_prep.source import Source

COLUMNS = ("participant_id", "section", "group", "site", "age", "sex")
GROUP_OF_SECTION = {"training_mixed": "mixed", "training_healthy": "healthy"}


def write_participants(
    dataset: Dataset, path: Path, sources: Sequence[Source] = (), outcomes: Sequence[Outcome] = ()
) -> None:
    """Write one row a subject: COLUMNS, then sessions, images and label.

    Brains also have the mean quality figures of a subject's sessions and the names of the outliers.
    The group is mixed or healthy in training, where labels are hidden, and healthy, diseased or n/a
    elsewhere. Site, age (years, "90+" from 90 on) and sex are those of the subject's first image
    that has them in the table, else in its header.
    """
    people = _people(sources, outcomes)
    figures = _figures(outcomes)
    names = [name for name in brain_qc.FIGURES if any(name in row for row in figures.values())]
    quality = [*names, "qc_outliers"] if names else []
    subjects: dict[str, tuple[str, list[Item]]] = {}
    for section, item in dataset.items():
        subjects.setdefault(item.subject, (section, []))[1].append(item)
    rows = []
    for subject, (section, items) in sorted(subjects.items()):
        labels = [item.label for item in items if item.label is not None]
        # A subject is diseased where one of the images is.
        label = max(labels) if labels else None
        group = GROUP_OF_SECTION.get(section) or LABEL_WORDS.get(label, "n/a")
        counts = [len({item.session for item in items}), len(items)]
        who = [subject, section, group, *people.get(subject, ("n/a",) * 3)]
        measured = [figures.get(subject, {}).get(name, "n/a") for name in quality]
        rows.append([*who, *counts, "n/a" if label is None else label, *measured])
    write_csv(path, [*COLUMNS, "sessions", "images", "label", *quality], rows, delimiter="\t")


def _figures(outcomes: Sequence[Outcome]) -> dict[str, dict[str, str]]:
    """Subject -> its mean quality figures and the names of those that are outliers."""
    values: dict[str, dict[str, list[float]]] = {}
    odd: dict[str, set[str]] = {}
    for row in brain_qc.table(outcomes):
        for name, value in row["values"].items():
            values.setdefault(row["subject"], {}).setdefault(name, []).append(float(value))
        odd.setdefault(row["subject"], set()).update(row["odd"])
    return {
        subject: {
            **{name: f"{fmean(numbers):.4g}" for name, numbers in known.items()},
            "qc_outliers": ",".join(sorted(odd[subject])) or "none",
        }
        for subject, known in values.items()
    }


def _people(
    sources: Sequence[Source], outcomes: Sequence[Outcome]
) -> dict[str, tuple[str, str, str]]:
    """Subject -> site, age, sex as texts."""
    known: dict[str, tuple[str, str, str]] = {}
    headers = [o.details if o.taken else {} for o in outcomes] or [{} for _ in sources]
    for source, header in zip(sources, headers, strict=True):
        who = source.who
        age = _age(who.age) if who.age is not None else str(header.get("age", "n/a"))
        here = (who.site or "n/a", age, who.sex or str(header.get("sex", "n/a")))
        before = known.get(who.subject, ("n/a",) * 3)
        site, age, sex = (a if a != "n/a" else b for a, b in zip(before, here, strict=True))
        known[who.subject] = (site, age, sex)
    return known


def _age(age: float) -> str:
    return f"{OLDEST_SHOWN + 1}+" if age > OLDEST_SHOWN else f"{age:g}"
