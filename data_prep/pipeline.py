"""find -> read -> grey levels and framing -> write, for every input; then the lists and the report.

What comes out depends on the inputs and the settings, never on the number of jobs or on the order
in which they finish. dataset.json is written last: where it exists, the folder is whole.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data_prep import __version__, datalist, outcome
from data_prep.datalist import Dataset, Item, folder, summary, tables
from data_prep.datalist.participants import write_participants
from data_prep.errors import FAILED, UsageError
from data_prep.inputs.copies import leave_copies
from data_prep.inputs.plan import find_inputs, plan
from data_prep.outcome import Outcome
from data_prep.per_input import PREPARERS, process_all
from data_prep.privacy.pseudonyms import load_key
from data_prep.settings import Settings
from data_prep.source import Source
from data_prep.work.pools import Guarded, Inline, Pool

log = logging.getLogger(__name__)


@dataclass
class Result:
    """What a run did. dataset is None in a dry run and where nothing could be used."""

    outcomes: list[Outcome]
    dataset: Dataset | None
    summary: str
    exit_code: int


def run(settings: Settings) -> Result:
    """Prepare a folder of films or brains; see Settings.

    Raises DataError, LeakError or FileNotFoundError before anything is written; a single bad file
    never stops a run, it is listed. Raises OSError where OUTPUT is full: free space and run again.
    """
    start = time.monotonic()
    _refuse_existing(settings)
    with ExitStack() as stack:
        if not settings.dry_run:
            stack.enter_context(folder.alone_in(settings.output))
            folder.remove_temporary(settings.output, settings.work_folder())
            stack.callback(folder.remove_temporary, settings.output, settings.work_folder())
        pool = stack.enter_context(pool_for(settings))
        found = find_inputs(settings, pool)
        if found.others:
            log.info(
                "%d other files left alone (neither images nor named like images)", found.others
            )
        if settings.keyed and not settings.salt:
            settings = replace(settings, salt=_key(settings))
        sources = plan(found, settings, pool)
        if not settings.dry_run:
            replaced = settings.existing == "overwrite"
            folder.claim(settings.output, _origin(settings), replace=replaced)
            settings.work_folder().mkdir(exist_ok=True)
            (settings.output / datalist.FILE_NAME).unlink(missing_ok=True)
        prepared = process_all(sources, settings, pool)
        outcomes = leave_copies(sources, prepared)
        if not settings.dry_run:
            for before, after in zip(prepared, outcomes, strict=True):
                if before.taken and not after.taken:
                    folder.remove_images(settings.output, before)
        return _finish(sources, outcomes, settings, start)


def _finish(
    sources: Sequence[Source], outcomes: list[Outcome], settings: Settings, start: float
) -> Result:
    """Lists, report and, last, dataset.json; none of it in a dry run."""
    text = summary.summary(
        outcomes,
        kind=settings.kind,
        output=settings.output,
        seconds=time.monotonic() - start,
        dry_run=settings.dry_run,
    )
    code = summary.exit_code(outcomes, settings.strict)
    if settings.dry_run:
        return Result(outcomes, None, text, code)
    output = settings.output
    dataset = dataset_of(sources, outcomes, settings)
    summary.write_skipped(outcomes, output / "skipped.csv")
    tables.write_inputs(sources, outcomes, output / "inputs.csv")
    if settings.keyed:
        tables.write_links(sources, outcomes, settings.links_path())
    refusal = _too_many_missing(outcomes, settings)
    _write_report(dataset, outcomes, settings)
    if refusal or code == FAILED:
        return Result(outcomes, None, "\n".join(filter(None, [text, refusal])), FAILED)
    stale = folder.remove_stale(output, sources, outcomes)
    if stale:
        log.info("%d files of inputs that are gone, or left out now, were removed", stale)
    write_participants(dataset, output / "participants.tsv", sources, outcomes)
    tables.write_sessions(sources, outcomes, output / "sessions.tsv")
    datalist.write(dataset, output)
    return Result(outcomes, dataset, text, code)


def pool_for(settings: Settings) -> Pool:
    """Where the per-input functions run."""
    if settings.scheduler is not None:
        from data_prep.work.cluster import Cluster

        seen = [settings.input, settings.output.resolve().parent]
        return Cluster(settings.scheduler, max(1, settings.jobs), settings.limits(), seen)
    if settings.jobs == 0:
        return Inline()
    work = None if settings.dry_run else settings.work_folder()
    return Guarded(settings.jobs, settings.limits(), work)


def _origin(settings: Settings) -> str:
    """Which INPUT this is, for whom knows the key; its path may name somebody."""
    path = str(settings.input.resolve()).encode("utf-8", "surrogateescape")
    return hmac.new(settings.salt, path, hashlib.sha256).hexdigest()


def _key(settings: Settings) -> bytes:
    """The key of the pseudonyms; a dry run leaves none behind."""
    path = settings.key_path()
    if settings.dry_run and not path.exists():
        return b"dry run: no key is made"
    return load_key(path)


def _refuse_existing(settings: Settings) -> None:
    output = settings.output.resolve()
    if output == settings.input.resolve():
        raise UsageError(f"{settings.output}: OUTPUT is INPUT; choose another folder.")
    if output.exists() and not output.is_dir():
        raise UsageError(f"{settings.output}: OUTPUT is a file; choose a folder.")
    if settings.key_file is not None and settings.key_file.resolve().is_relative_to(output):
        raise UsageError(
            f"{settings.key_file}: the key must not lie in OUTPUT, which is what is sent on."
        )
    if settings.existing == "fail" and settings.output.exists() and any(output.iterdir()):
        raise UsageError(
            f"{settings.output}: not empty. Choose another folder, or pass --existing skip (keep "
            "what is up to date) or --existing overwrite."
        )


def _too_many_missing(outcomes: Sequence[Outcome], settings: Settings) -> str:
    missing = summary.missing(outcomes, settings.strict)
    share = missing / len(outcomes)
    if settings.max_skipped is None or share <= settings.max_skipped:
        return ""
    what = "skipped or left out" if settings.strict else "skipped"
    return (
        f"{missing} of {len(outcomes)} inputs were {what} ({share:.1%}), more than the "
        f"{settings.max_skipped:.1%} allowed: no {datalist.FILE_NAME} was written."
    )


def dataset_of(
    sources: Sequence[Source], outcomes: Sequence[Outcome], settings: Settings
) -> Dataset:
    """What dataset.json will say; nothing is written, and content_hash is empty."""
    sections: dict[str, list[Item]] = {name: [] for name in datalist.SECTIONS}
    for source, result in zip(sources, outcomes, strict=True):
        for image in result.images:
            item = Item(
                image=image.image,
                subject=image.subject,
                session=image.session,
                slice=image.slice,
                label=source.label,
                mask=image.mask,
                boxes=image.boxes or None,
            )
            sections[source.section or "test"].append(item)
    for items in sections.values():
        items.sort(key=lambda item: item.image)
    facts = _record(settings)
    counts = {s: sum(o.status == s for o in outcomes) for s in outcome.STATUSES}
    return Dataset(
        name=settings.name or settings.output.resolve().name,
        description=settings.description,
        licence=settings.licence,
        modality=facts.get("modality", settings.kind),
        image_size=settings.size,
        bit_depth=settings.bits,
        intensity=facts.get("intensity", settings.intensity_policy().record()),
        framing=facts.get("framing", settings.framing_policy().record()),
        protocol=settings.protocol,
        generated_by={
            "name": "data_prep",
            "version": __version__,
            "recipe": settings.recipe(),
            "seed": settings.seed,
            "images": sum(len(o.images) for o in outcomes),
            "inputs": len(outcomes),
            "skipped": counts["skipped"],
            "left": counts["left"],
            **({"source": settings.source} if settings.source else {}),
        },
        sections=sections,
        root=settings.output,
    )


def _record(settings: Settings) -> dict[str, Any]:
    module = importlib.import_module(PREPARERS[settings.kind][0])
    describe = getattr(module, "record", None)
    return describe(settings) if describe else {}


def _write_report(dataset: Dataset, outcomes: Sequence[Outcome], settings: Settings) -> Path:
    from data_prep.datalist.report import write_report

    return write_report(dataset, outcomes, settings.output / "prep_report.html")
