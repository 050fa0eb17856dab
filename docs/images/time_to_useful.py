"""AUC on the test images over the time of the training, for all methods of a benchmark.

python docs/images/time_to_useful.py FOLDER [--runs RUN ...] [--published RUN ...] [--out NAME]

FOLDER is the output of ``healthygan benchmark``, whose cells ran one after the other. Each RUN was
never stopped: of ``healthygan train``, with the name of its recipe, or of
``benchmarks/published_run.py``. A HealthyGAN run is a line: each checkpoint scores the labelled
test images of its data set by the mean of the difference map, at the minute at which its log says
that it was judged, from the start of the run, search of the price included. Any other method is a
point: its AUC and the time of its fit, as the benchmark measured them. A cell that was stopped and
went on has no time and is left out, and named.
Times are those of the machine and of whatever else ran on it. For looking back only: it uses test
labels, so nothing may be chosen by it. Writes NAME.csv and NAME.png, a panel a data
set.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from aucp_against_auc import images_of, scores_of

from data_prep.errors import HealthyGANError, UsageError
from data_prep.files import read_json, write_csv
from healthygan_monai.benchmark.folders import CELLS, RESULT, SPECIFICATION
from healthygan_monai.data import load_dataset
from healthygan_monai.evaluation.metrics import roc_auc
from healthygan_monai.paths import CONFIG_FILE, read_run
from healthygan_monai.scoring import HEALTHYGAN
from healthygan_monai.selection import generator_checkpoint, handler

PUBLISHED = "published order"  # said in the log of such a run too
RESUMED = re.compile(r" resumed .* at iteration \d+$", re.MULTILINE)
STAMP = "%Y-%m-%d %H:%M:%S,%f"
JUDGED = re.compile(rf"^(\S+ \S+) \w+ {re.escape(handler.__name__)}: iter (\d+) ")


class Point(NamedTuple):
    """A row of the CSV; ``iteration`` is empty for a method without checkpoints here."""

    dataset: str
    method: str
    seed: int
    minutes: float
    iteration: int | None
    auc: float


def main(
    folder: Path, runs: Sequence[Path], out: Path, seed: int, published: Sequence[Path] = ()
) -> None:
    results = sorted((folder / CELLS).rglob(RESULT))
    cells = [path.parent for path in results if read_json(path)["seed"] == seed]
    for run in published:
        if PUBLISHED not in (run / "log.txt").read_text(encoding="utf-8", errors="replace"):
            raise UsageError(f"{run}: not a run of benchmarks/published_run.py.")
    if not cells:
        raise UsageError(
            f"{folder}: no cell of seed {seed} with a result. Run the benchmark first."
        )
    points = [point for cell in cells for point in points_of(cell)]
    points += [point for run in runs for point in line_of(run)]
    points += [point for run in published for point in line_of(run, PUBLISHED)]
    if not points:
        raise UsageError(f"{folder}: no cell has a time and an AUC, and no RUN was given.")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(out.with_name(out.name + ".csv"), Point._fields, points)
    draw(points, out.with_name(out.name + ".png"))
    print(f"{len(points)} points: {out}.csv {out}.png")


def points_of(cell: Path) -> Iterator[Point]:
    """Yield the points of one cell; none, and a line, where its time is not known."""
    about, result = read_json(cell / SPECIFICATION), read_json(cell / RESULT)
    name = about.get("variant") or about["method"]
    facts = (result["dataset"], name, about["seed"])
    fit, auc = result["fit"], result["levels"]["image"]["auc"]
    if fit["resumed"] or not fit["seconds"] or auc is None:
        print(f"{cell}: it was stopped and went on, or has no AUC; left out", file=sys.stderr)
    elif about["method"] != HEALTHYGAN:
        yield Point(*facts, fit["seconds"] / 60, None, auc["value"])
    else:
        yield from _line(cell, facts, read_run(cell))


def line_of(run: Path, name: str | None = None) -> Iterator[Point]:
    """Yield the points of a run outside a benchmark; its name is by default that of its recipe."""
    about = read_run(run)
    name = name or "healthygan-" + read_json(run / CONFIG_FILE)["recipe"]
    yield from _line(run, (Path(about["dataset"]).name, name, about["seed"]), about)


def _line(run: Path, facts: tuple[str, str, int], about: Mapping[str, Any]) -> Iterator[Point]:
    dataset = load_dataset(about["dataset"], training=False)
    if dataset.content_hash != about["data_hash"]:
        raise UsageError(f"{about['dataset']}: not the images that {run} was trained on.")
    config = read_json(run / CONFIG_FILE)
    tests = [item for item in dataset.sections["test"] if item.label is not None]
    images = images_of(dataset, tests, config["image_size"], config.get("image_channels", 1))
    for iteration, minutes in judged_at(run).items():
        scores = scores_of(generator_checkpoint(run, iteration), images)
        yield Point(*facts, minutes, iteration, roc_auc([item.label for item in tests], scores))


def judged_at(run: Path) -> dict[int, float]:
    """Return iteration -> minutes since the first line of the log, of the checkpoints kept."""
    log = (run / "log.txt").read_text(encoding="utf-8", errors="replace")
    if RESUMED.search(log):
        raise UsageError(f"{run}: it was stopped and went on, so its minutes are not known.")
    lines = log.splitlines()
    began = datetime.strptime(" ".join(lines[0].split()[:2]), STAMP)
    matches = filter(None, map(JUDGED.match, lines))
    found = {int(m[2]): (datetime.strptime(m[1], STAMP) - began).total_seconds() for m in matches}
    kept = {i: s / 60 for i, s in found.items() if generator_checkpoint(run, i).is_file()}
    if not kept:
        raise UsageError(f"{run}: log.txt has no judged checkpoint that is still there.")
    return kept


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw a panel a data set; a method has one colour and one marker in all."""
    names = [*dict.fromkeys(point.dataset for point in points)]
    methods = [*dict.fromkeys(point.method for point in points)]
    figure, axes = plt.subplots(
        1, len(names), figsize=(5 * len(names), 4.6), layout="constrained", squeeze=False
    )
    for axis, name in zip(axes[0], names, strict=True):
        for number, method in enumerate(methods):
            own = [p for p in points if (p.dataset, p.method) == (name, method)]
            x, y = [p.minutes for p in own], [p.auc for p in own]
            look = {"marker": "osD^vP*X<>hd"[number % 12], "color": f"C{number % 10}"}
            line = "-" if any(p.iteration for p in own) else ""
            axis.plot(x, y, linestyle=line, label=method, **look)
        axis.axhline(0.5, color="0.6", linewidth=0.8, linestyle=":")
        axis.set(xscale="log", xlabel="minutes of training", title=name, ylim=(0.25, 1))
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("AUC on the test images")
    axes[0][-1].legend(fontsize=7, loc="lower right", ncols=2)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="AUC over the time of the training.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--runs", nargs="*", type=Path, default=[], metavar="RUN")
    parser.add_argument("--published", nargs="*", type=Path, default=[], metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("time_to_useful"), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        main(
            *(arguments.folder, arguments.runs, arguments.out, arguments.seed, arguments.published)
        )
    except HealthyGANError as error:
        sys.exit(f"error: {error}")
