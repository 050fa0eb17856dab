"""Who an input shows, by header or name, and the subject's name in the data set."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from data_prep.inputs.choices import Cohort
from data_prep.inputs.names import BIDS_SUBJECT, IXI, parse_name
from data_prep.inputs.sections import is_section_word
from data_prep.privacy.identity import ISSUED_BY, Identity
from data_prep.privacy.pseudonyms import BLANKS, DIGITS, subject_pseudonym
from data_prep.privacy.scrubbing import safe_subject
from data_prep.source import Source

log = logging.getLogger(__name__)
MOST_OF_A_PATIENT = 5  # files of one folder whose names are those of other folders too
PSEUDONYM = re.compile(rf"sub-[0-9a-f]{{{DIGITS}}}")


def renamer(cohort: Cohort, drafted: Iterable[str] = ()) -> Callable[[str], str]:
    """Return the function that turns an identifier into a subject's name in the data set.

    drafted: names that stay, for they are such names already (see `names_by_content`).
    """
    if not cohort.keyed:
        return safe_subject
    known = set(drafted)
    return lambda who: who if who in known else subject_pseudonym(who, cohort.salt)


def names_by_content(sources: Sequence[Source], cohort: Cohort) -> set[str]:
    """Return the names that the subjects of these inputs have in a data set without a table.

    `healthygan table` writes them into its draft, so a table with them needs no other names.
    """
    rename = renamer(cohort)
    return {rename(who) for who, _ in whos_of(sources, quiet=True)}


def whos_of(sources: Sequence[Source], *, quiet: bool = False) -> list[tuple[str, tuple[Any, ...]]]:
    """Return of each input an identifier of the subject, and a sort key of its films.

    The header tells it, a BIDS or IXI name, or else the file name. A BIDS folder goes before the
    header, unless the headers in it name several patients. File names that stand in several folders
    (T1.nii.gz) are no patients': there a folder of at most ``MOST_OF_A_PATIENT`` such files is one
    subject, and in a larger one each file. Neither result leaves this process.

    quiet: give no warnings, since a table names the subjects.
    """
    several = _labels_of_several(sources)
    names = {source.name: _of_file_name(source) for source in sources}
    by_folder = _subjects_of_folders(names, quiet)
    issued = _issued(sources, quiet)
    if not quiet:
        _warn_of_bids(sources, several)
    found = (_who_of(s, several, by_folder.get(s.name) or names[s.name]) for s in sources)
    return [(issued.get(who, who), order) for who, order in found]


def _who_of(
    source: Source, several: Collection[str], by_name: str | None
) -> tuple[str, tuple[Any, ...]]:
    """As `whos_of`; several: of `_labels_of_several`, by_name: the subject by file and folder."""
    label = _bids(source)
    order: tuple[Any, ...] = ("", source.name)
    if label and not (label in several and _in_header(source)):
        who = label
    elif _in_header(source):
        identity = source.header.identity
        who, order = identity.who, (*identity.order, source.name)
    else:
        who = by_name or source.name
    # a file called " .png"
    return who if who.strip(BLANKS) else f"file {source.name}", order


def _issued(sources: Sequence[Source], quiet: bool) -> dict[str, str]:
    """Return numbers without an issuer -> the same with the one issuer that other files name.

    Issuer of Patient ID (0010,0021) is of type 3 (PS3.3 C.7.1.1): one scanner writes it, another
    does not. Where year of birth or sex differ, they are two patients.
    """
    known: dict[str, dict[str, list[Identity]]] = {}
    for source in sources:
        if _in_header(source):
            identity = source.header.identity
            number, _, issuer = identity.who.partition(ISSUED_BY)
            known.setdefault(number, {}).setdefault(issuer, []).append(identity)
    result = {}
    for number, by_issuer in known.items():
        people = [identity for found in by_issuer.values() for identity in found]
        born, sex = ({getattr(i, name) for i in people} - {""} for name in ("born", "sex"))
        if "" in by_issuer and len(by_issuer) == 2 and len(born) < 2 and len(sex) < 2:
            result[number] = number + ISSUED_BY + max(by_issuer)
    if result and not quiet:
        log.warning(
            "%d patient numbers stand in some files with their issuer and in others without: each "
            "counts as one subject. If they are different people, name the subjects in a table "
            "(--table).",
            len(result),
        )
    return result


def _labels_of_several(sources: Sequence[Source]) -> set[str]:
    """Return the BIDS subjects whose DICOM headers name several patients."""
    patients: dict[str, set[str]] = {}
    for source in sources:
        label = _bids(source)
        if label and _in_header(source):
            patients.setdefault(label, set()).add(source.header.identity.who)
    return {label for label, found in patients.items() if len(found) > 1}


def _warn_of_bids(sources: Sequence[Source], several: Collection[str]) -> None:
    if several:
        log.warning(
            "%d folders or files are named like a BIDS subject, but their DICOM headers name "
            "several patients: these count.",
            len(several),
        )
    roots: dict[str, set[str]] = {}  # BIDS subject -> folders around it
    for source in sources:
        if found := BIDS_SUBJECT.search(source.name):
            roots.setdefault(found[1], set()).add(source.name[: found.start(1)])
    twice = sum(len(around) > 1 for around in roots.values())
    if twice:
        log.warning(
            "%d BIDS subjects stand in several folders, and count as one subject each. If they are "
            "different people (of two sites), name the subjects in a table (--table).",
            twice,
        )


def _bids(source: Source) -> str | None:
    found = BIDS_SUBJECT.search(source.name)
    return found[1] if found else None


def _in_header(source: Source) -> bool:
    """Whether a DICOM header names the patient."""
    return source.kind in ("dicom", "series") and bool(source.header.identity.who)


def _of_file_name(source: Source) -> str | None:
    """Return the subject by the file name; None where something else names it."""
    if _bids(source) or source.kind == "series" or _in_header(source):
        return None
    nifti = source.kind == "nifti"
    name = parse_name(source.name).subject if nifti else PurePosixPath(source.name).stem
    return name if name.strip(BLANKS) else None


def _subjects_of_folders(names: Mapping[str, str | None], quiet: bool) -> dict[str, str]:
    """Return the subjects of inputs in folders where file names are those of other folders too.

    names: of each input by its path, the subject by its file name.
    """
    folders: dict[str, set[PurePosixPath]] = {}
    for path, name in names.items():
        if name is not None and not IXI.search(path):
            folders.setdefault(name, set()).add(PurePosixPath(path).parent)
    alike = {name for name, found in folders.items() if len(found) > 1}
    shared = {folder for name in alike for folder in folders[name]}
    inside = Counter(PurePosixPath(path).parent for path, name in names.items() if name)
    result = {}
    for path, name in names.items():
        folder = PurePosixPath(path).parent
        if name is None or folder not in shared:
            continue
        person = "/".join(part for part in folder.parts if not is_section_word(part))
        if person and inside[folder] <= MOST_OF_A_PATIENT:
            result[path] = person
        elif name in alike:
            result[path] = (folder / name).as_posix()
    if alike and not quiet:
        log.warning(
            "%d file names stand in several folders, so they are not taken for the names of "
            "patients: %d inputs count as %d subjects by their folders. If that is wrong, name the "
            "subjects in a table (--table).",
            *(len(alike), len(result), len(set(result.values()))),
        )
    return result
