"""A draft of the cohort table: paths, pseudonyms, and what the names of folders seem to say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from data_prep.datalist import LABELLED
from data_prep.errors import DataError
from data_prep.inputs.choices import Cohort
from data_prep.inputs.gather import find_inputs
from data_prep.inputs.headers import scan
from data_prep.inputs.plan import named_by_content
from data_prep.inputs.sections import GROUPS, section_of
from data_prep.work.pools import Pool

COLUMNS = ("image", "subject", "section", "group", "label")
READ = ("dicom", "series", "nifti", "picture")  # kinds of inputs that are images
MASKS = {"mask", "masks", "label", "labels", "annotation", "annotations", "seg", "ground_truth"}
_WORDS = {
    "healthy": "healthy normal normals control controls good negative no_finding nofinding",
    "mixed": "mixed unlabelled unlabeled unknown",
    "diseased": "diseased disease abnormal ungood positive anomalous anomaly",
}
WORDS = {word: group for group, words in _WORDS.items() for word in words.split()}
TRAINING = ("train", "training")
LABELS = {"healthy": "0", "diseased": "1"}
Row = tuple[str, str, str, str, str]


def draft(folder: Path, kind: str, cohort: Cohort, pool: Pool) -> tuple[list[Row], int]:
    """Return the rows of COLUMNS, sorted by subject, and how many files were left out.

    Left out are previews, what is no image, and what lies in folders called masks, labels, ...
    The subjects are named as in a data set without a table. Raises DataError, NotFound.
    """
    found = find_inputs(folder, kind, cohort, (), pool).sources
    kept = [s for s in found if s.kind in READ and not s.beside and not MASKS & set(_parts(s.name))]
    if not kept:
        raise DataError(f"{folder}: no {kind} among its {len(found):,} files that can be listed.")
    named = named_by_content(scan(kept, pool, cohort.keyed), cohort)
    rows = [(s.name, s.who.subject, *guess(_parts(s.name))) for s in named]
    return rows, len(found) - len(kept)


def guess(parts: Sequence[str]) -> tuple[str, str, str]:
    """Return section, group and label that folders of these names seem to say; "" where none.

    >>> guess(["valid", "normal"]), guess(["train", "good"]), guess(["pneumonia"])
    (('validation', '', '0'), ('training_healthy', '', ''), ('', '', ''))
    """
    group = next((WORDS[part] for part in parts if part in WORDS), "")
    section = next((s for p in parts if p not in GROUPS and (s := section_of(p))), "")
    if not section and set(TRAINING) & set(parts):  # what nobody called healthy is mixed
        section = "training_healthy" if group == "healthy" else "training_mixed"
    if not section:
        return "", group, ""
    return section, "", LABELS.get(group, "") if section in LABELLED else ""


def _parts(name: str) -> list[str]:
    folders = PurePosixPath(name).parent.parts
    return [part.lower().replace("-", "_").replace(" ", "_") for part in folders]
