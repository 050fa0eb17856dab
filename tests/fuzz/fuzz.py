"""Damaged inputs by the thousand: nothing but clear words may come of them.

    python tests/fuzz/fuzz.py --mutants 30000 --keep faults
    python tests/fuzz/fuzz.py --kinds nifti --only 1234      one mutant again, with its words

Every mutant goes the way that a user's command takes, in a guarded child. Faults: an exception
that is not meant for a user, a process that dies outside of the decoder's guard, a call over the
limit of time. The same seed and number give the same mutant.
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
for folder in (HERE.parents[1], HERE.parent / "helpers", HERE):
    sys.path[:0] = [str(folder)] if str(folder) not in sys.path else []

import fuzz_mutants as mutants  # noqa: E402
import fuzz_seeds as seeds  # noqa: E402
import fuzz_targets as targets  # noqa: E402
import numpy as np  # noqa: E402

from data_prep.work.guard import Crashed, Guard, Limits, TimedOut  # noqa: E402

BATCH = 100  # mutants that one preparation gets
FAULTS = ("foreign", "dead", "slow")
VERDICTS = ("taken", "refused", "died", *FAULTS)
LIMITS = Limits(60.0, 6 << 30)
RUN_FILES = ("run.json", "config.json", "evaluation.json", "scores.json", "localisation.json")
RUN_TABLES = ("scores.csv", "selection.csv", "metrics.jsonl")


@dataclass(frozen=True)
class Fault:
    """A mutant that shows a fault, and how to see it again."""

    kind: str
    seed: int
    number: int
    verdict: str
    detail: str

    @property
    def place(self) -> str:
        """Where it arose and what it is, without numbers: faults of one place are one fault."""
        lines = self.detail.strip().splitlines() or [""]
        inside = [
            line.strip() for line in lines if re.search(r"(data_prep|healthygan_monai)/", line)
        ]
        return re.sub(r"\d{3,}", "N", f"{self.verdict}: {(inside or [''])[-1]}: {lines[-1]}")[:400]


def told(faults: Sequence[Fault]) -> Iterator[str]:
    """Each place once, with how to see its first mutant again and the words of it."""
    places: dict[str, list[Fault]] = {}
    for fault in faults:
        places.setdefault(fault.place, []).append(fault)
    for place, found in sorted(places.items(), key=lambda pair: -len(pair[1])):
        first = found[0]
        again = f"tests/fuzz/fuzz.py --kinds {first.kind} --seed {first.seed} --only {first.number}"
        yield f"{len(found)} x {place}\n    python {again}"


@dataclass
class Count:
    """How the mutants of one kind fared."""

    verdicts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)


class Kind:
    """Inputs of one kind: whole ones, how they are damaged, and who reads them."""

    def __init__(self, name: str, place: Path) -> None:
        self.name, self.place = name, place
        place.mkdir(parents=True, exist_ok=True)
        make, self.mutate, self.suffix, self.prepares = KINDS[name]
        self.seeds: Sequence[bytes] = make(place)

    def mutant(self, seed: int, number: int) -> bytes:
        return self.mutate(self._rng(seed, number), self.base(number), self.seeds)

    def base(self, number: int) -> bytes:
        return self.seeds[number % len(self.seeds)]

    def _rng(self, seed: int, number: int) -> np.random.Generator:
        return np.random.default_rng([seed, list(KINDS).index(self.name), number])

    def verdicts(self, seed: int, numbers: Sequence[int], guard: Guard) -> Iterator[tuple]:
        """(number, verdict, detail) of each; in batches where one preparation takes many."""
        if self.prepares is None:
            for number in numbers:
                yield number, *self._single(guard, seed, number)
            return
        for first in range(0, len(numbers), BATCH):
            part = numbers[first : first + BATCH]
            found = self._batch(guard, seed, part)
            bad = [n for n in part if found.get(self._file(n), ("",))[0] in FAULTS or "" in found]
            for number in part:
                if number in bad and len(part) > 1:
                    alone = self._batch(guard, seed, [number])
                    yield number, *next(iter(alone.values()), ("refused", "no input"))
                else:
                    yield number, *found.get(self._file(number), ("refused", "no input"))

    def _file(self, number: int) -> str:
        return f"m{number:06d}{self.suffix}"

    def _batch(self, guard: Guard, seed: int, numbers: Sequence[int]) -> dict[str, Any]:
        raw = self.place / "raw"
        shutil.rmtree(raw, ignore_errors=True)
        raw.mkdir()
        for number in numbers:
            (raw / self._file(number)).write_bytes(self.mutant(seed, number))
        round_ = numbers[0] // BATCH
        answer = _guarded(guard, "prepared", str(raw), self.prepares, round_)
        return answer if isinstance(answer, dict) else {"": answer}

    def _single(self, guard: Guard, seed: int, number: int) -> tuple[str, str]:
        """A mutant among its files, which are copied: a command may write them."""
        path = self.target(number)
        with tempfile.TemporaryDirectory() as copy:
            folder = Path(copy) / path.parent.name
            shutil.copytree(path.parent, folder)
            (folder / path.name).write_bytes(self.mutant(seed, number))
            return _guarded(guard, self.name, str(folder), number)

    def target(self, number: int) -> Path:
        """The file that a mutant stands for."""
        return self.place / f"mutant{self.suffix}"


class DatasetKind(Kind):
    """dataset.json among its images."""

    def target(self, number: int) -> Path:
        return self.place / "data" / "dataset.json"


class RunKind(Kind):
    """One file of a run folder, among the others."""

    def target(self, number: int) -> Path:
        names = RUN_FILES + RUN_TABLES
        return next((self.place / "runs").iterdir()) / names[number % len(names)]

    def mutant(self, seed: int, number: int) -> bytes:
        path = self.target(number)
        change = mutants.table if path.suffix == ".csv" else mutants.json_text
        return mutants.with_structure(change)(self._rng(seed, number), path.read_bytes(), ())


def _guarded(guard: Guard, target: str, *arguments: Any) -> Any:
    guard.limits = LIMITS if target != "prepared" else Limits(600.0, LIMITS.memory)
    try:
        return guard.call(targets.verdict_of, (target, *arguments))
    except TimedOut:
        return "slow", f"over {guard.limits.seconds:g} s"
    except Crashed:
        return "dead", "the process of the command died"
    except MemoryError:
        return "foreign", "MemoryError"


def _table_seeds(place: Path) -> list[bytes]:
    for k, data in enumerate(seeds.pngs()[:1] * 4):
        (place / f"{k}.png").write_bytes(data)
    return seeds.tables()


def _run_seeds(place: Path) -> list[bytes]:
    seeds.datasets(place / "data")
    return [seeds.run_folder(place, place / "data").name.encode()]


both = mutants.with_structure
KINDS: dict[str, tuple[Callable[[Path], Sequence[bytes]], Any, str, str | None]] = {
    "dicom": (seeds.dicoms, both(mutants.dicom), ".dcm", "films"),
    "nifti": (lambda _: seeds.niftis(), both(mutants.gzipped), ".nii.gz", "brains"),
    "png": (lambda _: seeds.pngs(), both(mutants.png), ".png", "films"),
    "jpeg": (lambda _: seeds.jpegs(), mutants.damaged, ".jpg", "films"),
    "zip": (seeds.zips, both(mutants.zipped), ".zip", "films"),
    "table": (_table_seeds, both(mutants.table), ".csv", None),
    "dataset": (lambda p: seeds.datasets(p / "data"), both(mutants.json_text), "", None),
    "run_folder": (_run_seeds, None, "", None),
    "checkpoint": (lambda _: seeds.checkpoints(), both(mutants.zipped), ".pt", None),
}
CLASSES = {"dataset": DatasetKind, "run_folder": RunKind}


def fuzz(name: str, place: Path, seed: int, numbers: Sequence[int], keep: Path | None) -> Count:
    """Read the mutants of one kind; faulty ones are written to ``keep``."""
    kind, count = CLASSES.get(name, Kind)(name, place / name), Count()
    with Guard(LIMITS) as guard:
        for number, verdict, detail in kind.verdicts(seed, numbers, guard):
            count.verdicts[verdict] += 1
            if verdict in FAULTS:
                count.faults.append(Fault(name, seed, number, verdict, detail))
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    data = kind.mutant(seed, number)
                    (keep / f"{name}-{seed}-{number}{kind.suffix}").write_bytes(data)
            if len(numbers) == 1:
                print(f"{verdict}: {detail}")
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutants", type=int, default=30_000, help="of all kinds together")
    parser.add_argument("--kinds", default=",".join(KINDS), help="default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this mutant alone")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for mutants with a fault")
    arguments = parser.parse_args()
    names = arguments.kinds.split(",")
    each = -(-arguments.mutants // len(names))
    numbers = range(each) if arguments.only is None else [arguments.only]
    print(f"{'kind':<11}" + "".join(f"{verdict:>9}" for verdict in VERDICTS), flush=True)
    faults: list[Fault] = []
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            count = fuzz(name, Path(place), arguments.seed, numbers, arguments.keep)
            cells = "".join(f"{count.verdicts[verdict]:>9,}" for verdict in VERDICTS)
            print(f"{name:<11}{cells}", flush=True)
            faults += count.faults
    for text in told(faults):
        print(f"\n{text}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
