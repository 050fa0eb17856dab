"""Every input through its per-input function; nothing that one does stops the rest."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from data_prep.errors import DISK_TROUBLE, LeftOut, PrepError
from data_prep.film.recipe import FilmRecipe
from data_prep.outcome import Outcome
from data_prep.settings import Settings
from data_prep.sidecar import fingerprint, kept_from_before, keyed_digest, write_sidecar
from data_prep.source import Lost, Source
from data_prep.work.guard import Crashed, Limits, TimedOut
from data_prep.work.kept import why_ended
from data_prep.work.pools import Pool
from data_prep.write_frames import write_film, write_head

log = logging.getLogger(__name__)

LINE_EVERY = 60.0  # seconds between lines of progress where there is no terminal
ENDED = {Lost.CRASHED: Crashed, Lost.TIMED_OUT: TimedOut, Lost.TOO_LARGE: MemoryError}


def process_all(sources: Sequence[Source], settings: Settings, pool: Pool) -> list[Outcome]:
    """Outcomes in the order of the sources, for any number of jobs; OSError if OUTPUT is full."""
    results: dict[int, Outcome] = {}
    calls = ((source, settings) for source in sources)
    stream = pool.stream(process_one, calls)
    for index, answer in _progress(stream, len(sources)):
        if isinstance(answer, OSError):
            raise answer
        if isinstance(answer, Exception):
            answer = Outcome.skipped(
                sources[index].shown, why_ended(answer, settings.limits(), flags=True)
            )
        results[index] = answer
    return [results[index] for index in range(len(sources))]


def process_one(source: Source, settings: Settings) -> Outcome:
    """One input: kept if it is up to date, else prepared; every failure becomes a skip."""
    output, salt = settings.output, settings.cohort.salt
    try:
        _require_image(source, settings.limits())
        mark = fingerprint(source, settings.recipe, salt)
        sidecar = output / "images" / source.who.subject / f"{source.who.session}.json"
        if settings.existing == "skip":
            kept = kept_from_before(source, sidecar, mark, output)
            if kept is not None:
                return kept
        result = _written(source, settings)
        if source.header.lost is not None:
            raise PrepError("the header cannot be read to its end", remedy="Export it again.")
        details = {**result.details, **keyed_digest(result.details, salt)}
        result = replace(result, details=details)
        if not settings.dry_run:
            write_sidecar(sidecar, mark, result, output)
        return result
    except PrepError as error:
        failure = error
    except MemoryError:
        failure = why_ended(MemoryError(), settings.limits(), flags=True)
    except OSError as error:
        if error.errno in DISK_TROUBLE:
            raise
        failure = PrepError("the file cannot be opened or read", remedy="Check the permissions.")
    except Exception as error:
        # The text of a foreign exception may quote a header, so only its kind is shown.
        kind = type(error).__name__
        failure = PrepError("unexpected error", detail=kind, remedy="Please report it.")
    return Outcome.skipped(source.shown, failure)


def _written(source: Source, settings: Settings) -> Outcome:
    output = None if settings.dry_run else settings.output
    if isinstance(settings.recipe, FilmRecipe):
        return write_film(source, settings.recipe, output)
    with source.on_disc() as readable:
        return write_head(readable, settings.recipe, output)


def _require_image(source: Source, limits: Limits) -> None:
    if source.kind == "missing":
        raise PrepError(
            "named in the table or the DICOMDIR, but not found",
            remedy="Correct the table, or copy the whole disc again.",
        )
    lost = source.header.lost
    if lost in ENDED:
        raise why_ended(ENDED[lost](), limits, flags=True)
    if lost is Lost.SEVERAL_PATIENTS:
        raise PrepError(
            "one series, but several patients", remedy="Export each patient's series again."
        )
    if source.kind == "link":
        raise LeftOut(
            "a link to a folder; links are not followed",
            remedy="Give that folder as INPUT, or copy it.",
        )
    if source.kind == "special":
        raise PrepError("no regular file: a pipe, a socket or a device", remedy="Leave it out.")
    if source.kind == "archive":
        source.data()  # raises what is wrong with it
        raise PrepError("an archive without a file in it", remedy="Leave it out.")
    if source.member is not None and PurePosixPath(source.member).suffix.lower() == ".zip":
        raise PrepError("an archive inside an archive", remedy="Unpack the outer one.")


def _progress(stream: Iterable[tuple[int, Any]], total: int) -> Iterator[tuple[int, Any]]:
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(stream, total=total, desc="prep", unit="input")
        return
    start = last = time.monotonic()
    for done, pair in enumerate(stream, start=1):
        yield pair
        now = time.monotonic()
        if now - last >= LINE_EVERY:
            rate = done / (now - start)
            log.info("prep %d/%d  %.1f it/s  eta %.0f s", done, total, rate, (total - done) / rate)
            last = now
