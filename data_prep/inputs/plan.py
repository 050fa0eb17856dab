"""What is to be prepared: every input with its subject, session and section, before any pixel."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from data_prep.datalist import DataError
from data_prep.errors import PrepError, UsageError
from data_prep.inputs import bids, dicomdir, sections
from data_prep.inputs.find import Found, find, kind_of
from data_prep.inputs.headers import scan
from data_prep.inputs.names import BIDS_SUBJECT, parse_name
from data_prep.inputs.table import sources_of_table
from data_prep.privacy.facts import days_since_first
from data_prep.privacy.pseudonyms import study_pseudonym, subject_pseudonym
from data_prep.privacy.scrubbing import safe_subject
from data_prep.settings import Settings
from data_prep.source import Source
from data_prep.work.pools import Pool

if TYPE_CHECKING:
    from data_prep.privacy.identity import Identity

log = logging.getLogger(__name__)

SUSPICIOUS = 10  # inputs of one subject, where they are also more than half of all


def plan(found: Found, settings: Settings, pool: Pool, *, by_folders: bool = True) -> list[Source]:
    """Who each input shows and where it belongs, sorted by subject and session.

    With a table its rows decide; without one, sub-folders named like sections or groups do, and
    where there are none, or by_folders is False, everything is unlabelled `test`, for inference.
    Raises DataError or LeakError before anything is written.
    """
    if settings.table is not None:
        sources = sources_of_table(
            settings.table, settings.input, found, settings.columns, settings.where
        )
        known, sources = scan(sources, pool, settings.keyed)
        rename = _renamer(settings, settings.pseudonyms == "keyed")
        sources = [replace(s, subject=rename(s.subject)) for s in sources]
    else:
        known, sources = scan(found.sources, pool, settings.keyed)
        known, sources = _named_by_content(known, sources, settings)
    sources = _with_visits(known, _with_sessions(sources), settings)
    if settings.table is None:
        sources = (
            _by_folders(sources) if by_folders else [replace(s, section="test") for s in sources]
        )
    grouped = [source for source in sources if source.section is None]
    fixed = [source for source in sources if source.section is not None]
    if grouped:
        sources = fixed + sections.by_group(
            grouped, seed=settings.seed, validation=settings.validation, test=settings.test
        )
    sections.verify(sources)
    _require_validation_labels(sources)
    sources = sections.without_training_truth(_cleared(sources, settings))
    return sorted(sources, key=lambda source: (source.subject, source.session))


def find_inputs(settings: Settings, pool: Pool) -> Found:
    """What lies under INPUT; what a DICOMDIR names and is not there is among it, kind 'missing'.

    Raises DataError where there is nothing, FileNotFoundError where there is no INPUT.
    """
    if settings.table is None and (settings.where or settings.columns):
        raise UsageError("--where and --columns filter a table: give one with --table.")
    index = _as_index(settings.input)
    folder = settings.input if index is None else settings.input.parent
    whole_folder = settings.table is None and index is None
    beside = (settings.output, settings.key_path(), settings.links_path())
    found = find(folder, settings.kind, beside, list_others=whole_folder)
    promised: dict[str, Path | None] = {}
    indexes = found.indexes if index is None else [Source(index.name, index, "dicom")]
    for source in indexes:
        names = _promised(source, pool)
        if names is None and index is not None:
            raise DataError(
                f"{settings.input}: this DICOMDIR is damaged. Copy the disc again, or give the folder "
                "instead."
            )
        if names is None:
            log.warning("a DICOMDIR is damaged; the files in its folder are taken as they are")
        parent = PurePosixPath(source.name).parent
        inside = {s.name for s in found.sources} if source.member is not None else set()
        for name in names or ():
            whole = (parent / name).as_posix()
            if source.member is not None:
                promised[whole] = source.path if whole in inside else None
            else:
                promised[whole] = dicomdir.on_disc(source.path.parent, name)
    if index is not None:
        kept = {path for path in promised.values() if path is not None}
        found.sources = [s for s in found.sources if s.path in kept and s.member is None]
    for name, there in promised.items():
        if there is None:
            found.sources.append(Source(name, folder / name, "missing"))
    for path in found.earlier:
        log.warning("%s: made by data_prep; it is no input and was passed by", path)
    if settings.kind == "brains":
        raw = [s for s in found.sources if not bids.derived(PurePosixPath(s.name))]
        if len(raw) < len(found.sources):
            count = len(found.sources) - len(raw)
            log.warning(
                "%d inputs in folders called %s were passed by: they are no raw scans. To prepare "
                "them, give that folder as INPUT.",
                count,
                bids.DERIVATIVES,
            )
        found.sources = _by_series(raw, pool)
    found.sources.sort(key=lambda source: source.name)
    if settings.table is None and not found.sources:
        raise DataError(
            f"{settings.input}: nothing to prepare. Expected DICOM, PNG or JPEG films, or NIfTI or "
            "DICOM volumes for brains."
        )
    return found


def _promised(index: Source, pool: Pool) -> list[str] | None:
    """What a DICOMDIR names; None where it is damaged."""
    try:
        content = index.data()
    except (PrepError, OSError):
        return None
    ((_, names),) = pool.stream("data_prep.inputs.dicomdir:referenced_files", [(content,)])
    return None if isinstance(names, Exception) else names


def _by_series(sources: list[Source], pool: Pool) -> list[Source]:
    """A folder of several DICOM series becomes as many sources; inside archives it stays one."""
    wanted = [i for i, s in enumerate(sources) if s.kind == "series" and s.member is None]
    parts: dict[int, list[Source]] = {}
    calls = ((sources[i].name, sources[i].files()) for i in wanted)
    for k, answer in pool.stream("data_prep.read.dicom_groups:named", calls):
        if not isinstance(answer, Exception):
            source = sources[wanted[k]]
            parts[wanted[k]] = [replace(source, name=n, series=index) for n, index in answer]
    return [part for i, source in enumerate(sources) for part in parts.get(i, [source])]


def _as_index(path: Path) -> Path | None:
    """INPUT, where it is a DICOMDIR file itself."""
    named = path.is_file() and path.name.upper() == dicomdir.FILE_NAME
    return path if named and kind_of(path) == "dicom" else None


def _renamer(settings: Settings, keyed: bool) -> Callable[[str], str]:
    """What turns an identifier into the name that goes into the data set."""
    if not keyed:
        return safe_subject
    return lambda who: subject_pseudonym(who, settings.salt)


def _named_by_content(
    known: Sequence[Identity | None], sources: Sequence[Source], settings: Settings
) -> tuple[list[Identity | None], list[Source]]:
    """Subjects from PatientID, BIDS name or file name; keyed unless 'given' was asked for.

    Sources come back in the order of acquisition within each subject.
    """
    rename = _renamer(settings, settings.pseudonyms != "given")
    named = []
    for identity, source in zip(known, sources, strict=True):
        who, order = _who(identity, source)
        named.append((rename(who), order, identity, source))
    most = max(Counter(entry[0] for entry in named).values(), default=0)
    if most > SUSPICIOUS and most > len(named) / 2:
        log.warning(
            "%d of %d inputs carry the same patient ID: was it blanked at export? They count as "
            "one subject; if they are not, name the subjects in a table (--table).",
            most,
            len(named),
        )
    named.sort(key=lambda entry: (entry[0], entry[1]))
    return (
        [identity for _, _, identity, _ in named],
        [replace(source, subject=subject) for subject, _, _, source in named],
    )


def _who(identity: Identity | None, source: Source) -> tuple[str, tuple[Any, ...]]:
    """(an identifier of the subject, what sorts its films); neither leaves this process."""
    name_order = ("", source.name)
    if source.kind == "nifti" or BIDS_SUBJECT.search(source.name):
        return parse_name(source.name).subject, name_order
    stem = PurePosixPath(source.name).stem
    if source.kind not in ("dicom", "series"):
        return stem, name_order
    if identity is None or not identity.who:
        return (stem if source.kind == "dicom" else source.name), name_order
    return identity.who, (*identity.order, source.name)


def _with_visits(
    known: Sequence[Identity | None], sources: Sequence[Source], settings: Settings
) -> list[Source]:
    """The study of each source, as a pseudonym, and its days since the subject's first study."""
    of_subject: dict[str, list[int]] = {}
    for index, source in enumerate(sources):
        of_subject.setdefault(source.subject, []).append(index)
    result = list(sources)
    for indices in of_subject.values():
        dates = [known[i].study_date if known[i] else None for i in indices]  # type: ignore[union-attr]
        numbers: dict[str, int] = {}
        series: dict[tuple[str | None, str], int] = {}
        for i, days in zip(indices, days_since_first(dates), strict=True):
            identity = known[i]
            study = None
            if identity is not None and identity.study_uid:
                number = numbers.setdefault(identity.study_uid, len(numbers) + 1)
                study = f"{number:02d}"
                if settings.salt:
                    study = study_pseudonym(identity.study_uid, settings.salt)
            number_of = None
            if sources[i].series_uid:
                earlier = sum(other == study for other, _ in series)
                number_of = series.setdefault((study, sources[i].series_uid), earlier + 1)
            result[i] = replace(result[i], study=study, days=days, series_number=number_of)
    return result


def _by_folders(sources: list[Source]) -> list[Source]:
    """Sections, groups and labels from the names of sub-folders, e.g. validation/diseased/."""
    words = [[p.lower() for p in PurePosixPath(s.name).parent.parts] for s in sources]
    explicit = {
        part
        for parts in words
        for part in parts
        if sections.section_of(part) and part not in sections.GROUPS
    }
    result = []
    for source, parts in zip(sources, words, strict=True):
        section = group = label = None
        for part in parts:
            if section is None and group is None and part in sections.GROUPS and not explicit:
                group = part
            elif section is None and sections.section_of(part):
                section = sections.section_of(part)
            elif section in ("validation", "test") and part in sections.LABELS:
                label = sections.LABELS[part]
        result.append(replace(source, section=section, group=group, label=label))
    if not any(source.section or source.group for source in result):
        return [replace(source, section="test") for source in result]
    lost = [source.shown for source in result if not source.section and not source.group]
    if lost:
        raise DataError(
            f"{len(lost)} files lie outside the folders named like sections or groups, for example "
            f"{lost[0]}. Move them, or say where they belong with --table."
        )
    return result


def _with_sessions(sources: list[Source]) -> list[Source]:
    """Number each subject's sources in the order given: sessions 01, 02, ..."""
    counts: dict[str, int] = {}
    numbered = []
    for source in sources:
        counts[source.subject] = counts.get(source.subject, 0) + 1
        numbered.append(replace(source, session=f"{counts[source.subject]:02d}"))
    return numbered


def _cleared(sources: list[Source], settings: Settings) -> list[Source]:
    """Mark the films that a person has looked at; refuses names that are none of the inputs'."""
    if settings.cleared is None:
        return sources
    try:
        lines = settings.cleared.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"{settings.cleared}: cannot be read. Expected a text file with one path a line."
        ) from None
    names = {line.strip().replace("\\", "/") for line in lines if line.strip()}
    # The number of a shown name moves with the files beside it: of names alike only the path counts.
    bare = [re.sub(r" \(\d+\)$", "", source.shown) for source in sources]
    alike = Counter(bare)
    pairs = zip(sources, bare, strict=True)
    aliases = {source.shown: source.name for source, name in pairs if alike[name] == 1}
    names = {aliases.get(name, name) for name in names}
    unknown = names - {source.name for source in sources}
    if unknown:
        raise DataError(
            f"{settings.cleared}: {len(unknown)} of its {len(names)} lines are no input. Expected "
            "paths below INPUT, as in OUTPUT.links.csv, or names that only one row of inputs.csv has."
        )
    return [replace(source, cleared=source.name in names) for source in sources]


def _require_validation_labels(sources: list[Source]) -> None:
    bare = [s.shown for s in sources if s.section == "validation" and s.label is None]
    if bare:
        raise DataError(
            f"{len(bare)} validation images have no label, for example "
            f"{bare[0]}; validation needs 0 (healthy) or 1 (diseased). Add "
            "them to the table, or use folders validation/healthy and validation/diseased."
        )
