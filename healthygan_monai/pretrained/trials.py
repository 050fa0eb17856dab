"""Trials of prices: prices.csv, and which price they speak for."""

import csv
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import mean

from data_prep.files import write_csv
from healthygan_monai.paths import PRICES_FILE
from healthygan_monai.training.states import NOTHING_CHANGES

UNDECIDED = 0.55  # best AUCp at or below which the two sets look alike


@dataclass(frozen=True)
class Trial:
    """One short training; a row of prices.csv.

    ``error`` is the standard error of ``aucp``, 0 where the judging subjects were trained on;
    ``changed`` is the mean share of pixels that the translation of kept-out mixed images changes.
    """

    price: float
    fold: int
    iterations: int
    aucp: float
    changed: float
    error: float = 0.0


def mean_aucp(trials: Sequence[Trial]) -> dict[float, float]:
    """Mean AUCp of each price over the folds, cheapest price first.

    A fold where it shut the translation, or was not tried since a cheaper one did, counts as 0.5.
    """
    folds = {trial.fold for trial in trials}
    found = {(t.price, t.fold): t.aucp for t in trials if t.changed >= NOTHING_CHANGES}
    return {
        price: mean(found.get((price, fold), 0.5) for fold in folds)
        for price in sorted({trial.price for trial in trials})
    }


def best_price(trials: Sequence[Trial]) -> float:
    """Dearest price whose mean AUCp is within a standard error of the best; it changes least.

    A price that shut the translation in a fold is taken only if all did.
    """
    folds, means = {trial.fold for trial in trials}, mean_aucp(trials)
    opened = [t.price for t in trials if t.changed >= NOTHING_CHANGES]
    whole = {p: m for p, m in means.items() if opened.count(p) == len(folds)}
    means = whole or means
    best = max(means, key=lambda price: means[price])
    errors = [trial.error for trial in trials if trial.price == best]
    error = math.sqrt(sum(e**2 for e in errors)) / len(errors)  # of a mean over folds
    return max(price for price, found in means.items() if found >= means[best] - error)


def verdict(trials: Sequence[Trial]) -> str:
    """One sentence: the price, and whether AUCp could tell."""
    price = best_price(trials)
    found = mean_aucp(trials)[price]
    text = f"price {price:g}: mean AUCp {found:.3f} on kept-out subjects"
    if found > UNDECIDED:
        return text
    return (
        f"{text}; the mixed and the healthy set look alike to every price, so the choice means "
        "little. Either the mixed set holds no disease that shows, or training needs more images."
    )


def write_trials(run: Path, trials: Sequence[Trial]) -> None:
    """prices.csv, whole or not at all; ``chosen`` is 1 for the rows of the best price so far."""
    best = best_price(trials)
    names = (*Trial.__dataclass_fields__, "chosen")
    write_csv(run / PRICES_FILE, names, ((*astuple(t), int(t.price == best)) for t in trials))


def read_trials(run: Path) -> list[Trial]:
    """prices.csv of a run folder; empty where there is none."""
    path = run / PRICES_FILE
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Trial(
                float(r["price"]),
                int(r["fold"]),
                int(r["iterations"]),
                float(r["aucp"]),
                float(r["changed"]),
                float(r["error"]),
            )
            for r in csv.DictReader(stream)
        ]
