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
from data_prep.read.pointers import not_fetched, pointer
from data_prep.read.volume.dicom_damage import incomplete
from data_prep.settings import Settings
from data_prep.sidecar import fingerprint, kept_from_before, keyed_digest, write_sidecar
from data_prep.source import Beside, Lost, Source
from data_prep.work.guard import Crashed, TimedOut
from data_prep.work.kept import why_ended
from data_prep.work.pools import Pool
from data_prep.work.progress import progress
from data_prep.write_frames import write_film, write_head

log = logging.getLogger(__name__)

APART = "If it is a film, name it in a table (--table), or give a folder without DICOM files."

ENDED = {Lost.CRASHED: Crashed, Lost.TIMED_OUT: TimedOut, Lost.TOO_LARGE: MemoryError}
WITHIN = {  # what a table that names an archive should name
    "films": ("film", "Name a file in it, as ARCHIVE.zip/IM0001.dcm."),
    "brains": (
        "scan",
        "Name the folder of a series in it, as ARCHIVE.zip/FOLDER, or a NIfTI file.",
    ),
}


def process_all(sources: Sequence[Source], settings: Settings, pool: Pool) -> list[Outcome]:
    """Outcomes in the order of the sources, for any number of jobs; OSError if OUTPUT is full."""
    results: dict[int, Outcome] = {}
    calls = ((source, settings) for source in sources)
    stream = pool.stream(process_one, calls)
    for index, answer in progress(stream, len(sources), "prep", "input"):
        if isinstance(answer, OSError):
            raise answer
        if isinstance(answer, Exception):
            answer = Outcome.skipped(
                sources[index].shown, why_ended(answer, settings.limits(), flags=True)
            )
        results[index] = _with_view(answer, sources[index])
    return [results[index] for index in range(len(sources))]


def _with_view(outcome: Outcome, source: Source) -> Outcome:
    """The table's view, where the file itself tells none."""
    known = outcome.details
    return replace(outcome, details={"view": source.view, **known}) if source.view else outcome


def process_one(source: Source, settings: Settings) -> Outcome:
    """One input: kept if it is up to date, else prepared; every failure becomes a skip."""
    output, salt = settings.output, settings.cohort.salt
    try:
        _require_image(source, settings)
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
        return write_film(source, settings.recipe, output, settings.keep_seen)
    with source.on_disc() as readable:
        return write_head(readable, settings.recipe, output, settings.keep_seen)


def _require_image(source: Source, settings: Settings) -> None:
    if source.kind == "missing":
        raise PrepError(
            "named in the table or the DICOMDIR, but not found",
            remedy="Correct the table, or copy the whole disc again.",
        )
    lost = source.header.lost
    if lost in ENDED:
        raise why_ended(ENDED[lost](), settings.limits(), flags=True)
    if lost is Lost.SEVERAL_PATIENTS:
        raise PrepError(
            "one series, but several patients", remedy="Export each patient's series again."
        )
    if source.damaged:
        raise incomplete(source.damaged)
    if source.kind == "link":
        raise LeftOut(
            "a link to a folder; links are not followed",
            remedy="Give that folder as INPUT, or copy it.",
        )
    _require_film_beside(source)
    if source.kind == "pointer":
        inside = source.member is not None
        absent = pointer(source.data()) if inside else not_fetched(source.path)
        if absent is not None:
            raise PrepError(absent[0], remedy=absent[1])
    if source.kind == "special":
        raise PrepError("no regular file: a pipe, a socket or a device", remedy="Leave it out.")
    if source.kind == "archive" and source.member is not None:
        raise PrepError("an archive inside an archive", remedy="Unpack the outer one.")
    if source.kind == "archive":
        if archive.members(source.path):  # raises what is wrong with it
            wanted, remedy = WITHIN[settings.kind]
            raise PrepError(f"an archive, where one {wanted} is expected", remedy=remedy)
        raise PrepError("an archive without a file in it", remedy="Leave it out.")


def _require_film_beside(source: Source) -> None:
    """Raise LeftOut for a picture that is a viewer's icon or the preview of a film."""
    if source.beside is None or (source.beside is Beside.DICOM and not is_icon(source.data())):
        return
    raise LeftOut(source.beside.value, remedy=APART)
