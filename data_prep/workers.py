"""Every input through its per-input function, in this process or in a pool; nothing stops the rest.

A sidecar images/<subject>/<session>.json remembers recipe, images and facts, so that a second run
keeps what is up to date: same file, same settings, images still there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from data_prep import deidentify
from data_prep.dicom_file import quiet_pydicom
from data_prep.find import Source
from data_prep.outcome import Outcome, PrepError, WrittenImage
from data_prep.settings import Settings

log = logging.getLogger(__name__)

DISK_TROUBLE = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))
LINE_EVERY = 60.0  # seconds between lines of progress where there is no terminal


def process_all(sources: Sequence[Source], settings: Settings) -> list[Outcome]:
    """Outcomes in the order of the sources, whatever the number of jobs."""
    results: dict[int, Outcome] = {}
    work = enumerate(sources)
    jobs = min(settings.jobs, len(sources))
    stream = _alone(work, settings) if jobs <= 1 else _pool(list(work), settings, jobs)
    for index, result in _progress(stream, len(sources)):
        results[index] = result
    return [results[index] for index in range(len(sources))]


def process_one(source: Source, settings: Settings) -> Outcome:
    """One input: kept if it is up to date, else prepared; every failure becomes a skip."""
    from data_prep.pipeline import preparer

    try:
        if source.kind == "missing":
            raise PrepError("named in the table but not found", remedy="Correct the table.")
        recipe = _recipe(source, settings)
        sidecar = settings.output / "images" / source.subject / f"{source.session}.json"
        kept = _kept(source, sidecar, recipe, settings)
        if kept is not None:
            return kept
        result = preparer(settings.kind)(source, settings)
        if result.status == "written" and not settings.dry_run:
            _write_sidecar(sidecar, recipe, result)
        return result if result.status != "skipped" else _hidden(result, source)
    except PrepError as error:
        failure = error
    except MemoryError:
        failure = PrepError("not enough memory for this input", remedy="Use fewer --jobs.")
    except OSError as error:
        if error.errno in DISK_TROUBLE:
            raise  # OUTPUT is full or read-only: no other input would fare better
        failure = PrepError("the file cannot be opened or read", remedy="Check the permissions.")
    except Exception as error:
        # The text of a foreign exception may quote a header, so only its kind is told.
        kind = type(error).__name__
        failure = PrepError("unexpected error", detail=kind, remedy="Please report it.")
    return _hidden(Outcome.skipped(source.name, failure), source)


def _alone(work: Iterable[tuple[int, Source]], settings: Settings) -> Iterator[tuple[int, Outcome]]:
    for index, source in work:
        yield index, process_one(source, settings)


def _pool(
    work: list[tuple[int, Source]], settings: Settings, jobs: int
) -> Iterator[tuple[int, Outcome]]:
    """A crashing decoder takes its pool with it: what is left then runs one by one."""
    left = dict(work)
    context = multiprocessing.get_context("spawn")  # the same everywhere, and safe beside threads
    try:
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            futures: dict[Future[Outcome], int] = {
                pool.submit(process_one, source, settings): index for index, source in work
            }
            for future in as_completed(futures):
                result = future.result()
                del left[futures[future]]
                yield futures[future], result
    except BrokenProcessPool:
        log.warning("a worker crashed; the %d inputs left go one by one", len(left))
    for index, source in left.items():
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            try:
                yield index, pool.submit(process_one, source, settings).result()
            except BrokenProcessPool:
                error = PrepError("the decoder crashed on this input", remedy="Export it again.")
                yield index, _hidden(Outcome.skipped(source.name, error), source)


def _progress(stream: Iterable[tuple[int, Outcome]], total: int) -> Iterator[tuple[int, Outcome]]:
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
    """SHA-256 over the settings that decide the pixels, the bytes of the input and its mask, and
    its boxes."""
    total = hashlib.sha256(json.dumps(settings.recipe(), sort_keys=True).encode())
    if source.boxes:
        total.update(json.dumps([box.to_json() for box in source.boxes]).encode())
    paths = [source.path]
    if source.kind == "series":
        paths = sorted(path for path in source.path.iterdir() if path.is_file())
    for path in [*paths, *([source.mask] if source.mask else [])]:
        total.update(b"\0")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def _kept(source: Source, sidecar: Path, recipe: str, settings: Settings) -> Outcome | None:
    if settings.existing != "skip" or not sidecar.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(sidecar.read_text(encoding="utf-8"))
        images = tuple(WrittenImage(**image) for image in content["images"])
        facts = content["facts"]
    except (ValueError, KeyError, TypeError):
        return None
    paths = [name for image in images for name in (image.image, image.mask) if name]
    whole = bool(paths) and all((settings.output / name).is_file() for name in paths)
    if content.get("recipe") != recipe or not whole:
        return None
    return Outcome("kept", source.name, images=images, details=facts)


def _write_sidecar(sidecar: Path, recipe: str, result: Outcome) -> None:
    content = {
        "recipe": recipe,
        "images": [asdict(image) for image in result.images],
        "facts": result.details,
    }
    temporary = sidecar.with_name(f"{sidecar.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")
    os.replace(temporary, sidecar)


def _hidden(result: Outcome, source: Source) -> Outcome:
    """The outcome with a source name fit for skipped.csv: no UID, no patient of this header."""
    known = _identifiers(source) if source.kind in ("dicom", "series") else []
    return replace(result, source=deidentify.safe_name(source.name, known))


def _identifiers(source: Source) -> list[str]:
    try:
        import pydicom

        path = source.path
        if source.kind == "series":
            path = min(path for path in source.path.iterdir() if path.is_file())
        with quiet_pydicom():
            header = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            return deidentify.identifiers(header)
    except Exception:  # a broken header: then it holds nothing that could be looked for
        return []
