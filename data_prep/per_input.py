"""Every input through its per-input function; nothing that one does stops the rest.

A sidecar images/<subject>/<session>.json remembers recipe, images and facts, so that a second run
keeps what is up to date: same file, same settings, images still there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.inputs.find import Source
from data_prep.inputs.headers import SEVERAL
from data_prep.outcome import DISK_TROUBLE, LeftOut, Outcome, PrepError, WrittenImage
from data_prep.settings import Settings
from data_prep.work.guard import Crashed, TimedOut
from data_prep.work.pools import Pool

log = logging.getLogger(__name__)

PER_INPUT = "data_prep.per_input:process_one"
LINE_EVERY = 60.0  # seconds between lines of progress where there is no terminal
GUARD_ERRORS: dict[str, type[Exception]] = {
    error.__name__: error for error in (Crashed, TimedOut, MemoryError)
}
DIGEST = "digest"  # a fact of films: equal for equal pixel data, whatever their encoding


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
    from data_prep.pipeline import preparer

    try:
        _require_image(source, settings)
        recipe = _recipe(source, settings)
        sidecar = settings.output / "images" / source.subject / f"{source.session}.json"
        kept = _kept(source, sidecar, recipe, settings)
        if kept is not None:
            return kept
        with source.on_disc() if settings.kind == "brains" else nullcontext(source) as readable:
            result = preparer(settings.kind)(readable, settings)
        if source.lost:
            raise PrepError("the header cannot be read to its end", remedy="Export it again.")
        result = replace(result, source=source.shown)
        result.details.update(_keyed_digest(result.details, settings.salt))
        if result.status == "written" and not settings.dry_run:
            _write_sidecar(sidecar, recipe, result, settings.output)
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


def _recipe(source: Source, settings: Settings) -> str:
    """HMAC-SHA256 over the settings that decide the pixels and the bytes of the input and its mask,
    and its boxes.

    Keyed like the pseudonyms, so that nobody without the key can tell whether a known file is in.
    """
    total = hmac.new(settings.salt, digestmod=hashlib.sha256)
    total.update(json.dumps([settings.recipe(), source.series], sort_keys=True).encode())
    if source.boxes:
        total.update(json.dumps([box.to_json() for box in source.boxes]).encode())
    parts: list[Source] = [source]
    if source.kind == "series" and source.member is None:
        parts = [replace(source, kind="dicom", path=path) for path in source.files()]
    elif source.kind == "series":
        parts = [replace(source, kind="dicom", member=name) for name in source.members()]
    for part in parts:
        total.update(b"\0")
        if part.member is not None or settings.kind == "films":
            total.update(part.data())
        else:
            _update(total, part.path)
    for path in [*([source.mask] if source.mask else []), *_further_inputs(source, settings)]:
        total.update(b"\0")
        _update(total, path)
    return total.hexdigest()


def _further_inputs(source: Source, settings: Settings) -> list[Path]:
    if settings.kind != "brains":
        return []
    from data_prep.brain.prepare import further_inputs

    return further_inputs(source, settings)


def _update(total: Any, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)


def _keyed_digest(facts: dict[str, Any], salt: bytes) -> dict[str, Any]:
    """The digest of the pixel data in a form that tells nothing without the key."""
    if DIGEST not in facts:
        return {}
    text = json.dumps(facts[DIGEST]).encode()
    return {DIGEST: hmac.new(salt, text, hashlib.sha256).hexdigest()[:32]}


def _kept(source: Source, sidecar: Path, recipe: str, settings: Settings) -> Outcome | None:
    if settings.existing != "skip" or not sidecar.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(sidecar.read_text(encoding="utf-8"))
        images = tuple(WrittenImage(**image) for image in content["images"])
        facts = content["facts"]
    except (ValueError, KeyError, TypeError):
        return None
    if content.get("recipe") != recipe or not images:
        return None
    if content.get("files") != _hashes(images, settings.output):
        return None  # gone, or changed, or never whole because the power went
    return Outcome("kept", source.shown, images=images, details=facts)


def _hashes(images: Iterable[WrittenImage], output: Path) -> dict[str, str]:
    """Path below OUTPUT -> SHA-256 of the picture there; what is not there is left out."""
    hashes = {}
    for name in (name for image in images for name in (image.image, image.mask) if name):
        try:
            hashes[name] = hashlib.sha256((output / name).read_bytes()).hexdigest()
        except OSError:
            continue
    return hashes


def _write_sidecar(sidecar: Path, recipe: str, result: Outcome, output: Path) -> None:
    content = {
        "recipe": recipe,
        "files": _hashes(result.images, output),
        "images": [asdict(image) for image in result.images],
        "facts": result.details,
    }
    temporary = sidecar.with_name(f"{sidecar.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")
    os.replace(temporary, sidecar)
