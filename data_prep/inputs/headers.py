"""Every header once, in guarded processes, before any pixel: who it shows, when, what to hide."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data_prep.privacy.identity import Identity, identity
from data_prep.privacy.scrubbing import safe_name
from data_prep.privacy.words import COMMON
from data_prep.read.header import text_of
from data_prep.source import Source
from data_prep.work.pools import Pool

TOKEN = re.compile(r"[^\W_]+")
PER_HEADER = "data_prep.inputs.headers:scan_source"
SEVERAL = "several patients"
SHORTEST = 3  # letters of a word that can be a name; two would blank the views and "IM"


@dataclass(frozen=True)
class Header:
    """What a header says; shown: the name of the file without any word of it; patients: how many a
    series names."""

    identity: Identity
    shown: str
    series_uid: str
    instance: str
    patients: int = 1


def scan_source(source: Source) -> Header | None:
    """The header of an input, None where there is none.

    It reads a film, or the first file of a series. Runs in a child: a broken header may raise
    anything, hang, or inflate without end.
    """
    import pydicom

    from data_prep.read.dicom_file import quiet_pydicom

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
        who = identity(header)
        return Header(
            who,
            safe_name(source.name, who.words, unread=not who.complete),
            text_of(header, "SeriesInstanceUID"),
            text_of(header, "SOPInstanceUID"),
            1 if source.kind != "series" or source.member is not None else _patients(files),
        )


def _files(source: Source) -> Sequence[Path]:
    """Of one of several series in a folder its own files, not the first one's."""
    if source.series is None:
        return source.files()
    from data_prep.read.dicom_groups import series_of

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
    return len(found - {""}) or 1


def scan(
    sources: Sequence[Source], pool: Pool, keyed: bool = True
) -> tuple[list[Identity | None], list[Source]]:
    """(identities, sources with their shown names), in the order of the sources.

    keyed: names are secret, so of a file without a header only ordinary words are shown.
    A file is shown by its own name, without what its own header holds and without the names and
    numbers of any other patient of this export: a file whose header cannot be read may still lie
    in the folder of one whose header can. Of files that would be shown alike all but the first are
    numbered in the order of the sources, so the shown names of a run are all different.
    """
    tokens = _tokens(source.name for source in sources)
    known: list[Identity | None] = [None] * len(sources)
    names = [source.name for source in sources]
    everybody: set[str] = set()  # in lower case, and only what some file name holds
    wanted = [i for i, source in enumerate(sources) if source.kind in ("dicom", "series")]
    calls = ((sources[i],) for i in wanted)
    result = list(sources)
    for k, answer in pool.stream(PER_HEADER, calls):
        if isinstance(answer, Exception):
            # Whom it shows is not known now, so it must not be taken, whatever the reader says later.
            result[wanted[k]] = replace(sources[wanted[k]], lost=type(answer).__name__)
        if answer is None or isinstance(answer, Exception):
            continue  # the reader will give the reason
        who, names[wanted[k]] = answer.identity, answer.shown
        result[wanted[k]] = replace(
            sources[wanted[k]],
            series_uid=answer.series_uid,
            instance=answer.instance,
            lost=SEVERAL if answer.patients > 1 else "",
        )
        ordinary = COMMON - _tokens(who.names)  # a patient may be called Ward
        everybody.update(
            part
            for part in _tokens(who.words) & tokens
            if len(part) >= SHORTEST and part not in ordinary
        )
        # memory must not grow with the words
        known[wanted[k]] = replace(who, words=(), names=())
    shown = []
    for source, name, who in zip(result, names, known, strict=True):
        others = _tokens([source.name]) & everybody
        unread = keyed and (who is None or not who.who)
        shown.append(safe_name(name, others, unread=unread))
    numbered = zip(result, _numbered(shown), strict=True)
    return known, [replace(source, shown=name) for source, name in numbered]


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
