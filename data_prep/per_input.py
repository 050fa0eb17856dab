"""Every input through its per-input function; nothing that one does stops the rest."""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from data_prep.errors import DISK_TROUBLE, LeftOut, PrepError
from data_prep.inputs.headers import SEVERAL
from data_prep.outcome import Outcome
from data_prep.settings import Settings
from data_prep.sidecar import fingerprint, kept_from_before, keyed_digest, write_sidecar
from data_prep.source import Source
from data_prep.work.guard import Crashed, TimedOut
from data_prep.work.pools import Pool

PREPARERS = {  # kind -> (module, function); imported in the worker that needs it
    "films": ("data_prep.film.prepare", "prepare_film"),
    "brains": ("data_prep.brain.prepare", "prepare_brain"),
}

log = logging.getLogger(__name__)

PER_INPUT = "data_prep.per_input:process_one"
LINE_EVERY = 60.0  # seconds between lines of progress where there is no terminal
GUARD_ERRORS: dict[str, type[Exception]] = {
    error.__name__: error for error in (Crashed, TimedOut, MemoryError)
}


def process_all(sources: Sequence[Source], settings: Settings, pool: Pool) -> list[Outcome]:
    """Outcomes in the order of the sources, whatever the number of jobs.

    Raises OSError where OUTPUT is full or cannot be written: no other input would fare better.
    """
    results: dict[int, Outcome] = {}
    calls = ((source, settings) for source in sources)
    stream = pool.stream(PER_INPUT, calls)
    for index, answer in _progress(stream, len(sources)):
        if isinstance(answer, OSError):
            raise answer
        if isinstance(answer, Exception):
            answer = Outcome.skipped(sources[index].shown, _ended(answer, settings))
        results[index] = answer
    return [results[index] for index in range(len(sources))]


def process_one(source: Source, settings: Settings) -> Outcome:
    """One input: kept if it is up to date, else prepared; every failure becomes a skip."""

    try:
        _require_image(source, settings)
        recipe = fingerprint(source, settings)
        sidecar = settings.output / "images" / source.subject / f"{source.session}.json"
        kept = kept_from_before(source, sidecar, recipe, settings)
        if kept is not None:
            return kept
        with source.on_disc() if settings.kind == "brains" else nullcontext(source) as readable:
            result = preparer(settings.kind)(readable, settings)
        if source.lost:
            raise PrepError("the header cannot be read to its end", remedy="Export it again.")
        result = replace(result, source=source.shown)
        result.details.update(keyed_digest(result.details, settings.salt))
        if result.status == "written" and not settings.dry_run:
            write_sidecar(sidecar, recipe, result, settings.output)
        return result
    except PrepError as error:
        failure = error
    except MemoryError:
        failure = _too_large(settings)
    except OSError as error:
        if error.errno in DISK_TROUBLE:
            raise
        failure = PrepError("the file cannot be opened or read", remedy="Check the permissions.")
    except Exception as error:
        # The text of a foreign exception may quote a header, so only its kind is told.
        kind = type(error).__name__
        failure = PrepError("unexpected error", detail=kind, remedy="Please report it.")
    return Outcome.skipped(source.shown, failure)


def _require_image(source: Source, settings: Settings) -> None:
    if source.kind == "missing":
        raise PrepError(
            "named in the table or the DICOMDIR, but not found",
            remedy="Correct the table, or copy the whole disc again.",
        )
    if source.lost in GUARD_ERRORS:
        raise _ended(GUARD_ERRORS[source.lost](), settings)
    if source.lost == SEVERAL:
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


def _ended(error: Exception, settings: Settings) -> PrepError:
    """What a guard's error means for the input."""
    if isinstance(error, TimedOut):
        return PrepError(
            "it took too long: the decoder hangs, or the file is huge",
            detail=f"over {settings.limits().seconds:g} s",
            remedy="Export it again, or allow more with --timeout.",
        )
    if isinstance(error, Crashed):
        return PrepError("the decoder crashed on this input", remedy="Export it again.")
    if isinstance(error, MemoryError):
        return _too_large(settings)
    return PrepError("unexpected error", detail=type(error).__name__, remedy="Please report it.")


def _too_large(settings: Settings) -> PrepError:
    return PrepError(
        "it needs more memory than one input may take",
        detail=f"over {settings.limits().memory / (1 << 30):g} GiB",
        remedy="Export it again, or allow more with --memory.",
    )


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


def preparer(kind: str) -> Callable[[Source, Settings], Outcome]:
    """The per-input function of a kind; it returns an Outcome or raises PrepError."""
    module, function = PREPARERS[kind]
    return getattr(importlib.import_module(module), function)
