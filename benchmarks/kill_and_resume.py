"""Kill commands at random moments, run them again, compare with what nobody disturbed.

    python benchmarks/kill_and_resume.py
    python benchmarks/kill_and_resume.py train --kills 20
    python benchmarks/kill_and_resume.py films --input FOLDER

Each trial is killed (SIGKILL, the process alone, as the kernel does when memory runs out) after a
random part of the time that an undisturbed run works on its folder, half of the trainings while a
checkpoint is being written. It is then run again, a training with --resume. Prints a row a trial;
ends with status 1 where a byte differs or a temporary file stays.

Left out of the comparison is what holds times: run.json, log.txt, TensorBoard's files; of a
benchmark also output.txt, the times in result.json and provenance, and the tables made from them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.datalist import SECTIONS
from data_prep.phantom import brains, study

KILLS = {"films": 20, "brains": 20, "train": 20}
FEWER = 5  # kills of each other command
TIMES = ("run.json", "log.txt", "tensorboard", "output.txt")
TABLES = ("benchmark.md", "benchmark.csv", "benchmark.html")
PREP = [sys.executable, "-m", "data_prep"]
HEALTHYGAN = [sys.executable, "-m", "healthygan_monai"]
NETWORKS = {
    **{"generator_channels": 32, "generator_blocks": 1, "critic_channels": 8, "batch_size": 2},
    **{"checkpoints": 10, "fid_features": "random", "selection_images": 16},
}
SEARCHED = {  # a training with a search of the price before it
    **{"critic": "paper", "prices": "[0.3,1.0]", "price_folds": 2, "price_iterations": 4},
    **{"kept_out": 0.5, "patience": 0},
}


@dataclass(frozen=True)
class Job:
    """One command to kill.

    command, again: for the folder of a trial, first and after the kill. base: what the folder
    holds before. compared: what is equal to an undisturbed run's.
    """

    command: Callable[[Path], list[str]]
    again: Callable[[Path], list[str]] | None = None
    base: Path | None = None
    checkpoints: bool = False


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = (*KILLS, "search", "infer", "evaluate", "report", "export", "zoo", "benchmark")
    parser.add_argument("what", nargs="*", choices=[[], *names], help="default: all")
    parser.add_argument("--kills", type=int, help="of each (default: 20, or 5 where it is short)")
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--input", type=Path, help="a folder of films instead of phantoms")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(words)
    os.environ |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        made = Made(Path(folder), arguments)
        for name in arguments.what or names:
            kills = arguments.kills or KILLS.get(name, FEWER)
            bad += trials(name, getattr(made, name)(), kills, Path(folder), arguments.seed)
    return int(bad > 0)


class Made:
    """The jobs, on phantoms that are drawn, and a run that is trained, when a job needs them."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options

    def films(self) -> Job:
        raw, key = self.options.input or self._raw(), self.folder / "site.key"
        table = ["--table", str(raw / "cohort.csv")] if (raw / "cohort.csv").is_file() else []
        more = [*table, "--pseudonyms", "keyed", "--key", str(key), "--name", "trial"]
        return Job(lambda out: [*PREP, "films", str(raw), str(out), *ALIKE, *more])

    def brains(self) -> Job:
        raw = self.folder / "heads"
        brains.make_brains(raw, counts=dict.fromkeys(SECTIONS, 4))
        more = ["--table", str(raw / "cohort.csv"), "--key", str(self.folder / "site.key")]
        return Job(lambda out: [*PREP, "brains", str(raw), str(out), *ALIKE, *more])

    def train(self) -> Job:
        return self._training("paper", {})

    def search(self) -> Job:
        return self._training("pretrained", SEARCHED)

    def _training(self, recipe: str, settings: dict[str, Any]) -> Job:
        data = self._data()
        asked = {**NETWORKS, **settings, "max_iterations": self.options.iterations}
        words = [f"--set={key}={value}" for key, value in asked.items()]
        new = [*HEALTHYGAN, "train", str(data), "--recipe", recipe, *words, "-q"]

        def again(out: Path) -> list[str]:
            """Resume; a run that was killed before it began is deleted, as its message says."""
            begun = next(iter(out.iterdir()), None) if out.is_dir() else None
            if begun is not None and (begun / "config.json").is_file():
                return [*HEALTHYGAN, "train", "--resume", str(begun), "-q"]
            if begun is not None:
                told = subprocess.run(
                    [*HEALTHYGAN, "train", "--resume", str(begun)], capture_output=True, text=True
                )
                assert "stopped before its training began" in told.stderr, told.stderr
                shutil.rmtree(begun)
            return [*new, "--runs-dir", str(out)]

        return Job(lambda out: [*new, "--runs-dir", str(out)], again, checkpoints=True)

    def infer(self) -> Job:
        return Job(lambda out: [*HEALTHYGAN, "infer", str(out), "-q"], base=self._run())

    def evaluate(self) -> Job:
        return Job(lambda out: [*HEALTHYGAN, "evaluate", str(out), "-q"], base=self._run("infer"))

    def report(self) -> Job:
        base = self._run("infer", "evaluate")
        return Job(lambda out: [*HEALTHYGAN, "report", str(out), "-q"], base=base)

    def export(self) -> Job:
        run = self._run()
        words = ["export", "torchscript", str(run)]
        return Job(lambda out: [*HEALTHYGAN, *words, str(out / "model.ts"), "-q"])

    def zoo(self) -> Job:
        words = ["--model", str(self._run()), "-q"]

        def command(out: Path) -> list[str]:
            return [*HEALTHYGAN, "export", "zoo", str(out / "zoo"), *words]

        def again(out: Path) -> list[str]:
            """Nothing where the folder is there: it is whole, and no command writes over it."""
            return [sys.executable, "-c", ""] if (out / "zoo").is_dir() else command(out)

        return Job(command, again)

    def benchmark(self) -> Job:
        grid = self.folder / "grid.json"
        settings = {"healthygan": {**NETWORKS, "recipe": "paper", "max_iterations": 40}}
        content = {"datasets": [str(self._data())], "seeds": [0], "bootstrap": 50}
        methods = ["healthygan", "mean-intensity"]
        grid.write_text(json.dumps({**content, "methods": methods, "settings": settings}))
        words = ["benchmark", str(grid), "--devices", "cpu", "-q"]
        return Job(lambda out: [*HEALTHYGAN, *words, "--out", str(out)])

    def _raw(self) -> Path:
        raw, count = self.folder / "raw", self.options.films // 4
        if not raw.is_dir():
            study.make_films(raw, counts=dict.fromkeys(SECTIONS, count), size=256, bad=True)
        return raw

    def _data(self) -> Path:
        data = self.folder / "data"
        if not data.is_dir():
            table = ["--table", str(self._raw() / "cohort.csv")]
            run([*PREP, "films", str(self._raw()), str(data), *ALIKE, *table], (0, 3))
        return data

    def _run(self, *done: str) -> Path:
        """The folder of a trained run after these commands, not to be written to."""
        found = self.folder / "-".join(("base", *done))
        if not found.is_dir():
            if done:
                shutil.copytree(self._run(*done[:-1]), found)
                run([*HEALTHYGAN, done[-1], str(found), "-q"])
            else:
                run(self._training("paper", {}).command(self.folder / "runs"))
                (self.folder / "runs").rename(found.with_suffix(".runs"))
                next(found.with_suffix(".runs").iterdir()).rename(found)
        return found


ALIKE = ["--size", "64", "--jobs", "2", "-q"]


def run(command: list[str], codes: tuple[int, ...] = (0,)) -> float:
    """Run a command to its end; return the seconds."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in codes, done.stdout + done.stderr
    return time.monotonic() - began


def trials(name: str, job: Job, kills: int, folder: Path, seed: int) -> int:
    """Run the trials of one command; return how many failed."""
    codes = (0, 3) if name in ("films", "brains") else (0,)
    undisturbed = folder / name / "whole" / "out"
    whole = run_watched(job, undisturbed, None, codes)
    expected = contents(undisturbed)
    print(f"{name} undisturbed: {whole:.1f} s of work, {len(expected)} files", flush=True)
    rng, bad = random.Random(seed), 0
    for trial in range(1, kills + 1):
        out = folder / name / f"trial-{trial}" / "out"  # a report shows the folder's own name
        writing = job.checkpoints and trial % 2 == 0
        moment = rng.uniform(0, 1)
        place = rng.randint(1, 8) if writing else moment * whole
        run_watched(job, out, place, codes)
        there, halves = len(contents(out)), len([*out.rglob("*.tmp")])
        run((job.again or job.command)(out), codes)
        wrong = differences(expected, contents(out))
        bad += bool(wrong)
        when = f"writing checkpoint {place}" if writing else f"after {place:5.2f} s"
        verdict = f"DIFFERENT: {', '.join(wrong[:4])}" if wrong else "identical"
        left = f"{there:>4} files and {halves} halves there"
        print(f"{trial:>3}  killed {when} with {left}  {verdict}", flush=True)
        shutil.rmtree(out.parent)
    print(f"{name}: {kills - bad} of {kills} identical, temporary files included", flush=True)
    return bad


def run_watched(job: Job, out: Path, kill: float | None, codes: tuple[int, ...]) -> float:
    """Run the command; return the seconds since it began to work on its folder.

    kill: seconds from then on, or, whole, the state whose writing is to be cut; None for never.
    """
    if job.base is not None:
        shutil.copytree(job.base, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")} if job.base else {}
    process = subprocess.Popen(job.command(out), stderr=subprocess.DEVNULL, stdout=-3)
    began, seen = None, set[str]()
    while process.poll() is None:
        if began is None and is_touched(out, before):
            began = time.monotonic()
        if isinstance(kill, int):
            seen |= {name for name in names_in(out) if name.startswith("training_")}
            if len([name for name in seen if name.endswith(".tmp")]) >= kill:
                break
        elif kill is not None and began is not None and time.monotonic() - began >= kill:
            break
        elif not isinstance(kill, int):
            time.sleep(0.005)
    if process.poll() is None:
        process.kill()
    code = process.wait()
    assert code in codes or kill is not None, code
    return time.monotonic() - (began or time.monotonic())


def names_in(out: Path) -> list[str]:
    """Names of the checkpoints of the one run in a folder; quick, for a write is short."""
    runs = os.listdir(out) if out.is_dir() else []
    folder = out / runs[0] / "checkpoints" if runs else out
    return os.listdir(folder) if runs and folder.is_dir() else []


def is_touched(out: Path, before: dict[Path, int]) -> bool:
    """Whether anything in the folder is new or changed."""
    if not before:
        return out.is_dir()
    return any(path.stat().st_mtime_ns != before.get(path) for path in out.rglob("*"))


def contents(folder: Path) -> dict[str, bytes]:
    """Path below the folder -> bytes of each file, without times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not {*parts} & {*TIMES, *TABLES}:
            found["/".join(parts)] = without_times(path)
    return found


def without_times(path: Path) -> bytes:
    """Bytes of a file; of results of a cell without seconds and memory, and their origin."""
    if path.name != "result.json" and not ("cells" in path.parts and path.suffix == ".json"):
        return path.read_bytes()
    content = json.loads(path.read_text(encoding="utf-8"))
    kept = {k: v for k, v in content.items() if k not in ("fit", "scoring", "provenance")}
    return json.dumps(kept).encode()


def differences(expected: dict[str, bytes], got: dict[str, bytes]) -> list[str]:
    """Names of files that are missing, left over, or have other bytes."""
    names = sorted({*expected, *got})
    return [name for name in names if expected.get(name) != got.get(name)]


if __name__ == "__main__":
    sys.exit(main())
