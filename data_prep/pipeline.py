"""Find, read, frame and write every input, then the lists and the report; dataset.json is last.

The result depends on inputs and settings, never on jobs or their order of finishing.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from data_prep import datalist
from data_prep.brain import BrainRecipe
from data_prep.brain.extraction import require_masks_of_one
from data_prep.datalist import Dataset
from data_prep.errors import FAILED, UsageError
from data_prep.inputs import allowed
from data_prep.inputs.copies import leave_copies
from data_prep.inputs.gather import find_inputs
from data_prep.inputs.plan import plan
from data_prep.outcome import Outcome
from data_prep.output import folder, mix, review, summary, tables
from data_prep.output.participants import write_participants
from data_prep.per_input import process_all
from data_prep.prepared import Prepared, dataset_of
from data_prep.privacy.pseudonyms import load_key
from data_prep.settings import Settings
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
    """Prepare a folder of films or brains; see Settings. A bad file is listed and stops nothing.

    Raises DataError, LeakError, FileNotFoundError before any output; OSError: OUTPUT is full.
    """
    start = time.monotonic()
    _refuse_existing(settings)
    with ExitStack() as stack:
        if not settings.dry_run:
            stack.enter_context(folder.alone_in(settings.output))
            folder.remove_temporary(settings.output, settings.work_folder())
            stack.callback(folder.remove_temporary, settings.output, settings.work_folder())
        return finish(prepare(settings), settings, start)


def prepare(settings: Settings) -> Prepared:
    """Find, plan and prepare all inputs: `images/` and sidecars, no lists. Raises as `run`."""
    output = settings.output
    with pool_for(settings) as pool:
        private = (settings.key_path(), settings.links_path())
        beside = (output, *private, review.folder_of(output), allowed.path_for(output))
        found = find_inputs(settings.input, settings.kind, settings.cohort, beside, pool)
        if found.others:
            log.info(
                "%d other files left alone (neither images nor named like images)", found.others
            )
        if settings.cohort.keyed and not settings.cohort.salt:
            settings = replace(settings, cohort=replace(settings.cohort, salt=_key(settings)))
        sources = plan(found, settings.input, settings.cohort, pool)
        if isinstance(settings.recipe, BrainRecipe):
            subjects = {source.name: source.who.subject for source in sources}
            require_masks_of_one(settings.recipe.options.brain, subjects)
        if not settings.dry_run:
            if settings.sets_aside:
                review.claim(output)
            replaced = settings.existing == "overwrite"
            folder.claim(output, _origin(settings), replace=replaced)
            settings.work_folder().mkdir(exist_ok=True)
            (output / datalist.FILE_NAME).unlink(missing_ok=True)
        prepared = process_all(sources, settings, pool)
    outcomes = leave_copies(sources, prepared)
    if not settings.dry_run:
        for before, after in zip(prepared, outcomes, strict=True):
            if before.taken and not after.taken:
                folder.remove_images(output, before)
    return Prepared(sources, outcomes, dataset_of(sources, outcomes, settings))


def finish(prepared: Prepared, settings: Settings, start: float) -> Result:
    """Write lists, report and, last, dataset.json; none of it in a dry run. start: of the clock."""
    from data_prep.output.report import write_report

    sources, outcomes, dataset = prepared.sources, prepared.outcomes, prepared.dataset
    text = summary.summary(
        outcomes,
        kind=settings.kind,
        output=settings.output,
        seconds=time.monotonic() - start,
        notes=[*_notes(settings), *mix.sentences(sources, outcomes)],
        dry_run=settings.dry_run,
    )
    code = summary.exit_code(outcomes, settings.strict)
    if settings.dry_run:
        return Result(outcomes, None, text, code)
    output = settings.output
    prepared.write_skipped(output / "skipped.csv")
    tables.write_inputs(sources, outcomes, output / "inputs.csv")
    tables.write_links(sources, outcomes, settings.links_path())
    if settings.kind == "films":
        review.write(sources, outcomes, output)
    refusal = _too_many_missing(outcomes, settings)
    write_report(dataset, sources, outcomes, output / "prep_report.html")
    if refusal or code == FAILED:
        return Result(outcomes, None, "\n".join(filter(None, [text, refusal])), FAILED)
    stale = folder.remove_stale(output, sources, outcomes)
    if stale:
        log.info("%d files of inputs that are gone, or left out now, were removed", stale)
    write_participants(dataset, output / "participants.tsv", sources, outcomes)
    tables.write_sessions(sources, outcomes, output / "sessions.tsv")
    datalist.write(dataset, output)
    return Result(outcomes, dataset, text, code)


def _notes(settings: Settings) -> list[str]:
    """How the subjects are named, and where the files behind masked names are listed."""
    notes = [summary.NAMING[settings.cohort.pseudonyms]]
    if not settings.dry_run:
        links = settings.links_path().name
        notes.append(f"which file each name is: {links} beside OUTPUT (private: do not send it)")
    return notes


def pool_for(settings: Settings) -> Pool:
    """Where the per-input functions run."""
    work = settings.work
    if work.scheduler is not None:
        from data_prep.work.cluster import Cluster

        seen = [settings.input, settings.output.resolve().parent]
        return Cluster(work.scheduler, max(1, work.jobs), settings.limits(), seen)
    if work.jobs == 0:
        return Inline()
    temporary = None if settings.dry_run else settings.work_folder()
    return Guarded(work.jobs, settings.limits(), temporary)


def _origin(settings: Settings) -> str:
    """Identify INPUT to those who have the key; its path may name somebody."""
    path = str(settings.input.resolve()).encode("utf-8", "surrogateescape")
    return hmac.new(settings.cohort.salt, path, hashlib.sha256).hexdigest()


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
    key = settings.cohort.key_file
    if key is not None and key.resolve().is_relative_to(output):
        raise UsageError(f"{key}: the key must not lie in OUTPUT, which is what is sent on.")
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
