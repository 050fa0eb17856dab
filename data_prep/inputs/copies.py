"""The same pixel data exported twice: one copy is taken, the others are left and listed."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from data_prep.errors import LeftOut
from data_prep.outcome import DIGEST, Outcome
from data_prep.source import Source

log = logging.getLogger(__name__)

SHARED = "another file has the same SOP Instance UID, but other pixels"
# Which copy is taken where two are in different sections: a test set keeps its size.
FIRST = ("test", "validation", "training_healthy", "training_mixed")


def leave_copies(sources: Sequence[Source], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes; of those with equal pixel data, all but the first become 'left'.

    The order is FIRST, then the sources', so only the inputs decide. A copy under another subject
    would put one picture on both sides of a split: it gets its own reason and a warning. Where one
    picture is called healthy and diseased, none of its copies is taken.
    """
    order = sorted(
        range(len(sources)), key=lambda i: (FIRST.index(sources[i].truth.section or "test"), i)
    )
    first: dict[str, int] = {}
    contradicted = _contradicted(sources, outcomes)
    result = list(outcomes)
    strangers = 0
    for index in order:
        digest = outcomes[index].details.get(DIGEST)
        if digest is None or not outcomes[index].taken:
            continue
        if digest in contradicted:
            others = [sources[i].shown for i in contradicted[digest] if i != index]
            result[index] = Outcome.skipped(sources[index].shown, _contradiction(others))
            continue
        taken = first.setdefault(digest, index)
        if taken == index:
            continue
        same = sources[taken].who.subject == sources[index].who.subject
        strangers += not same
        result[index] = Outcome.skipped(
            sources[index].shown,
            LeftOut(
                "a copy: the same pixel data as another file"
                + ("" if same else " of another subject"),
                detail=f"as {sources[taken].shown}",
                remedy="" if same else "Are they one patient? Then give both one subject name.",
            ),
        )
    _note_shared_instances(sources, result)
    if strangers:
        log.warning(
            "%d inputs hold the same picture as a file of another subject; they are left out. Were "
            "patient numbers changed between two exports?",
            strangers,
        )
    return result


def _contradicted(sources: Sequence[Source], outcomes: Sequence[Outcome]) -> dict[str, list[int]]:
    """Return the inputs of each pixel data that is called healthy and diseased."""
    found: dict[str, list[int]] = {}
    for index, outcome in enumerate(outcomes):
        digest = outcome.details.get(DIGEST)
        if digest is not None and outcome.taken:
            found.setdefault(digest, []).append(index)
    return {
        digest: indices
        for digest, indices in found.items()
        if len({_called(sources[i]) for i in indices} - {None}) > 1
    }


def _called(source: Source) -> int | None:
    """Return 0 or 1 for what is known to be healthy or diseased."""
    truth = source.truth
    if truth.label is not None:
        return truth.label
    return 0 if truth.section == "training_healthy" else None


def _contradiction(others: Sequence[str]) -> LeftOut:
    return LeftOut(
        "the same pixel data as another file, and one is called healthy, the other diseased",
        detail=f"as {', '.join(others)}",
        remedy="Correct the label of one of them.",
    )


def _note_shared_instances(sources: Sequence[Source], outcomes: list[Outcome]) -> None:
    """Find one SOP Instance UID with other pixels: encoded or processed again."""
    taken = [i for i, o in enumerate(outcomes) if o.taken and sources[i].header.instance]
    count = Counter(sources[i].header.instance for i in taken)
    for i in taken:
        if count[sources[i].header.instance] > 1:
            notes = [*outcomes[i].details.get("notes", ()), SHARED]
            outcomes[i] = replace(outcomes[i], details={**outcomes[i].details, "notes": notes})
