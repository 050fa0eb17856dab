"""COVIDx into sections: the authors' rule, and one by subject in which the source tells nothing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.datalist import LABEL_WORDS, DataError
from data_prep.sources.counts import Counts, require
from data_prep.sources.draw import Size, fill, shares, shuffled

HELD_OUT, MIXED_END = 100, 3763  # the authors' slices of the sorted lists, see authors()

Chosen = list[tuple["Film", str]]  # film, section


@dataclass(frozen=True)
class Film:
    """One line of a list. kind: its class in the list's own word; tested: from the test list."""

    name: str
    patient: str
    label: int
    source: str
    kind: str
    tested: bool

    @property
    def subject(self) -> str:
        """Two sources number their patients from 1, so the source is part of the name."""
        return f"{self.source}-{self.patient}".replace(" ", "-")


def authors(films: Sequence[Film]) -> Chosen:
    """The authors' published lists, from the rule they follow:

    with the training list's negatives and positives each sorted by file name (plain string order),
    mixed = negatives[100:3763] + positives[100:], healthy = negatives[3763:], test = the test list.
    The first 100 of each are in none of their lists; they are the validation images of the paper.
    """
    names = [
        sorted((f for f in films if not f.tested and f.label == label), key=lambda f: f.name)
        for label in (0, 1)
    ]
    negatives, positives = names
    require({"training": (MIXED_END + 1, HELD_OUT + 1)}, len(negatives), len(positives),
            "--split authors", "films in the training list", fixed=True)  # fmt: skip
    chosen = [(f, "training_mixed") for f in negatives[HELD_OUT:MIXED_END] + positives[HELD_OUT:]]
    chosen += [(f, "training_healthy") for f in negatives[MIXED_END:]]
    chosen += [(f, "validation") for f in negatives[:HELD_OUT] + positives[:HELD_OUT]]
    return chosen + [(f, "test") for f in films if f.tested]


def shared_patients(chosen: Chosen) -> int:
    """Patients of one source with films in more than one section."""
    homes: dict[str, set[str]] = defaultdict(set)
    for film, section in chosen:
        homes[film.subject].add(section)
    return sum(len(sections) > 1 for sections in homes.values())


def by_subject(films: Sequence[Film], counts: Counts, seed: int) -> tuple[Chosen, bool]:
    """(films of both lists in sections of exactly these sizes, whether sources are matched).

    Validation and test take as many films of each source in both classes, so that the source alone
    has an AUC of 0.5 there; what is left goes to the mixed and the healthy set, each source in
    proportion. A subject with films of both classes is in the mixed set.
    """
    diseased = sum(film.label for film in films)
    require(counts, len(films) - diseased, diseased, "COVIDx", "films")
    pool = _Pool(films, seed)
    matched = True
    for section in ("test", "validation"):
        matched &= pool.take_matched(section, counts[section])
    pool.take_rest("training_mixed", counts["training_mixed"], both=True)
    pool.take_rest("training_healthy", counts["training_healthy"], both=False)
    return [(film, pool.home[film.subject]) for film in films if film.subject in pool.home], matched


class _Pool:
    """Subjects not yet in a section, by source."""

    def __init__(self, films: Sequence[Film], seed: int) -> None:
        counted: dict[str, list[int]] = {}
        self.source = {film.subject: film.source for film in films}
        for film in films:
            counted.setdefault(film.subject, [0, 0])[film.label] += 1
        self.sizes: dict[str, Size] = {name: (h, d) for name, (h, d) in counted.items()}
        self.order = shuffled(self.sizes, seed, "covidx")
        self.home: dict[str, str] = {}

    def free(self, label: int, source: str = "") -> list[str]:
        """Subjects with films of this class only."""
        return [
            name
            for name in self.order
            if name not in self.home
            and self.sizes[name][1 - label] == 0
            and source in ("", self.source[name])
        ]

    def weights(self, label: int) -> dict[str, int]:
        """Source -> films of its free subjects of one class."""
        found: dict[str, int] = {}
        for name in self.free(label):
            source = self.source[name]
            found[source] = found.get(source, 0) + self.sizes[name][label]
        return found

    def take_matched(self, section: str, need: Size) -> bool:
        """Fill a section with the same sources in both classes; False where that cannot be."""
        healthy, diseased = self.weights(0), self.weights(1)
        common = {s: min(healthy[s], diseased[s]) for s in sorted(healthy) if s in diseased}
        matched = sum(common.values()) >= max(need)
        taken = self._take(section, 0, need[0], common if matched else healthy)
        if matched and need[0] == need[1]:
            common = taken  # whole subjects may have shifted a film from one source to another
        again = self._take(section, 1, need[1], common if matched else diseased)
        return matched and set(taken) == set(again) and (need[0] != need[1] or taken == again)

    def take_rest(self, section: str, need: Size, both: bool) -> None:
        """Fill a section in proportion to what is left of each source."""
        left = list(need)
        for name in self.order if both else ():
            h, d = self.sizes[name]
            if name not in self.home and h and d and h <= left[0] and d <= left[1]:
                self.home[name] = section
                left = [left[0] - h, left[1] - d]
        for label in (0, 1):
            self._take(section, label, left[label], self.weights(label))

    def _take(self, section: str, label: int, need: int, weights: dict[str, int]) -> dict[str, int]:
        """Fill one class in proportion to the weights; source -> films taken.

        Where the subjects of a source do not fit its part, the other weighted sources make up for
        it, and only then any source.
        """
        taken: dict[str, int] = {}
        lacking = need
        try:
            quota = shares(need, weights)
        except ValueError:
            quota = {}
        parts = [*quota.items(), *((source, need) for source in (*quota, ""))]
        for source, part in parts:
            many = self._fill(section, label, min(part, lacking), source)
            lacking -= many
            if many:
                taken[source] = taken.get(source, 0) + many
        if lacking:
            kind = LABEL_WORDS[label]
            raise DataError(
                f"COVIDx: {section} lacks {lacking} {kind} films that whole subjects could fill. "
                "Choose other sizes with --counts, or another --seed."
            )
        return taken

    def _fill(self, section: str, label: int, wanted: int, source: str) -> int:
        """Films taken."""
        if not wanted:
            return 0
        need: Size = (0, wanted) if label else (wanted, 0)
        names, lack = fill(self.free(label, source), self.sizes, need)
        self.home |= dict.fromkeys(names, section)
        return wanted - lack[label]
