"""Decide the subject, session and section of every input, before any pixel is read."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from data_prep.datalist import LABELLED, DataError
from data_prep.errors import UsageError
from data_prep.files import plain
from data_prep.inputs import allowed, sections
from data_prep.inputs.choices import Cohort
from data_prep.inputs.find import Found
from data_prep.inputs.headers import scan
from data_prep.inputs.subjects import PSEUDONYM, names_by_content, renamer, whos_of
from data_prep.inputs.table import sources_of_table
from data_prep.privacy.facts import days_since_first
from data_prep.privacy.identity import Identity
from data_prep.privacy.pseudonyms import study_pseudonym
from data_prep.source import Source
from data_prep.work.pools import Pool

log = logging.getLogger(__name__)

SUSPICIOUS = 10  # inputs of one subject, where they are also more than half of all


def plan(found: Found, folder: Path, cohort: Cohort, pool: Pool) -> list[Source]:
    """Return every input with its subject, session and section, sorted by subject and session.

    A table decides. Without one, sub-folders named like sections or groups decide. Without these,
    or with ``by_folders=False``, all inputs are unlabelled ``test`` images, for inference.

    Args:
        found: the inputs.
        folder: INPUT.
        cohort: the user's choices.
        pool: where headers are read.

    Raises:
        DataError, LeakError: the inputs do not make a data set. Nothing has been written yet.
    """
    if cohort.table is not None:
        sources = sources_of_table(cohort.table, folder, found, cohort.columns, cohort.where)
        sources = _split(sources, cohort)  # by the table's names: another key, the same sections
        sections.verify(sources, named=not cohort.keyed)
        sources = scan(sources, pool, cohort.keyed)
        _warn_of_split_patients(sources)
        rename = renamer(cohort, _drafted(sources, cohort))
        sources = [s.with_who(subject=rename(s.who.subject)) for s in sources]
    else:
        sources = scan(found.sources, pool, cohort.keyed)
        _warn_of_shared_numbers(sources)
        sources = named_by_content(sources, cohort)
    sources = _with_visits(_with_sessions(sources), cohort.salt)
    if cohort.table is None:
        sources = _by_folders(sources) if cohort.by_folders else _all_test(sources)
        sources = _split(sources, cohort)
    sections.verify(sources)
    _require_validation_labels(sources)
    if cohort.cleared is not None:
        sources = _cleared(sources, cohort.cleared)
    sources = sections.without_training_truth(sources)
    return sorted(sources, key=lambda source: (source.who.subject, source.who.session))


def _warn_of_split_patients(sources: Sequence[Source]) -> None:
    """Warn where one patient ID of the headers has several subjects in the table."""
    subjects: dict[str, list[str]] = {}
    for source in sources:
        identity = source.header.identity
        if identity.who and not identity.by_name:
            subjects.setdefault(identity.who, []).append(source.who.subject)
    split = [
        found
        for found in subjects.values()
        if len(set(found)) > 1 and not _looks_blanked(len(found), len(sources))
    ]
    if split:
        log.warning(
            "%d patient IDs in headers have several subjects in the table each: one patient may be "
            "in two sections. Give each patient one name in the column subject.",
            len(split),
        )


def _warn_of_shared_numbers(sources: Sequence[Source]) -> None:
    """Warn where one patient ID has two years of birth or is of a woman and of a man."""
    people: dict[str, list[Identity]] = {}
    for source in sources:
        identity = source.header.identity
        if identity.who and not identity.by_name:
            people.setdefault(identity.who, []).append(identity)
    shared = [
        found
        for found in people.values()
        if len({one.born for one in found} - {""}) > 1
        or len({one.sex for one in found} - {"", "O"}) > 1
    ]
    if shared:
        log.warning(
            "%d patient IDs go with several years of birth or sexes: two people may share a "
            "number, as on discs of two hospitals. Each counts as one subject; if that is wrong, "
            "name the subjects in a table (--table).",
            len(shared),
        )


def _looks_blanked(of_one: int, all_of_them: int) -> bool:
    """Whether so many inputs of one patient ID seem to have lost their own at export."""
    return of_one > SUSPICIOUS and of_one > all_of_them / 2


def _drafted(sources: Sequence[Source], cohort: Cohort) -> set[str]:
    """Names by content, where the table is a draft of `healthygan table` with this key."""
    if not cohort.keyed:
        return set()
    known = names_by_content(sources, cohort)
    others = {s.who.subject for s in sources if PSEUDONYM.fullmatch(s.who.subject)} - known
    if others:
        log.warning(
            "%d subjects of the table look like pseudonyms of another key, and get new ones. If "
            "healthygan table made them, pass its key (--key).",
            len(others),
        )
    return known


def _split(sources: list[Source], cohort: Cohort) -> list[Source]:
    shares = {"validation": cohort.validation, "test": cohort.test}
    return sections.by_group(sources, seed=cohort.seed, **shares)


def named_by_content(sources: Sequence[Source], cohort: Cohort) -> list[Source]:
    """Name subjects by PatientID, BIDS or file name, and sort their films by acquisition.

    The names become keyed pseudonyms unless the user chose ``given``.
    """
    rename = renamer(cohort)
    named, by_name = [], dict[str, set[str]]()  # of a name without an ID: its studies
    for source, (who, order) in zip(sources, whos_of(sources), strict=True):
        named.append((order, source.with_who(subject=rename(who))))
        identity = source.header.identity
        if identity.by_name and identity.who == who:
            by_name.setdefault(who, set()).add(identity.study_uid or source.name)
    most = max(Counter(source.who.subject for _, source in named).values(), default=0)
    if _looks_blanked(most, len(named)):
        log.warning(
            "%d of %d inputs carry the same patient ID: was it blanked at export? They count as "
            "one subject; if they are not, name the subjects in a table (--table).",
            most,
            len(named),
        )
    elif several := sum(len(studies) > 1 for studies in by_name.values()):
        log.warning(
            "%d subjects have several studies and a name, but no patient ID. A name such as "
            "Anonymous makes one subject of many: if so, name the subjects in a table (--table).",
            several,
        )
    named.sort(key=lambda entry: (entry[1].who.subject, entry[0]))
    return [source for _, source in named]


def _with_visits(sources: Sequence[Source], salt: bytes) -> list[Source]:
    """Add each source's study pseudonym and days since the first study; drop its identity."""
    of_subject: dict[str, list[int]] = {}
    for index, source in enumerate(sources):
        of_subject.setdefault(source.who.subject, []).append(index)
    result = list(sources)
    for indices in of_subject.values():
        dates = [sources[i].header.identity.study_date for i in indices]
        numbers: dict[str, int] = {}
        series: dict[tuple[str | None, str], int] = {}
        for i, days in zip(indices, days_since_first(dates), strict=True):
            header = sources[i].header
            uid = header.identity.study_uid
            study = None
            if uid:
                number = numbers.setdefault(uid, len(numbers) + 1)
                study = study_pseudonym(uid, salt) if salt else f"{number:02d}"
            number_of = None
            if header.series_uid:
                earlier = sum(other == study for other, _ in series)
                number_of = series.setdefault((study, header.series_uid), earlier + 1)
            source = sources[i].with_who(study=study, days=days, series_number=number_of)
            result[i] = replace(source, header=replace(header, identity=Identity()))
    return result


def _by_folders(sources: list[Source]) -> list[Source]:
    """Take sections, groups and labels from sub-folders, e.g. ``validation/diseased/``."""
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
            elif section in LABELLED and part in sections.LABELS:
                label = sections.LABELS[part]
        result.append(source.with_truth(section=section, group=group, label=label))
    lost = [s.shown for s in result if not s.truth.section and not s.truth.group]
    if len(lost) == len(result):
        return _all_test(result)
    if lost:
        raise DataError(
            f"{len(lost)} files lie outside the folders named like sections or groups, for example "
            f"{lost[0]}. Move them, or say where they belong with --table."
        )
    return result


def _all_test(sources: list[Source]) -> list[Source]:
    return [source.with_truth(section="test") for source in sources]


def _with_sessions(sources: list[Source]) -> list[Source]:
    """Number each subject's sources in the order given: sessions 01, 02, ..."""
    counts: dict[str, int] = {}
    numbered = []
    for source in sources:
        subject = source.who.subject
        counts[subject] = counts.get(subject, 0) + 1
        numbered.append(source.with_who(session=f"{counts[subject]:02d}"))
    return numbered


def _cleared(sources: list[Source], cleared: Path) -> list[Source]:
    """Mark the films that a person has checked; raises DataError for names that match no input."""
    try:
        seen = allowed.read(cleared)
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"{cleared}: cannot be read. Expected a text file with one path a line."
        ) from None
    # The number in a shown name depends on the other files. Where names are alike, only the path
    # counts.
    bare = [re.sub(r" \(\d+\)$", "", source.shown) for source in sources]
    alike = Counter(bare)
    pairs = zip(sources, bare, strict=True)
    aliases = {source.shown: source.name for source, name in pairs if alike[name] == 1}
    known = {source.name for source in sources}
    # A line may be copied from a table, where "'" stands before what a spreadsheet would run.
    seen = {
        name if name in known else aliases.get(plain(name), plain(name)): digest
        for name, digest in seen.items()
    }
    unknown = set(seen) - known
    if unknown:
        raise DataError(
            f"{cleared}: {len(unknown)} of its {len(seen)} lines are no input. Expected "
            "paths below INPUT, as in OUTPUT.links.csv, or names that only one row of inputs.csv "
            "has."
        )
    return [replace(source, cleared=seen.get(source.name)) for source in sources]


def _require_validation_labels(sources: list[Source]) -> None:
    bare = [s.shown for s in sources if s.truth.section == "validation" and s.truth.label is None]
    if bare:
        raise DataError(
            f"{len(bare)} validation images have no label, for example "
            f"{bare[0]}; validation needs 0 (healthy) or 1 (diseased). Add "
            "them to the table, or use folders validation/healthy and validation/diseased."
        )
