"""Subjects into sections: by seed where only groups are known, verified where they are given."""

from collections.abc import Iterable

import numpy as np

from data_prep.datalist import UNLABELLED, LeakError
from data_prep.source import Source

SECTION_NAMES = {
    "training_mixed": "training_mixed train_mixed trainmixed mixed",
    "training_healthy": "training_healthy train_healthy trainhealthy healthy",
    "validation": "validation val valid dev",
    "test": "test testing inference",
}
HEALTHY = "training_healthy"
GROUPS = ("healthy", "mixed", "diseased")
LABELS = {
    **dict.fromkeys(("0", "0.0", "healthy", "negative", "false"), 0),
    **dict.fromkeys(("1", "1.0", "diseased", "disease", "positive", "true"), 1),
}
_ALIASES = {alias: name for name, aliases in SECTION_NAMES.items() for alias in aliases.split()}


def section_of(text: str) -> str | None:
    """A section by its name or an alias (val, train-mixed, ...), or None."""
    return _ALIASES.get(text.strip().lower().replace("-", "_").replace(" ", "_"))


def is_section_word(text: str) -> bool:
    """Whether a folder of this name is a section, a group or a label."""
    return section_of(text) is not None or text.strip().lower() in (*GROUPS, *LABELS)


def by_group(
    sources: list[Source], *, seed: int, validation: float = 0.1, test: float = 0.2
) -> list[Source]:
    """Give every source without a section one from its group, whole subjects at a time.

    Healthy and diseased subjects fill validation and test by the given shares; the other diseased
    ones go to training_mixed, the other healthy ones to training_healthy. Subjects of group mixed
    go to training_mixed; where there is no such group, half of the remaining healthy subjects
    join the diseased ones there, for a mixed set holds both.
    A subject in two groups counts as the sicker: diseased, then mixed, then healthy.
    """
    fixed = [source for source in sources if source.truth.section is not None]
    sources = [source for source in sources if source.truth.section is None]
    rank = {name: k for k, name in enumerate(GROUPS)}
    worst: dict[str, str] = {}
    for source in sources:
        group, subject = source.truth.group or "mixed", source.who.subject
        worst[subject] = max(worst.get(subject, group), group, key=rank.__getitem__)
    have_mixed = "mixed" in worst.values()
    sections: dict[str, str] = {}
    for group in GROUPS:
        subjects = sorted(subject for subject, name in worst.items() if name == group)
        rng = np.random.default_rng([seed, rank[group]])
        order = [subjects[k] for k in rng.permutation(len(subjects))]
        if group == "mixed":
            sections |= dict.fromkeys(order, "training_mixed")
            continue
        first, second = _share(len(order), validation), _share(len(order), test)
        rest = order[first + second :]
        sections |= dict.fromkeys(order[:first], "validation")
        sections |= dict.fromkeys(order[first : first + second], "test")
        stay = len(rest) if have_mixed else len(rest) - len(rest) // 2
        home = "training_healthy" if group == "healthy" else "training_mixed"
        sections |= dict.fromkeys(rest[:stay], home)
        sections |= dict.fromkeys(rest[stay:], "training_mixed")
    labels = {"healthy": 0, "diseased": 1}
    result = fixed
    for source in sources:
        truth = source.truth
        label = truth.label if truth.label is not None else labels.get(truth.group or "")
        result.append(source.with_truth(section=sections[source.who.subject], label=label))
    return result


def without_training_truth(sources: Iterable[Source]) -> list[Source]:
    """Training sources lose label, mask and boxes: what is not there cannot leak into training.

    The mask of one that is known to be healthy, by section, group or label, stays as one that must
    be empty: also where the image went to the mixed set.
    """
    result = []
    for source in sources:
        truth = source.truth
        if truth.section in UNLABELLED:
            healthy = truth.section == HEALTHY or truth.group == "healthy" or truth.label == 0
            empty = truth.mask if healthy else None
            source = source.with_truth(label=None, mask=None, boxes=(), must_be_empty=empty)
        result.append(source)
    return result


def verify(sources: Iterable[Source], *, named: bool = True) -> None:
    """Raise LeakError naming every subject that is in two sections; named False: by lines only."""
    homes: dict[str, dict[str, int]] = {}
    for source in sources:
        section = source.truth.section or "no section"
        homes.setdefault(source.who.subject, {}).setdefault(section, source.line)
    torn = {subject: places for subject, places in sorted(homes.items()) if len(places) > 1}
    if not torn:
        return
    lines = []
    for subject, places in list(torn.items())[:30]:
        where = [f"{s} (line {line})" if line else s for s, line in sorted(places.items())]
        lines.append(f"  {subject if named else 'one subject'}: {', '.join(where)}")
    more = [f"  and {len(torn) - 30} more"] if len(torn) > 30 else []
    raise LeakError(
        f"{len(torn)} subjects are in more than one section; keep every subject in one:\n"
        + "\n".join(lines + more)
    )


def _share(count: int, fraction: float) -> int:
    """Return a count: 0 if none is wanted, else at least 1 of three or more."""
    return max(1, round(count * fraction)) if count >= 3 and fraction > 0 else 0
