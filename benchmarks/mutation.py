"""Would the tests notice? Change the code in small ways and see which changes no test refuses.

    pip install cosmic-ray
    python benchmarks/mutation.py [losses scoring ...] [--mutants 40] [--keep mutants.json]
    pytest -m mutation

A mutant is the code with one change: another operator, another number, a loop that does not run
(the operators of cosmic-ray). For each area a sample of places is drawn by a fixed seed, one mutant
a place. Each is judged by the test files of its area, in a copy of the repository, in a forked
process that has the packages of others loaded already. It is killed where a test fails or the time
is over. Survivors are printed; docs/test_power.md says why each of them is left. The exit code is 1
where the tests of an area kill less than ``FLOOR`` of its mutants.

Left out: type annotations, decorators of data classes, calls of a logger, and "is" for "==", which
Python answers alike for short texts and small numbers.
"""

import argparse
import ast
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from mutation_areas import AREAS

ROOT = Path(__file__).resolve().parents[1]
FLOOR = 0.85  # of the mutants of an area
OWN = ("data_prep", "healthygan_monai", "tests", "conftest", "__main__")
OF_PYTEST = ("pytest", "_pytest", "xdist", "hypothesis", "_hypothesis", "execnet", "pluggy")


@dataclass(frozen=True)
class Mutant:
    """One change: ``occurrence`` counts the places of the operator in the file."""

    path: str
    line: int
    operator: str
    occurrence: int


def places_left_out(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """Yield first and last position, as line * 1000 + column, of what is not changed."""
    for node in ast.walk(tree):
        left: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            left = [node.returns]
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            left = [node.annotation]
        elif isinstance(node, ast.ClassDef):
            left = list(node.decorator_list)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "logger.")):
            left = [node]
        for one in left:
            if one is not None:
                yield (
                    one.lineno * 1000 + one.col_offset - isinstance(node, ast.ClassDef),
                    one.end_lineno * 1000 + one.end_col_offset,
                )


def mutants_of(path: Path) -> dict[tuple[int, int], list[Mutant]]:
    """Return the mutants of a file by their place; path: relative to the current folder."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    code = path.read_text(encoding="utf-8")
    left_out = list(places_left_out(ast.parse(code)))
    nodes = list(ast_nodes(get_ast(code)))
    found: dict[tuple[int, int], list[Mutant]] = {}
    for name in sorted(operator_names()):
        kind = get_operator(name)
        if kind.arguments() or name.endswith(("NoOp", "Eq_Is", "Eq_IsNot")):
            continue
        operator = kind()
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, (start, _) in enumerate(places):
            at = start[0] * 1000 + start[1]
            if not any(first <= at < last for first, last in left_out):
                mutant = Mutant(path.as_posix(), start[0], name, occurrence)
                found.setdefault(start, []).append(mutant)
    return found


def sample(area: str, most: int, seed: int) -> tuple[list[Mutant], int]:
    """Return the mutants of an area that are tried, in their order, and how many places it has."""
    draw = random.Random(f"{seed} {area}")
    files = [Path(name) for name in AREAS[area][0]]
    modules = [m for f in files for m in (sorted(f.rglob("*.py")) if f.is_dir() else [f])]
    places = [mutants for module in modules for mutants in mutants_of(module).values()]
    draw.shuffle(places)
    chosen = (draw.choice(mutants) for mutants in places)
    possible = (mutant for mutant in chosen if mutated(mutant) is not None)
    return sorted(islice(possible, most), key=str), len(places)


def mutated(mutant: Mutant) -> str | None:
    """Return the code of the file with the change; None: the operator cannot make it."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    code = Path(mutant.path).read_text(encoding="utf-8")
    try:
        return mutate_code(code, get_operator(mutant.operator)(), mutant.occurrence)
    except AttributeError:  # its ExceptionReplacer, of "except package.Error"
        return None


def copy_of_repository(folder: Path) -> None:
    """Copy what git lists, changed or new, as it is on disk."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


class Quickest:
    """A plugin of pytest: takes the time of each test, and runs the quick files and tests first."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.known, self.seconds = seconds, dict[str, float]()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Add up the parts of a test."""
        before = self.seconds.get(report.nodeid, 0)
        self.seconds[report.nodeid] = before + report.duration

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the tests of a file together, for the sake of what they share."""
        files: dict[str, float] = {}
        for name, seconds in self.known.items():
            file = name.split("::")[0]
            files[file] = files.get(file, 0) + seconds
        items.sort(
            key=lambda item: (
                files.get(item.nodeid.split("::")[0], 0),
                item.nodeid.split("::")[0],
                self.known.get(item.nodeid, 0),
            )
        )


def judged(tests: list[str], limit: float, told: Path, first: bool = False) -> int | None:
    """Run tests in a forked process; return pytest's exit code, None: out of time.

    told: a file in which the first such process says which packages of others it had to load, and
    how long each test took.
    """
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            import pytest

            order = Quickest({} if first else json.loads(told.read_text())[1])
            words = ["-x", "-p", "no:cacheprovider", *tests]
            code = int(pytest.main(words, plugins=[order]))
            if first:
                told.write_text(json.dumps([others(), order.seconds]))
        finally:
            os._exit(code)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # servers that the tests started
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def others() -> list[str]:
    """Return the modules of other projects in this process, in the order of their loading."""
    return [
        name
        for name, module in list(sys.modules.items())
        if "site-packages" in (getattr(module, "__file__", None) or "")
        and name.split(".")[0] not in (*OWN, *OF_PYTEST)
    ]


def run_area(area: str, mutants: list[Mutant]) -> list[Mutant]:
    """Return the mutants that no test refused."""
    tests, told = AREAS[area][1], Path("told.json")
    code = judged(tests, 1800, told, first=True)
    if code != 0:
        raise SystemExit(f"{area}: its tests do not pass without a change (pytest says {code})")
    for name in json.loads(told.read_text())[0]:
        with contextlib.suppress(Exception):
            import_module(name)
    begun = time.monotonic()
    if judged(tests, 1800, told) != 0:
        raise SystemExit(f"{area}: its tests pass in one order only")
    seconds = time.monotonic() - begun
    limit = 20 + 4 * seconds
    print(f"{area}: its tests take {seconds:.1f} s", flush=True)
    survivors = []
    for mutant in mutants:
        path, changed = Path(mutant.path), mutated(mutant)
        if changed is None:
            raise SystemExit(f"{path}: it was changed since the mutants were drawn")
        whole = path.read_text(encoding="utf-8")
        for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            cached.unlink()
        path.write_text(changed, encoding="utf-8")
        if judged(tests, limit, told) == 0:
            survivors.append(mutant)
            lines = zip(whole.splitlines(), changed.splitlines(), strict=False)
            other = next((b for a, b in lines if a != b), "").strip()
            print(f"  survives: {path}:{mutant.line} {mutant.operator}\n    {other}", flush=True)
        path.write_text(whole, encoding="utf-8")
    return survivors


def main() -> int:
    """Print survivors and a table, a row an area; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--mutants", type=int, default=40, help="of each area")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the survivors to this file")
    parser.add_argument("--again", type=Path, help="only the survivors in this file")
    words = parser.parse_args()
    if unknown := set(words.areas) - set(AREAS):
        parser.error(f"no area {', '.join(unknown)}; there are {', '.join(AREAS)}")
    kept = json.loads(words.again.read_text()) if words.again else None
    keep = words.keep and words.keep.resolve()
    table, left = ["| area | places | mutants | killed |", "|---|---|---|---|"], {}
    low = False
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder) / "repository"
        copy_of_repository(copy)
        os.chdir(copy)  # all paths from here on
        os.environ["PYTHONPATH"] = str(copy)
        os.environ["TMPDIR"] = tempfile.tempdir = folder  # what tests leave goes with it
        sys.path[:] = [str(copy), *(p for p in sys.path if Path(p).resolve() != ROOT)]
        for area in words.areas or kept or AREAS:
            mutants, places = sample(area, words.mutants, words.seed)
            if kept is not None:
                mutants = [Mutant(**one) for one in kept.get(area, [])]
            survivors = run_area(area, mutants)
            killed = len(mutants) - len(survivors)
            share = f" ({killed / len(mutants):.0%})" if mutants else ""
            table.append(f"| {area} | {places} | {len(mutants)} | {killed}{share} |")
            low |= killed < FLOOR * len(mutants) and kept is None
            left[area] = [asdict(mutant) for mutant in survivors]
            if keep:
                keep.write_text(json.dumps(left, indent=1))
    print("\n".join(table))
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
