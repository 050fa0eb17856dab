"""Subjects into sections, exactly and the same on any machine: no generator, a hash decides."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

Size = tuple[int, int]  # healthy, diseased images (or 1 for a subject, where subjects are counted)


def shuffled(names: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Sorted by SHA-256 of "seed/purpose/name": the same order in every Python and numpy."""
    return sorted(names, key=lambda n: hashlib.sha256(f"{seed}/{purpose}/{n}".encode()).digest())


def fill(order: Sequence[str], sizes: Mapping[str, Size], need: Size) -> tuple[list[str], Size]:
    """Whole subjects, in this order, that together have `need`; (who is taken, what still lacks).

    Those with diseased images first, for they bring healthy ones along; a subject too large for
    the rest is skipped. Where the last images do not fit, one subject is changed for another.
    """
    taken: dict[str, None] = {}
    healthy, diseased = need
    for with_diseased in (True, False):
        for name in order:
            h, d = sizes[name]
            fits = h <= healthy and d <= diseased and h + d > 0
            if fits and (d > 0) is with_diseased:
                taken[name] = None
                healthy, diseased = healthy - h, diseased - d
            if (diseased if with_diseased else healthy) == 0:
                break
    if (healthy, diseased) != (0, 0):
        _exchange(taken, order, sizes, (healthy, diseased))
        healthy = need[0] - sum(sizes[name][0] for name in taken)
        diseased = need[1] - sum(sizes[name][1] for name in taken)
    return list(taken), (healthy, diseased)


def _exchange(
    taken: dict[str, None], order: Sequence[str], sizes: Mapping[str, Size], lack: Size
) -> None:
    """Change one taken subject for an untaken one that is larger by exactly what lacks."""
    free: dict[Size, str] = {}
    for name in order:
        if name not in taken:
            free.setdefault(sizes[name], name)
    for name in list(taken):
        h, d = sizes[name]
        other = free.get((h + lack[0], d + lack[1]))
        if other is not None:
            del taken[name]
            taken[other] = None
            return


def shares(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`total` in proportion to the weights, by largest remainders, within them; else ValueError."""
    whole = sum(weights.values())
    if total > whole:
        raise ValueError(f"{total} of {whole}")
    if whole == 0:
        return dict.fromkeys(weights, 0)
    parts = {name: total * weight // whole for name, weight in weights.items()}
    rest = sorted(weights, key=lambda name: (-(total * weights[name] % whole), name))
    for name in rest[: total - sum(parts.values())]:
        parts[name] += 1
    return parts
