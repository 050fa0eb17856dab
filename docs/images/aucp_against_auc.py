"""AUC on the test images over AUCp, of every checkpoint of finished HealthyGAN runs.

python docs/images/aucp_against_auc.py FOLDER [FOLDER ...] --out NAME

For looking back only: it uses test labels, so nothing may be chosen by it. A FOLDER is a run folder
or holds some, as the output of a benchmark does. Each checkpoint scores the labelled test images of
its run's data set by the mean of the difference map, as AUCp does. AUCp and its standard error are
those of selection.csv; an error of 0 says that the judging images were trained on. The training
AUCp is of the images that were learned from. Relative paths in run.json start from the current
folder. Writes NAME.csv, one row a checkpoint, NAME.png with Spearman's rank correlation, and
NAME_curves.png: the three over the iterations, one line a run; none of kept-out subjects where
there are none. The correlation has no p-value, since the checkpoints of one run are alike.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.stats import spearmanr

from data_prep.datalist import UNLABELLED, Dataset, Item
from data_prep.errors import HealthyGANError, UsageError
from data_prep.files import read_json, write_csv
from healthygan_monai.benchmark.folders import SPECIFICATION
from healthygan_monai.config.devices import best_device
from healthygan_monai.data import image_transforms, load_dataset
from healthygan_monai.data.kept_out import keep_out
from healthygan_monai.evaluation.metrics import roc_auc
from healthygan_monai.models.about import method_of
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.models.scorer import generator_scorer, plain
from healthygan_monai.paths import CONFIG_FILE, MODEL_FILE, RUN_FILE, SELECTION_FILE, read_run
from healthygan_monai.pretrained.trials import best_price, read_trials
from healthygan_monai.scoring import HEALTHYGAN
from healthygan_monai.selection import generator_checkpoint, read_selection

BATCH = 16
FEWEST = 3  # checkpoints that a correlation needs
CURVES = {
    "training_aucp": "AUCp, images trained on",
    "aucp": "AUCp, subjects kept out",
    "test_auc": "AUC, test images",
}


class Point(NamedTuple):
    """One checkpoint; a row of the CSV. ``variant`` is empty outside of a benchmark's variants."""

    run: str
    dataset: str
    recipe: str
    variant: str
    seed: int
    price: float | None
    iteration: int
    aucp: float
    aucp_error: float
    training_aucp: float
    test_auc: float
    chosen: int


def main(folders: Sequence[Path], out: Path) -> None:
    points = [point for run in find_runs(folders) for point in points_of(run)]
    endings = (".csv", ".png", "_curves.png")
    table, picture, curves = (out.with_name(out.name + ending) for ending in endings)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(table, Point._fields, points)
    draw(points, picture)
    draw_curves(points, curves)
    print(f"{len(points)} checkpoints: {table} {picture} {curves}")


def find_runs(folders: Sequence[Path]) -> list[Path]:
    """Return the HealthyGAN runs in the folders that have checkpoints with an AUCp.

    Raises:
        UsageError: a folder has none.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        runs = [path.parent for path in sorted(folder.rglob(RUN_FILE)) if _is_meant(path.parent)]
        if not runs:
            raise UsageError(
                f"{folder}: no HealthyGAN run with {SELECTION_FILE} and its checkpoints; give run "
                "folders or the output of a benchmark."
            )
        found |= {run.resolve(): run for run in runs}
    return [*found.values()]


def _is_meant(run: Path) -> bool:
    return method_of(run / MODEL_FILE) == HEALTHYGAN and any(
        generator_checkpoint(run, row.iteration).is_file() for row in read_selection(run)
    )


def points_of(run: Path) -> Iterator[Point]:
    """Score the test images with each checkpoint of a run that selection.csv has an AUCp of.

    Raises:
        UsageError: the data set has changed since the training.
    """
    about, config, cell = read_run(run), read_json(run / CONFIG_FILE), run / SPECIFICATION
    size, channels = config["image_size"], config.get("image_channels", 1)
    dataset = load_dataset(about["dataset"], training=False)
    if dataset.content_hash != about["data_hash"]:
        raise UsageError(f"{about['dataset']}: not the images that {run} was trained on.")
    tests = [item for item in dataset.sections["test"] if item.label is not None]
    if not tests:
        raise UsageError(f"{about['dataset']}: no test image has a label.")
    learned, _ = keep_out(dataset, config.get("kept_out", 0.0), about["seed"])
    mixed, healthy = (learned.sections[name] for name in UNLABELLED)
    positive = [1] * len(mixed) + [0] * len(healthy)
    images = images_of(dataset, (*tests, *mixed, *healthy), size, channels)
    variant = read_json(cell).get("variant", "") if cell.is_file() else ""
    for row in read_selection(run):
        path = generator_checkpoint(run, row.iteration)
        if path.is_file():
            scores = scores_of(path, images)
            auc = roc_auc([item.label for item in tests], scores[: len(tests)])
            flattered = roc_auc(positive, scores[len(tests) :])
            facts = (str(run), dataset.name, config.get("recipe", "paper"), variant, about["seed"])
            judged = (row.iteration, row.aucp, row.aucp_error, flattered, auc, row.chosen)
            yield Point(*facts, price_of(run, config), *judged)


def images_of(dataset: Dataset, items: Sequence[Item], size: int, channels: int) -> torch.Tensor:
    """Return the images (N, C, H, W) in [-1, 1]."""
    transform = image_transforms(size, None, channels)
    paths = [str(dataset.image_path(item)) for item in items]
    return torch.stack([plain(transform({"image": path})["image"]) for path in paths])


def scores_of(checkpoint: Path, images: torch.Tensor) -> np.ndarray:
    """Return the scores (N,) of images (N, C, H, W)."""
    device, (_, channels, size, _) = best_device(), images.shape
    generator = load_generator(load_state(checkpoint)).to(device)
    scorer = generator_scorer(generator, size, channels, device)
    return torch.cat([scorer(part).scores.cpu() for part in images.split(BATCH)]).numpy()


def price_of(run: Path, config: dict[str, Any]) -> float | None:
    """Return the price of the training, from prices.csv if it was searched; None without one."""
    price = config.get("price")
    return best_price(read_trials(run)) if price == "auto" else price


def correlation(points: Sequence[Point]) -> str:
    """Return Spearman's rank correlation of AUCp and AUC in words; a dash where it has none."""
    aucp, auc = [p.aucp for p in points], [p.test_auc for p in points]
    known = len(points) >= FEWEST and len(set(aucp)) > 1 and len(set(auc)) > 1
    value = f"{spearmanr(aucp, auc).statistic:.2f}" if known else "–"
    return f"Spearman {value}, {len(points)} checkpoints"


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw one dot a checkpoint, in a colour for each data set."""
    figure, axis = plt.subplots(figsize=(6.5, 5), layout="constrained")
    for name in dict.fromkeys(point.dataset for point in points):
        own = [point for point in points if point.dataset == name]
        text = f"{name}: {correlation(own)}"
        axis.scatter([p.aucp for p in own], [p.test_auc for p in own], s=16, alpha=0.7, label=text)
    axis.plot([], [], " ", label=f"all: {correlation(points)}")
    axis.set(xlabel="AUCp (no labels)", ylabel="AUC on the test images (labels)")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_curves(points: Sequence[Point], path: Path) -> None:
    """Draw training AUCp, kept-out AUCp and test AUC over the iterations, a panel a data set."""
    names = [*dict.fromkeys(point.dataset for point in points)]
    figure, axes = plt.subplots(
        1, len(names), figsize=(4.5 * len(names), 4), layout="constrained", squeeze=False
    )
    for axis, name in zip(axes[0], names, strict=True):
        runs = [*dict.fromkeys(point.run for point in points if point.dataset == name)]
        for (field, text), colour in zip(
            CURVES.items(), ("tab:grey", "tab:blue", "tab:red"), strict=True
        ):
            for run in runs:
                own = sorted((p.iteration, getattr(p, field)) for p in points if p.run == run)
                nobody = not any(p.aucp_error for p in points if p.run == run)
                if field == "aucp" and nobody:  # its AUCp is that of the images trained on
                    continue
                axis.plot(*zip(*own, strict=True), color=colour, alpha=0.7, label=text)
                text = "_" + text  # one entry in the legend
        axis.set(xlabel="iteration", title=name, ylim=(0, 1))
        axis.grid(alpha=0.3)
    max(axes[0], key=lambda axis: len(axis.get_legend_handles_labels()[0])).legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="AUC on the test images over AUCp.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=Path("aucp_against_auc"), metavar="NAME")
    arguments = parser.parse_args()
    try:
        main(arguments.folders, arguments.out)
    except HealthyGANError as error:
        sys.exit(f"error: {error}")
