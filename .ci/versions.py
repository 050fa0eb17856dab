"""Run the tests with other versions: python .ci/versions.py WORK [ROW ...] [--tests PATH ...]

Each row is a fresh environment below WORK, removed when its tests have run. A Python is found as
python3.12 and so on, or below ``--pythons`` (folders named 3.12.1, as pyenv makes them). Prints one
line of a table a row; the exit code is 1 if a row has failures, and 2 if one could not be made.
"""

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ".[fid,onnx,test]"
SHOWN = ("torch", "monai", "numpy", "pydicom")
# what of the old environment has no wheel with the extras, so that it takes only these
OLD = (
    ".",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "hypothesis",
    "jsonschema",
    "markdown-it-py",
)
OLD_TOOLS = ("openpyxl", "pooch", "dask", "distributed")


@dataclass(frozen=True)
class Row:
    """python: major.minor. constraints: a file. torch: its pin. wanted: what is installed."""

    python: str
    constraints: str | None = "constraints.txt"
    torch: str = "torch==2.13.0"
    wanted: tuple[str, ...] = (EXTRAS,)


ROWS = {
    "newest": Row("3.11"),
    "oldest": Row("3.11", "constraints-oldest.txt", wanted=(*OLD, *OLD_TOOLS)),
    # NumPy 2.4 of constraints.txt needs Python 3.11
    "python3.10": Row("3.10", None),
    "python3.12": Row("3.12"),
    "python3.13": Row("3.13"),
    "torch-oldest": Row("3.11", None, "torch==2.4.1", (EXTRAS, "monai==1.5.1", "numpy<2.3")),
    "torch-newest": Row("3.11", None, "torch", (EXTRAS,)),
}


def interpreter(version: str, folder: Path | None) -> str | None:
    if folder is not None:
        found = sorted(folder.glob(f"{version}.*/bin/python"))
        if found:
            return str(found[-1])
    return shutil.which(f"python{version}")


def made(row: Row, python: str, place: Path) -> Path:
    """Return the interpreter of a fresh environment with the packages of a row."""
    subprocess.run([python, "-m", "venv", "--clear", place], check=True)
    inside = place / "bin" / "python"
    pip = [inside, "-m", "pip", "install", "-q"]
    limits = [] if row.constraints is None else ["-c", row.constraints]
    for words in (
        [row.torch],
        [*limits, *(["-e"] if row.wanted[0][0] == "." else []), *row.wanted],
    ):
        subprocess.run([*pip, *words], cwd=ROOT, check=True)
    return inside


def versions(python: Path) -> list[str]:
    code = (
        "import json, platform; from importlib.metadata import version as v; "
        f"print(json.dumps([platform.python_version(), *map(v, {SHOWN})]))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def tested(python: Path, paths: list[str], report: Path, processes: int) -> dict[str, int]:
    """Return how many tests ran, failed and were skipped."""
    words = ["-n", str(processes), "--dist", "loadfile", "-p", "no:cacheprovider"]
    command = [python, "-m", "pytest", *words, f"--junit-xml={report}", *paths]
    code = subprocess.run(command, cwd=ROOT).returncode
    if code not in (0, 1):  # interrupted, no test found, or pytest itself failed
        raise subprocess.CalledProcessError(code, "pytest")
    suite = next(ElementTree.parse(report).iter("testsuite"))
    counts = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    return {**counts, "seconds": int(float(suite.get("time", 0)))}


def line(name: str, found: list[str], counts: dict[str, int]) -> str:
    bad = counts["failures"] + counts["errors"]
    passed = counts["tests"] - bad - counts["skipped"]
    told = f"{passed:,} passed, {bad} failed, {counts['skipped']} skipped"
    return f"| {name} | {' | '.join(found)} | {told} | {counts['seconds'] / 60:.0f} |"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the tests with other versions.")
    parser.add_argument("work", type=Path, help="a folder for the environments and the reports")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all")
    parser.add_argument("--pythons", type=Path, help="a folder with 3.12.1/bin/python and so on")
    parser.add_argument("--tests", nargs="+", default=[], help="paths below tests/; all")
    parser.add_argument("--processes", type=int, default=2, help="of the tests at a time (2)")
    options = parser.parse_args()
    work = options.work.resolve()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"ROW: unknown {', '.join(sorted(unknown))}; known: {', '.join(ROWS)}.")
    work.mkdir(parents=True, exist_ok=True)
    print(f"| row | Python | {' | '.join(SHOWN)} | tests | minutes |\n|{'---|' * 8}", flush=True)
    code = 0
    for name in options.rows or ROWS:
        row = ROWS[name]
        python = interpreter(row.python, options.pythons)
        if python is None:
            print(f"| {name} | {row.python} | not run: there is no such Python |", flush=True)
            code = 2
            continue
        try:
            inside = made(row, python, work / name)
            report = work / f"{name}.xml"
            counts = tested(inside, options.tests, report, options.processes)
            print(line(name, versions(inside), counts), flush=True)
            code = max(code, int(counts["failures"] + counts["errors"] > 0))
        except subprocess.CalledProcessError as error:
            print(f"| {name} | {row.python} | not run: {error} |", flush=True)
            code = 2
        finally:
            shutil.rmtree(work / name, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
