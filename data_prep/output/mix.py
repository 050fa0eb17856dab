"""How leaving out films with likely text changes the mix of cases: it follows severity.

A film with PORTABLE or AP on it was often taken at the bed of somebody who could not stand.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.datalist.items import LABEL_WORDS, SECTIONS
from data_prep.outcome import Outcome
from data_prep.output.review import SET_ASIDE
from data_prep.source import Source

NOT_TOLD = "unknown view"
WORTH_SAYING = 0.01  # of all films: a smaller change of a share is not a change of the mix


@dataclass(frozen=True)
class Share:
    """Of the films of one section and view that could be used, how many were set aside."""

    section: str
    view: str
    aside: int
    all: int

    @property
    def percent(self) -> str:
        return _percent(self.aside, self.all)


def shares(sources: Sequence[Source], outcomes: Sequence[Outcome]) -> list[Share]:
    """One row a section and view, in the order of the sections; those taken and those set aside."""
    aside: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for source, outcome in _films(sources, outcomes):
        key = (source.truth.section or "test", _view(outcome))
        total[key] += 1
        aside[key] += SET_ASIDE in outcome.details
    order = sorted(total, key=lambda key: (SECTIONS.index(key[0]), key[1]))
    return [Share(*key, aside[key], total[key]) for key in order]


def sentences(sources: Sequence[Source], outcomes: Sequence[Outcome]) -> list[str]:
    """What was set aside, by view, and which shares of the data set change by it; [] for nothing.

    >>> sentences([], [])
    []
    """
    films = _films(sources, outcomes)
    left = [(source, outcome) for source, outcome in films if SET_ASIDE not in outcome.details]
    if len(left) == len(films):
        return []
    views = Counter(_view(outcome) for _, outcome in films)
    of_left = Counter(_view(outcome) for _, outcome in left)
    by_view = ", ".join(
        f"{view} {n - of_left[view]} of {n} ({_percent(n - of_left[view], n)})"
        for view, n in views.most_common()
    )
    texts = [
        f"{len(films) - len(left):,} of {len(films):,} films are set aside for likely text: "
        f"{by_view}"
    ]
    labels = Counter(LABEL_WORDS[s.truth.label] for s, _ in films if s.truth.label is not None)
    labels_left = Counter(LABEL_WORDS[s.truth.label] for s, _ in left if s.truth.label is not None)
    changes = [*_changes(views, of_left), *_changes(labels, labels_left)]
    if changes:
        texts.append(f"this changes the mix of cases: {', '.join(changes)}")
    return texts


def _changes(before: Counter[str], after: Counter[str]) -> list[str]:
    """The shares that change, as "AP 42 % before, 31 % now"."""
    changed = []
    for name, count in before.most_common():
        was = count / before.total()
        now = after[name] / after.total() if after else 0.0
        if abs(now - was) >= WORTH_SAYING:
            changed.append(f"{name} {was:.0%} before, {now:.0%} now".replace("%", " %"))
    return changed


def _films(sources: Sequence[Source], outcomes: Sequence[Outcome]) -> list[tuple[Source, Outcome]]:
    pairs = zip(sources, outcomes, strict=True)
    return [(s, o) for s, o in pairs if o.taken or SET_ASIDE in o.details]


def _view(outcome: Outcome) -> str:
    return str(outcome.details.get("view", NOT_TOLD))


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}".replace("%", " %")
