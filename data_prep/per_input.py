"""Every input through its per-input function; nothing that one does stops the rest."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from data_prep.errors import DISK_TROUBLE, LeftOut, PrepError
from data_prep.files import WriteError
from data_prep.film.picture import is_icon
from data_prep.film.recipe import FilmRecipe
from data_prep.outcome import Outcome
from data_prep.read import archive
from data_prep.settings import Settings
from data_prep.sidecar import fingerprint, kept_from_before, keyed_digest, write_sidecar
from data_prep.source import Beside, Lost, Source
from data_prep.work.guard import Crashed, Limits, TimedOut
from data_prep.work.pools import Pool
from data_prep.work.progress import progress
from data_prep.write_frames import write_film, write_head

log = logging.getLogger(__name__)

APART = "If it is a film, name it in a table (--table), or give a folder without DICOM files."

ENDED = {Lost.CRASHED: Crashed, Lost.TIMED_OUT: TimedOut, Lost.TOO_LARGE: MemoryError}


def process_all(sources: Sequence[Source], settings: Settings, pool: Pool) -> list[Outcome]:
    """Outcomes in the order of the sources, for any number of jobs; OSError if OUTPUT is full."""
    results: dict[int, Outcome] = {}
    calls = ((source, settings) for source in sources)
    stream = pool.stream(process_one, calls)
    for index, answer in progress(stream, len(sources), "prep", "input"):
        if isinstance(answer, OSError):
            raise answer
        if isinstance(answer, Exception):
            answer = Outcome.skipped(sources[index].shown, _ended(answer, settings.limits()))
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
        failure = _ended(MemoryError(), settings.limits())
    except WriteError:  # OUTPUT, so no other input would fare better
        raise
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
        if source.kind == "nifti":
            raise PrepError("a NIfTI volume, not a film", remedy="Use: prep brains.")
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
        raise _ended(ENDED[lost](), limits)
    if lost is Lost.SEVERAL_PATIENTS:
        raise PrepError(
            "one series, but several patients", remedy="Export each patient's series again."
        )
    if source.kind == "link":
        raise LeftOut(
            "a link to a folder; links are not followed",
            remedy="Give that folder as INPUT, or copy it.",
        )
    _require_film_beside(source)
    if source.kind == "special":
        raise PrepError("no regular file: a pipe, a socket or a device", remedy="Leave it out.")
    if source.kind == "archive" and source.member is not None:
        raise PrepError("an archive inside an archive", remedy="Unpack the outer one.")
    if source.kind == "archive":
        if archive.members(source.path):  # raises what is wrong with it
            raise PrepError(
                "an archive, where one film is expected",
                remedy="Name a file in it, as ARCHIVE.zip/IM0001.dcm.",
            )
        raise PrepError("an archive without a file in it", remedy="Leave it out.")


def _require_film_beside(source: Source) -> None:
    """Raise LeftOut for a picture that is a viewer's icon or the preview of a film."""
    if source.beside is None or (source.beside is Beside.DICOM and not is_icon(source.data())):
        return
    raise LeftOut(source.beside.value, remedy=APART)


def _ended(error: Exception, limits: Limits) -> PrepError:
    """What a guard's error means for the input."""
    if isinstance(error, TimedOut):
        return PrepError(
            "it took too long: the decoder hangs, or the file is huge",
            detail=f"over {limits.seconds:g} s",
            remedy="Export it again, or allow more with --timeout.",
        )
    if isinstance(error, Crashed):
        return PrepError("the decoder crashed on this input", remedy="Export it again.")
    if isinstance(error, MemoryError):
        return PrepError(
            "it needs more memory than one input may take",
            detail=f"over {limits.memory / (1 << 30):g} GiB",
            remedy="Export it again, or allow more with --memory.",
        )
    return PrepError("unexpected error", detail=type(error).__name__, remedy="Please report it.")
