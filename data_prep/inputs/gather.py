"""All inputs under INPUT: what is there, what a DICOMDIR promises, and series one by one."""

import logging
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from data_prep.datalist import DataError
from data_prep.inputs import dicomdir, previews
from data_prep.inputs.choices import Cohort
from data_prep.inputs.find import Found, find
from data_prep.inputs.parts import by_series, joined
from data_prep.read.content import kind_of
from data_prep.read.volume import bids, bidsignore
from data_prep.source import Source
from data_prep.work.pools import Pool

log = logging.getLogger(__name__)


def find_inputs(
    given: Path, kind: str, cohort: Cohort, beside: Collection[Path], pool: Pool
) -> Found:
    """What is under INPUT; what a DICOMDIR names but is not there has kind 'missing'.

    beside: no input, such as OUTPUT. Raises DataError: nothing; FileNotFoundError: no INPUT.
    """
    if cohort.table is None and (cohort.where or cohort.columns):
        raise DataError("--where and --columns filter a table: give one with --table.")
    index = _as_index(given)
    folder = given if index is None else given.parent
    everything = cohort.table is None and index is None
    found = find(folder, kind, beside, list_others=everything, pool=pool)
    promised = _promised(found, index, pool)
    if index is not None:
        kept = {path for path in promised.values() if path is not None}
        found.sources = [s for s in map(partial(_kept, kept), found.sources) if s is not None]
    found.sources = joined(found.sources)
    missing = [name for name, there in promised.items() if there is None]
    found.sources += [Source(name, folder / name, "missing") for name in missing]
    if everything and kind == "films":
        found.sources = previews.marked(found.sources, found.indexes)
    if found.earlier:
        log.warning(
            "%d folders below INPUT were made by data_prep; they are no input and were ignored",
            len(found.earlier),
        )
    if kind == "brains":
        found.sources = by_series(_raw(found.sources, folder), pool)
    found.sources.sort(key=lambda source: source.name)
    if cohort.table is None and not found.sources:
        raise DataError(
            f"{given}: nothing to prepare. Expected DICOM, PNG or JPEG films, or NIfTI or "
            "DICOM volumes for brains."
        )
    return found


def _as_index(path: Path) -> Path | None:
    """INPUT, where it is a DICOMDIR file itself."""
    named = path.is_file() and dicomdir.is_index(path.name)
    return path if named and kind_of(path) == "dicom" else None


def _promised(found: Found, index: Path | None, pool: Pool) -> dict[str, Path | None]:
    """Name below INPUT of what DICOMDIRs name -> its path or None; index: INPUT if a DICOMDIR."""
    promised: dict[str, Path | None] = {}
    alike = {dicomdir.plain(name) for name in found.members}
    for source in found.indexes if index is None else [Source(index.name, index, "dicom")]:
        names = _named(source, pool)
        if names is None and index is not None:
            raise DataError(
                f"{index}: this DICOMDIR is damaged. Copy the disc again, or give the folder "
                "instead."
            )
        if names is None:
            log.warning("a DICOMDIR is damaged; the files in its folder are taken as they are")
        parent = PurePosixPath(source.name).parent
        for name in names or ():
            whole = (parent / name).as_posix()
            if source.member is not None:
                promised[whole] = source.path if dicomdir.plain(whole) in alike else None
            else:
                promised[whole] = dicomdir.on_disc(source.path.parent, name)
    return promised


def _kept(kept: set[Path], source: Source) -> Source | None:
    """The source with what a DICOMDIR names of it; None where that is nothing."""
    if source.member is not None:
        return None
    parts = tuple((piece.path, None) for piece in source.pieces() if piece.path in kept)
    if source.kind == "series" and parts:
        return replace(source, parts=parts)
    return source if source.path in kept else None


def _named(index: Source, pool: Pool) -> list[str] | None:
    """What a DICOMDIR names; None where it is damaged."""
    ((_, names),) = pool.stream(named_by, [(index,)])
    return None if isinstance(names, Exception) else names


def named_by(index: Source) -> list[str]:
    """Return what a DICOMDIR names; call it in a guard, for errors of many kinds are raised."""
    return dicomdir.referenced_files(index.data())


def _raw(sources: list[Source], folder: Path) -> list[Source]:
    """The sources that are no side trees of BIDS and that no .bidsignore names."""
    tops = bids.roots(source.name for source in sources)
    ignored = {top: _ignored(folder / top) for top in tops}
    raw, aside = [], Counter[str]()
    for source in sources:
        name = source.name
        side = bids.derived(PurePosixPath(name)) or bids.beside(name, tops)
        if side:
            aside[f"in folders called {side}"] += 1
        elif any(
            name.startswith(top) and bidsignore.ignores(found, name.removeprefix(top))
            for top, found in ignored.items()
        ):
            aside[f"named in {bidsignore.FILE_NAME}"] += 1
        else:
            raw.append(source)
    for where, count in aside.items():
        log.warning(
            "%d inputs %s were ignored: they are no raw scans. To prepare them, give their folder "
            "as INPUT.",
            count,
            where,
        )
    return raw


def _ignored(top: Path) -> list[tuple[re.Pattern[str], bool]]:
    try:
        return bidsignore.patterns((top / bidsignore.FILE_NAME).read_text("utf-8", "replace"))
    except OSError:
        return []
