"""Who an input shows, by header or name, and the subject's name in the data set."""

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from data_prep.inputs.choices import Cohort
from data_prep.inputs.names import BIDS_SUBJECT, parse_name
from data_prep.privacy.pseudonyms import BLANKS, DIGITS, subject_pseudonym
from data_prep.privacy.scrubbing import safe_subject
from data_prep.source import Source

PSEUDONYM = re.compile(rf"sub-[0-9a-f]{{{DIGITS}}}")


def renamer(cohort: Cohort, drafted: Iterable[str] = ()) -> Callable[[str], str]:
    """Return the function that turns an identifier into a subject's name in the data set.

    drafted: names that stay, for they are such names already (see `names_by_content`).
    """
    if not cohort.keyed:
        return safe_subject
    known = set(drafted)
    return lambda who: who if who in known else subject_pseudonym(who, cohort.salt)


def names_by_content(sources: Iterable[Source], cohort: Cohort) -> set[str]:
    """Return the names that the subjects of these inputs have in a data set without a table.

    `healthygan table` writes them into its draft, so a table with them needs no other names.
    """
    rename = renamer(cohort)
    return {rename(who_of(source)[0]) for source in sources}


def who_of(source: Source) -> tuple[str, tuple[Any, ...]]:
    """Return an identifier of the subject and a sort key of its films.

    Neither leaves this process.
    """
    who, order = _who(source)
    return (who if who.strip(BLANKS) else f"file {source.name}"), order  # a file called " .png"


def _who(source: Source) -> tuple[str, tuple[Any, ...]]:
    identity, name_order = source.header.identity, ("", source.name)
    if source.kind == "nifti" or BIDS_SUBJECT.search(source.name):
        return parse_name(source.name).subject, name_order
    stem = PurePosixPath(source.name).stem
    if source.kind not in ("dicom", "series"):
        return stem, name_order
    if not identity.who:
        return (stem if source.kind == "dicom" else source.name), name_order
    return identity.who, (*identity.order, source.name)
