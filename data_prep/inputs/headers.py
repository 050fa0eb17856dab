"""Every header once, in guarded processes, before any pixel: who it shows, when, what to hide."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.privacy.identity import identity as identity_of
from data_prep.privacy.letters import fold, parts
from data_prep.privacy.scrubbing import safe_name
from data_prep.privacy.words import COMMON, REPLACED, TECHNICAL
from data_prep.read.dicom.header import code_of, text_of, whole_text_of
from data_prep.source import Header, Lost, Source
from data_prep.work.guard import Crashed, TimedOut
from data_prep.work.pools import Pool

LOST = {TimedOut: Lost.TIMED_OUT, Crashed: Lost.CRASHED, MemoryError: Lost.TOO_LARGE}
if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LETTERS = re.compile(r"[^\W\d_]+")
HEADED = ("dicom", "series")  # kinds of sources that have a header
PERSON = ("PatientID", "PatientName", "PatientBirthDate")
SHORTEST = 3  # letters of a word that can be of a name; two are only where they are a whole name


def scan_source(source: Source) -> Source | None:
    """The source with its (or its first file's) header, None without; call it in a child."""
    import pydicom

    from data_prep.read.dicom.file import quiet_pydicom

    files = source.pieces()
    with quiet_pydicom():
        header = pydicom.dcmread(_opened(files[0]), force=True, stop_before_pixels=True)
        if not len(header):
            return None
        identity = identity_of(header)
        shown = safe_name(
            source.name, identity.words, unread=not (identity.complete and _named(header))
        )
        uids = text_of(header, "SeriesInstanceUID"), text_of(header, "SOPInstanceUID")
        crowd = source.kind == "series" and _is_of_several(files)
        scanned = Header(identity, *uids, lost=Lost.SEVERAL_PATIENTS if crowd else None)
        return replace(source, shown=shown, header=scanned)


def _named(header: Dataset) -> bool:
    """True where the header has the patient's own name, as far as can be told.

    Not where it says that it was de-identified (0012,0062), nor where a number or a word such as
    ANON, Unknown or Removed stands in place of a name.
    """
    name = {part for part in parts(text_of(header, "PatientName")) if len(part) > 1}
    replaced = any(re.search(r"\d|^anon|^pseudo|^xx", part) for part in name) or name & REPLACED
    removed = code_of(header, "PatientIdentityRemoved") == "YES"
    return bool(name - TECHNICAL - COMMON) and not replaced and not removed


def _opened(file: Source) -> io.BytesIO | Path:
    return file.path if file.member is None else io.BytesIO(file.data())


def _is_of_several(files: Sequence[Source]) -> bool:
    """Whether a series names several patients: then it was put together wrongly.

    Two numbers, names or birth dates are of two; where a file has none, the others speak for it.
    """
    import pydicom

    found: dict[str, set[object]] = {keyword: set() for keyword in PERSON}
    for file in files:
        header = pydicom.dcmread(
            _opened(file), force=True, stop_before_pixels=True, specific_tags=list(PERSON)
        )
        texts = {keyword: whole_text_of(header, keyword) for keyword in PERSON}
        texts["PatientName"] = " ".join(sorted(parts(texts["PatientName"])))
        for keyword, text in texts.items():
            found[keyword].add(text)
    return any(len(values - {""}) > 1 for values in found.values())


def scan(sources: Sequence[Source], pool: Pool, keyed: bool = True) -> list[Source]:
    """The sources with their headers and shown names, in their order.

    keyed: of a picture or another file without a header only ordinary words are shown. A shown name
    lacks the words of its own header and the names and numbers of all patients of the export, as an
    unreadable file may lie in another's folder. Names shown alike are numbered, in order, so that
    all are different.
    """
    known = _runs(source.name for source in sources)
    everybody: set[str] = set()  # as compared, and only what some file name holds
    wanted = [i for i, source in enumerate(sources) if source.kind in HEADED]
    calls = ((sources[i],) for i in wanted)
    result = [replace(source, shown=source.name) for source in sources]
    for k, answer in pool.stream(scan_source, calls):
        if isinstance(answer, Exception):
            # Whom it shows is not known now, so it must not be taken, whatever the reader says
            # later.
            unknown = Header(lost=LOST.get(type(answer), Lost.BROKEN))
            result[wanted[k]] = replace(result[wanted[k]], header=unknown)
        if answer is None or isinstance(answer, Exception):
            continue  # the reader will give the reason
        identity = answer.header.identity
        ordinary = COMMON - _runs(identity.names)  # a patient may be called Ward
        everybody |= {
            run
            for run in (_runs(identity.words) | set(map(fold, identity.names))) & known
            if len(run) >= SHORTEST and run not in ordinary
        }
        if not identity.complete:  # one of these words may be the name in other letters
            name = _runs([answer.name]) - TECHNICAL
            everybody |= {run for run in name if len(run) >= SHORTEST and run.isalpha()}
        bare = replace(identity, words=(), names=())  # memory must not grow with the words
        result[wanted[k]] = replace(answer, header=replace(answer.header, identity=bare))
    shown = []
    for source in result:
        others = _runs([source.name]) & everybody
        unread = not source.header.identity.who and (keyed or source.kind in HEADED)
        shown.append(safe_name(source.shown, others, unread=unread))
    numbered = zip(result, _numbered(shown), strict=True)
    return [replace(source, shown=name) for source, name in numbered]


def _numbered(names: Sequence[str]) -> list[str]:
    """The names in their order; what is there already gets the next free " (2)", " (3)", ..."""
    taken, counts = set(names), dict.fromkeys(names, 0)
    result = []
    for name in names:
        counts[name] += 1
        unique = name
        if counts[name] > 1:
            while (unique := f"{name} ({counts[name]})") in taken:
                counts[name] += 1
            taken.add(unique)
        result.append(unique)
    return result


def _runs(texts: Iterable[str]) -> set[str]:
    """What is compared between files: words between separators, and the letters in them."""
    found = {part for text in texts for part in parts(text)}
    return found | {run for part in found for run in LETTERS.findall(part)}
