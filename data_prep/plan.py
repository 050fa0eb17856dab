"""What is to be prepared: every input with its subject, session and section, before any pixel."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

from data_prep import deidentify, split
from data_prep.datalist import DataError
from data_prep.dicom_file import quiet_pydicom
from data_prep.find import Found, Source, find
from data_prep.settings import Settings
from data_prep.subject_names import BIDS_SUBJECT, parse_name
from data_prep.table import sources_of_table

log = logging.getLogger(__name__)

SUSPICIOUS = 10  # inputs of one subject, where they are also more than half of all
ORDER_TAGS = ("StudyDate", "StudyTime", "SeriesNumber", "AcquisitionTime", "InstanceNumber")


def plan(settings: Settings) -> tuple[list[Source], Found]:
    """(sources sorted by subject and session, all that was found).

    With a table its rows decide; without one, sub-folders named like sections or groups do, and
    where there are none everything is unlabelled `test`, for inference.
    Raises DataError or LeakError before anything is written.
    """
    whole_folder = settings.table is None  # with a table, its rows say what the inputs are
    found = find(settings.input, settings.kind, settings.output, list_others=whole_folder)
    if settings.table is not None:
        sources = sources_of_table(
            settings.table, settings.input, found, settings.columns, settings.where
        )
        sources = _named_by_table(sources, settings)
    else:
        if settings.where or settings.columns:
            raise DataError("--where and --columns filter a table: give one with --table.")
        if not found.sources:
            raise DataError(
                f"{settings.input}: nothing to prepare. Expected DICOM, PNG or JPEG films, or "
                "NIfTI or DICOM volumes for brains."
            )
        sources = _by_folders(_named_by_content(found.sources, settings))
    grouped = [source for source in sources if source.section is None]
    fixed = [source for source in sources if source.section is not None]
    if grouped:
        sources = fixed + split.by_group(
            grouped, seed=settings.seed, validation=settings.validation, test=settings.test
        )
    split.verify(sources)
    _require_validation_labels(sources)
    return split.without_training_truth(_with_sessions(sources)), found


def _named_by_table(sources: list[Source], settings: Settings) -> list[Source]:
    if settings.pseudonyms != "keyed":
        return [replace(s, subject=deidentify.safe_subject(s.subject)) for s in sources]
    key = _key(settings)
    return [replace(s, subject=deidentify.pseudonym(s.subject, key)) for s in sources]


def _named_by_content(sources: list[Source], settings: Settings) -> list[Source]:
    """Subjects from PatientID, BIDS name or file name; keyed unless 'given' was asked for.

    Sources come back in the order of acquisition within each subject.
    """
    known = [(*_who(source), source) for source in sources]
    if settings.pseudonyms == "given":
        names = [deidentify.safe_subject(who) for who, _, _ in known]
    else:
        key = _key(settings)
        names = [deidentify.pseudonym(who, key) for who, _, _ in known]
    most = max(Counter(names).values(), default=0)
    if most > SUSPICIOUS and most > len(names) / 2:
        log.warning(
            "%d of %d inputs carry the same patient ID: was it blanked at export? They count as "
            "one subject; if they are not, name the subjects in a table (--table).",
            most,
            len(names),
        )
    named = [
        (name, order, replace(source, subject=name))
        for name, (_, order, source) in zip(names, known, strict=True)
    ]
    return [source for _, _, source in sorted(named, key=lambda entry: (entry[0], entry[1]))]


def _who(source: Source) -> tuple[str, tuple[str, ...]]:
    """(an identifier of the subject, what sorts its films); neither leaves this process."""
    told = parse_name(source.name).subject
    name_order = ("",) * len(ORDER_TAGS) + (source.name,)
    if source.kind == "nifti" or BIDS_SUBJECT.search(source.name):
        return told, name_order
    stem = PurePosixPath(source.name).stem
    if source.kind not in ("dicom", "series"):
        return stem, name_order
    header = _header(_first_file(source))
    if header is None or not header[0]:
        return (stem if source.kind == "dicom" else source.name), name_order
    return header[0], (*header[1], source.name)


def _first_file(source: Source) -> Path:
    if source.kind != "series":
        return source.path
    return min(path for path in source.path.iterdir() if path.is_file())


def _header(path: Path) -> tuple[str, tuple[str, ...]] | None:
    """(PatientID, or PatientName where it is empty; dates, times and numbers to sort by)."""
    import pydicom

    wanted = ["PatientID", "PatientName", *ORDER_TAGS]
    try:
        with quiet_pydicom():
            header = pydicom.dcmread(
                path, force=True, stop_before_pixels=True, specific_tags=wanted
            )
            who = str(header.get("PatientID") or "").strip()
            who = who or str(header.get("PatientName") or "").strip()
            return who, tuple(str(header.get(tag) or "").zfill(16) for tag in ORDER_TAGS)
    except Exception:  # broken headers raise many kinds; the reader will give the reason later
        return None


def _key(settings: Settings) -> bytes:
    """The key beside OUTPUT, not in it: OUTPUT is what is sent on. A dry run leaves no key."""
    path = settings.key_file or settings.output.with_name(settings.output.name + ".key")
    if settings.dry_run and not path.exists():
        return b"dry run: no key is made"
    return deidentify.load_key(path)


def _by_folders(sources: list[Source]) -> list[Source]:
    """Sections, groups and labels from the names of sub-folders, e.g. validation/diseased/."""
    words = [[p.lower() for p in PurePosixPath(s.name).parent.parts] for s in sources]
    explicit = {
        part
        for parts in words
        for part in parts
        if split.section_of(part) and part not in split.GROUPS
    }
    result = []
    for source, parts in zip(sources, words, strict=True):
        section = group = label = None
        for part in parts:
            if section is None and group is None and part in split.GROUPS and not explicit:
                group = part
            elif section is None and split.section_of(part):
                section = split.section_of(part)
            elif section in ("validation", "test") and part in split.LABELS:
                label = split.LABELS[part]
        result.append(replace(source, section=section, group=group, label=label))
    if not any(source.section or source.group for source in result):
        return [replace(source, section="test") for source in result]
    lost = [source.name for source in result if not source.section and not source.group]
    if lost:
        raise DataError(
            f"{len(lost)} files lie outside the folders named like sections or groups, for example "
            f"{deidentify.safe_name(lost[0])}. Move them, or say where they belong with --table."
        )
    return result


def _with_sessions(sources: list[Source]) -> list[Source]:
    """Number each subject's sources in the order given: sessions 01, 02, ..."""
    counts: dict[str, int] = {}
    numbered = []
    for source in sources:
        counts[source.subject] = counts.get(source.subject, 0) + 1
        numbered.append(replace(source, session=f"{counts[source.subject]:02d}"))
    return sorted(numbered, key=lambda source: (source.subject, source.session))


def _require_validation_labels(sources: list[Source]) -> None:
    bare = [s.name for s in sources if s.section == "validation" and s.label is None]
    if bare:
        raise DataError(
            f"{len(bare)} validation images have no label, for example "
            f"{deidentify.safe_name(bare[0])}; validation needs 0 (healthy) or 1 (diseased). Add "
            "them to the table, or use folders validation/healthy and validation/diseased."
        )
