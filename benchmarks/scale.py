"""Time and memory of each step over 1,000, 10,000 and 100,000 generated items.

    python benchmarks/scale.py
    python benchmarks/scale.py --items 1000 10000 --steps check evaluate

Draws a data set of 16 x 16 PNGs, each another, four images a subject, and a scores.csv with a row
for each of its images, two a subject. Every step runs in a process of its own: seconds of processor
time, its child processes included, and the peak of its own memory. The first row is a process that
only loads the libraries. Of a step below two seconds the fastest of three runs counts. Growth:
seconds at the largest size over seconds at the size before it; ten times as many items should cost
about ten times as much. The pictures of the report are noise, which no PNG makes smaller.

No network runs: what it costs an image is in the other tables of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

SIDE, BATCH = 16, 16
SHARES = {"training_mixed": 0.5, "training_healthy": 0.25, "validation": 0.05, "test": 0.2}
SCORED = {"validation": 0.1, "kept_out": 0.1, "test": 0.8}
SUBJECTS_OF = {"data": 4, "scores": 2}  # images of a subject
REPEATS, SHORT = 3, 2.0  # runs of a step, the fastest of which counts, if it takes fewer seconds
GROWS = 1.3  # times as much as the items: named

Timed = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--steps", nargs="*", default=list(STEPS), help="beginnings of their names")
    parser.add_argument("--one", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(STEPS[arguments.one], arguments.folder)))
        return
    found: dict[str, list[dict[str, Any]]] = {}
    for count in arguments.items:
        with tempfile.TemporaryDirectory() as name:
            draw(Path(name), count)
            for step in STEPS:
                if step.startswith(("libraries", *arguments.steps)):
                    found.setdefault(step, []).append(apart(step, Path(name)))
                    print(f"{count:,} {step}: {found[step][-1]}", file=sys.stderr, flush=True)
    print(table(found, arguments.items))


def draw(folder: Path, count: int) -> None:
    """Write a data set of so many images, and the scores of a run on them."""
    import numpy as np
    from PIL import Image

    from data_prep.datalist import Dataset, Item, write

    rng = np.random.default_rng(0)
    sections: dict[str, list[Item]] = {}
    number = 0
    for section, share in SHARES.items():
        items = []
        for _ in range(round(share * count)):
            subject = f"sub-{number // SUBJECTS_OF['data']:06d}"
            (folder / "data" / "images" / subject).mkdir(parents=True, exist_ok=True)
            name = f"images/{subject}/{number}.png"
            noise = rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
            Image.fromarray(noise).save(folder / "data" / name)
            label = None if section.startswith("training") else len(items) // 4 % 2
            items.append(Item(name, subject, label=label))
            number += 1
        # sections begin with a subject of their own
        number += -number % SUBJECTS_OF["data"]
        sections[section] = items
    dataset = Dataset("drawn", SIDE, sections=sections)
    write(dataset, folder / "data")
    (folder / "run").mkdir()
    from healthygan_monai.scoring import write_scores

    write_scores(folder / "run" / "scores.csv", scored([item.image for _, item in dataset.items()]))


def scored(images: list[str]) -> list[Any]:
    """Return rows of scores.csv: diseased subjects score higher, by as much as scores spread."""
    import numpy as np

    from healthygan_monai.scoring import ScoreRow

    rng = np.random.default_rng(1)
    names = iter(images)
    rows = []
    for section, share in SCORED.items():
        for k in range(round(share * len(images))):
            subject = k // SUBJECTS_OF["scores"]
            label = 0 if section == "kept_out" else subject % 2
            score = float(rng.normal(0.1 + 0.02 * label, 0.02))
            row = ScoreRow(section, next(names), f"{section}-{subject}", score, slice=k % 2)
            rows.append(replace(row, label=label))
    return rows


# Steps: each prepares what is not counted, and returns what is.


def libraries(folder: Path) -> Timed:
    import torch  # noqa: F401

    import healthygan_monai.evaluation.run
    import healthygan_monai.report.page  # noqa: F401

    return lambda: None


def write_list(folder: Path) -> Timed:
    from data_prep.datalist import read, write

    dataset = read(folder / "data")
    return lambda: write(dataset, folder / "data")


def read_list(folder: Path) -> Timed:
    from data_prep.datalist import read

    return lambda: read(folder / "data")


def check(folder: Path, **how: bool) -> Timed:
    """As before a scoring."""
    from data_prep.datalist import read, require_valid

    dataset = read(folder / "data")
    return lambda: require_valid(dataset, **how)


def check_all(folder: Path) -> Timed:
    """As before a training."""
    return check(folder, deep=True)


def check_command(folder: Path) -> Timed:
    from data_prep.cli.main import main

    return lambda: main(["check", str(folder / "data")])


def order(folder: Path, cache_rate: float = 0.0) -> Timed:
    """Keep subjects out, list both sets, order them and read the first batch of many passes."""
    from data_prep.datalist import UNLABELLED, read
    from healthygan_monai.data import image_transforms, training_items
    from healthygan_monai.data.kept_out import keep_out
    from healthygan_monai.data.pairs import MixedHealthyPairs

    dataset = read(folder / "data")

    def first_batch() -> None:
        learned, _ = keep_out(dataset, 0.2)
        sets = [training_items(learned, name) for name in UNLABELLED]
        images = image_transforms(SIDE)
        length = 10 * len(sets[0])
        pairs = MixedHealthyPairs(*sets, images, length, flip_prob=0.5, cache_rate=cache_rate)
        assert len([pairs[k] for k in range(BATCH)]) == BATCH

    return first_batch


def order_kept(folder: Path) -> Timed:
    return order(folder, 1.0)


def select(folder: Path) -> Timed:
    """AUCp of a score of each image, batch by batch."""
    import torch

    from healthygan_monai.scoring import read_scores
    from healthygan_monai.selection.criteria import AUCpCriterion

    rows = read_scores(folder / "run" / "scores.csv")
    scores = torch.tensor([row.score for row in rows])
    mixed = torch.tensor([int(row.label == 1) for row in rows])

    def aucp() -> None:
        criterion = AUCpCriterion()
        for part, label in zip(scores.split(BATCH), mixed.split(BATCH), strict=True):
            criterion(part, label)
        assert 0.5 < criterion.aggregate() < 1

    return aucp


def lists_to_score(folder: Path) -> Timed:
    from data_prep.datalist import SECTIONS, read
    from healthygan_monai.data import labelled_items

    dataset = read(folder / "data")
    return lambda: labelled_items(dataset, SECTIONS)


def write_rows(folder: Path) -> Timed:
    from healthygan_monai.scoring import read_scores, write_scores

    path = folder / "run" / "scores.csv"
    rows = read_scores(path)
    return lambda: write_scores(path, rows)


def read_rows(folder: Path) -> Timed:
    from healthygan_monai.scoring import read_scores

    return lambda: read_scores(folder / "run" / "scores.csv")


def evaluate(folder: Path) -> Timed:
    from healthygan_monai.evaluation.run import evaluate_run

    return lambda: evaluate_run(folder / "run", None)


def report(folder: Path) -> Timed:
    """The page and the gallery, with the pictures of a drawn model."""
    import numpy as np

    from healthygan_monai.report import Translation, write_report

    def translate(row: Any) -> Translation:
        rng = np.random.default_rng(0)
        return Translation(*rng.random((4, 256, 256)))

    def pages() -> dict[str, float]:
        page = write_report(folder / "run", translate=translate, dataset=folder / "data")
        gallery = sum(path.stat().st_size for path in (folder / "run" / "gallery").iterdir())
        return {"report.html": page.stat().st_size / 1e6, "gallery": gallery / 1e6}

    return pages


def view(folder: Path) -> Timed:
    """What the server sends for the first page: cases and marks."""
    from healthygan_monai.view.cases import read_cases
    from healthygan_monai.view.marks import Review
    from healthygan_monai.view.page_files import cases_script

    def script() -> dict[str, float]:
        cases = read_cases(folder / "run", folder / "data")
        marks = Review(cases.folder, cases.rows).marks()
        return {"cases.js": len(cases_script(cases.data(), marks=marks)) / 1e6}

    return script


STEPS: dict[str, Callable[[Path], Timed]] = {
    "libraries loaded, nothing done": libraries,
    "dataset.json, write (every image hashed)": write_list,
    "dataset.json, read": read_list,
    "check, headers": check,
    "check, every image decoded": check_all,
    "healthygan check (hashes, grey levels)": check_command,
    "pairs, order and first batch": order,
    "pairs, all images in memory": order_kept,
    "selection, AUCp": select,
    "scoring, lists": lists_to_score,
    "scores.csv, write": write_rows,
    "scores.csv, read": read_rows,
    "evaluate, 2,000 resamples": evaluate,
    "report and gallery": report,
    "view, data of the page": view,
}


def apart(step: str, folder: Path) -> dict[str, Any]:
    """Run a step in a process of its own; a short one again, since chance weighs more."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", step, "--folder", folder]
    found: list[dict[str, Any]] = []
    while not found or (len(found) < REPEATS and found[-1]["seconds"] < SHORT):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{step}: failed with {done.returncode}\n{done.stderr[-2000:]}")
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return min(found, key=lambda one: one["seconds"])


def measured(step: Callable[[Path], Timed], folder: Path) -> dict[str, Any]:
    """Return seconds of processor time and of wall time, peak memory in MB, sizes in MB."""
    from data_prep.work import kept

    act = step(folder)
    before, start = processor_time(), time.perf_counter()
    sizes = act()
    wall = time.perf_counter() - start
    for guard in kept._idle:
        guard.stop()  # a child's time is known once it has ended
    return {
        "seconds": processor_time() - before,
        "wall": wall,
        "peak": peak_mb(),
        "sizes": sizes if isinstance(sizes, dict) and step in (report, view) else {},
    }


def processor_time() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_mb() -> float:
    """Return the peak of this process alone: ru_maxrss would begin with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(s.split()[1]) for s in status.splitlines() if s.startswith("VmHWM")) / 1024


def table(found: dict[str, list[dict[str, Any]]], items: list[int]) -> str:
    """Return Markdown; a step that grows faster than the items is bold."""
    cells = [f"{count:,}: s, MB" for count in items]
    lines = [f"| step | {' | '.join(cells)} | growth | sizes, MB |"]
    lines.append("|---" * (len(items) + 3) + "|")
    for step, runs in found.items():
        grown = "" if len(runs) < 2 else growth(runs, items)
        sizes = ", ".join(f"{name} {size:.2f}" for name, size in runs[-1]["sizes"].items())
        shown = [f"{run['seconds']:.2f}, {run['peak']:,.0f}" for run in runs]
        lines.append(f"| {step} | {' | '.join(shown)} | {grown} | {sizes} |")
    return "\n".join(lines)


def growth(runs: list[dict[str, Any]], items: list[int]) -> str:
    before, last = runs[-2]["seconds"], runs[-1]["seconds"]
    if last < 0.1:
        return ""
    ratio = last / max(before, 0.01)
    return f"**{ratio:.1f}**" if ratio > GROWS * items[-1] / items[-2] else f"{ratio:.1f}"


if __name__ == "__main__":
    main()
