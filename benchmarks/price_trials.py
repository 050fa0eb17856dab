"""Search the price as ``healthygan train`` does, and say how well AUCp tells the prices apart.

    python benchmarks/price_trials.py DATASET --seed N

It takes the words of ``healthygan train`` and ends when the price is found. For looking back only:
each trial scores the labelled test images too, so nothing may be chosen by it. Prints a table, a
row a price: mean over the folds of AUCp and of the AUC on the test images, and Spearman's rank
correlation of the two over all trials. The run folder keeps prices.csv, as always, and
``trials.csv``, a row a trial.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import mean

import torch
from scipy.stats import spearmanr

from data_prep.datalist import Dataset
from data_prep.errors import UsageError
from data_prep.files import write_csv
from healthygan_monai import bundle_api
from healthygan_monai.cli.main import main
from healthygan_monai.data.lists import labelled_items
from healthygan_monai.data.plan import AUTO
from healthygan_monai.evaluation.metrics import roc_auc
from healthygan_monai.pretrained.price import PriceSearch
from healthygan_monai.pretrained.trials import best_price, read_trials
from healthygan_monai.trainer import HealthyGANTrainer

FILE = "trials.csv"
tested: list[float] = []  # AUC on the test images, a number a trial


class LookedAt(PriceSearch):
    """The search, which scores the test images with the weights of each trial."""

    def __call__(self, price: float | str | None, trainer: HealthyGANTrainer, run: Path) -> None:
        if price != AUTO:
            raise UsageError(f"price is {price}, which is not searched; expected {AUTO}.")
        if read_trials(run):
            raise UsageError(f"{run}: some prices were tried before; begin a new run.")
        super().__call__(price, trainer, run)
        trials = read_trials(run)
        rows = [(t.price, t.fold, t.aucp, auc) for t, auc in zip(trials, tested, strict=True)]
        write_csv(run / FILE, ("price", "fold", "aucp", "test_auc"), rows)
        print(
            f"| price, {best_price(trials):g} taken | trials | AUCp | test AUC |\n|---|---|---|---|"
        )
        for tried in sorted({row[0] for row in rows}):
            own = [row for row in rows if row[0] == tried]
            means = " | ".join(f"{mean(row[k] for row in own):.2f}" for k in (2, 3))
            print(f"| {tried:g} | {len(own)} | {means} |")
        rank = spearmanr([row[2] for row in rows], [row[3] for row in rows]).statistic
        told = "has no rank correlation" if math.isnan(rank) else f"Spearman {rank:.2f}"
        print(f"{told}, {len(rows)} trials")
        raise SystemExit(0)

    def _judge(
        self, generator: torch.nn.Module, judging: Dataset, trainer: HealthyGANTrainer
    ) -> tuple[float, float]:
        found = super()._judge(generator, judging, trainer)
        items = [
            {"image": item["image"], "label": item["label"]}
            for item in labelled_items(self.dataset, ("test",))
            if item["label"] >= 0
        ]
        score, label, _ = self._scores(generator, items, trainer)
        tested.append(roc_auc(label.tolist(), score.tolist()))
        return found


if __name__ == "__main__":
    bundle_api.PriceSearch = LookedAt
    sys.exit(main(["train", *sys.argv[1:]]))
