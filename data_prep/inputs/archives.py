"""What is in zip archives: their directories and the first bytes of each member, in the guard."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data_prep.inputs.headers import LOST
from data_prep.read import archive
from data_prep.read.content import kinds_of_members
from data_prep.source import Source
from data_prep.work.pools import Pool
from data_prep.work.progress import progress

AT_ONCE = 500  # members that one call looks into


def opened(archives: Sequence[Source], pool: Pool) -> list[list[Source]]:
    """The members of each archive, with their kinds; of one that cannot be opened, itself."""
    found: list[list[Source]] = [[source] for source in archives]
    if not archives:
        return found
    calls = ((source.path,) for source in archives)
    stream = pool.stream(archive.members, calls)
    wanted: list[tuple[int, list[str]]] = []
    for index, names in progress(stream, len(archives), "archives", "archive"):
        if isinstance(names, Exception):
            found[index] = [_lost(archives[index], names)]
        elif names:
            found[index] = []
            parts = (names[k : k + AT_ONCE] for k in range(0, len(names), AT_ONCE))
            wanted += [(index, part) for part in parts]
    while wanted:
        calls_of = [(archives[index].path, names) for index, names in wanted]
        again = []
        stream = pool.stream(kinds_of_members, calls_of)
        for number, kinds in progress(stream, len(calls_of), "in archives", "part"):
            index, names = wanted[number]
            if isinstance(kinds, Exception) and len(names) > 1:  # one of them: which?
                again += [(index, [name]) for name in names]
                continue
            for k, name in enumerate(names):
                failed = isinstance(kinds, Exception)
                member = _member(archives[index], name, "other" if failed else kinds[k])
                found[index].append(_lost(member, kinds) if failed else member)
        wanted = again
    return found


def _member(source: Source, name: str, kind: str) -> Source:
    return Source(f"{source.name}/{name}", Path(source.path), kind, member=name)


def _lost(source: Source, error: Exception) -> Source:
    """The same source, with what the guard had to end; other errors come again when it is read."""
    lost = LOST.get(type(error))
    return source if lost is None else replace(source, header=replace(source.header, lost=lost))
