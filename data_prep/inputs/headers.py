"""Every header once, in guarded processes, before any pixel: who it shows, when, what to hide."""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from data_prep.privacy.identity import identity as identity_of
from data_prep.privacy.scrubbing import safe_name
from data_prep.privacy.words import COMMON
from data_prep.read.dicom.header import text_of
from data_prep.source import Header, Lost, Source
from data_prep.work.guard import Crashed, TimedOut
from data_prep.work.pools import Pool

TOKEN = re.compile(r"[^\W_]+")
LOST = {TimedOut: Lost.TIMED_OUT, Crashed: Lost.CRASHED, MemoryError: Lost.TOO_LARGE}
SHORTEST = 3  # letters of a word that can be a name; two would blank the views and "IM"


def scan_source(source: Source) -> Source | None:
    """The source with its (or its first file's) header, None without; call it in a child."""
    import pydicom

    from data_prep.read.dicom.file import quiet_pydicom

    if source.member is not None:
        first: io.BytesIO | Path = io.BytesIO(
            replace(source, kind="dicom", member=source.members()[0]).data()
        )
    else:
        files = _files(source)
        first = files[0]
    with quiet_pydicom():
        header = pydicom.dcmread(first, force=True, stop_before_pixels=True)
        if not len(header):
            return None
        identity = identity_of(header)
        shown = safe_name(source.name, identity.words, unread=not identity.complete)
        uids = text_of(header, "SeriesInstanceUID"), text_of(header, "SOPInstanceUID")
        crowd = source.kind == "series" and source.member is None and _patients(files) > 1
        scanned = Header(identity, *uids, lost=Lost.SEVERAL_PATIENTS if crowd else None)
        return replace(source, shown=shown, header=scanned)


def _files(source: Source) -> Sequence[Path]:
    """Of one of several series in a folder its own files, not the first one's."""
    if source.series is None:
        return source.files()
    from data_prep.read.volume.dicom_groups import series_of

    return series_of(source.files())[source.series].files


def _patients(files: Sequence[Path]) -> int:
    """How many patients a series names: more than one, and it was put together wrongly."""
    import pydicom

    found = set()
    for path in files:
        header = pydicom.dcmread(
            path, force=True, stop_before_pixels=True, specific_tags=["PatientID"]
        )
        found.add(text_of(header, "PatientID"))
    return len(found - {""})


def scan(sources: Sequence[Source], pool: Pool, keyed: bool = True) -> list[Source]:
    """The sources with their headers and shown names, in their order.

    keyed: of a file without a header only ordinary words are shown. A shown name lacks the words of
    its own header and the names and numbers of all patients of the export, as an unreadable file
    may lie in another's folder. Names shown alike are numbered, in order, so that all are
    different.
    """
    tokens = _tokens(source.name for source in sources)
    everybody: set[str] = set()  # in lower case, and only what some file name holds
    wanted = [i for i, source in enumerate(sources) if source.kind in ("dicom", "series")]
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
        ordinary = COMMON - _tokens(identity.names)  # a patient may be called Ward
        everybody.update(
            part
            for part in _tokens(identity.words) & tokens
            if len(part) >= SHORTEST and part not in ordinary
        )
        bare = replace(identity, words=(), names=())  # memory must not grow with the words
        result[wanted[k]] = replace(answer, header=replace(answer.header, identity=bare))
    shown = []
    for source in result:
        others = _tokens([source.name]) & everybody
        unread = keyed and not source.header.identity.who
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


def _tokens(texts: Iterable[str]) -> set[str]:
    return {token.lower() for text in texts for token in TOKEN.findall(text)}
