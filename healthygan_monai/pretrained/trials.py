"""Trials of prices: prices.csv, and which price they speak for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import mean

from data_prep.files import write_csv
from healthygan_monai.paths import PRICES_FILE
from healthygan_monai.records.rows import read_rows
from healthygan_monai.records.selection_csv import MEANS_LITTLE, REACH, UNDECIDED, of_kept_out
from healthygan_monai.training.states import is_shut

LEAST_REACH = 0.1  # of AUCp; the standard error of a perfect one is 0
MIDDLE = 3  # prices in the middle of the ladder, which are tried first


@dataclass(frozen=True)
class Trial:
    """One short training; a row of prices.csv.

    ``error`` is the standard error of ``aucp``, 0 where the judging subjects were trained on;
    ``changed`` is the mean mask of the kept-out mixed images: of an additive translation the share
    of pixels that it changes. ``masked`` is 1 for a masked translation.
    """

    price: float
    fold: int
    iterations: int
    aucp: float
    changed: float
    error: float = 0.0
    masked: int = 0

    @property
    def shut(self) -> bool:
        return is_shut(self.changed, not self.masked)


def next_price(ladder: Sequence[float], fold: int, trials: Sequence[Trial]) -> float | None:
    """Return the price to try next in a fold; None where the fold is done.

    The first fold tries the middle of the ladder, cheapest first, then goes on beyond an end of
    what it tried as long as the price there is the best by more than its standard error, or to
    cheaper ones where the best one shut the translation. The others try again what is in reach.
    Prices above one that shut what a cheaper one had opened are not tried.
    """
    prices, before = sorted(set(ladder)), [t for t in trials if t.fold < fold]
    here = {t.price: t for t in trials if t.fold == fold}
    shut = {price for price, trial in here.items() if trial.shut}
    opened = here.keys() - shut
    least = min((p for p in shut if opened and p > min(opened)), default=math.inf)
    begin = _begin(len(prices))
    first = prices[begin : begin + MIDDLE]
    again = [price for price in prices if in_reach(price, before)]
    for price in again if fold else first:
        if price not in here and price < least:
            return price
    if fold:
        return None
    means = mean_aucp(list(here.values()))
    best = max(means, key=lambda price: means[price])
    low, high = (prices.index(end(here)) for end in (min, max))
    clear = all(means[best] - means[p] > here[best].error for p in opened - {best})
    if low and (best in shut or (best == prices[low] and clear)):
        return prices[low - 1]
    if best == prices[high] < least and clear and high + 1 < len(prices):
        return prices[high + 1]
    return None


def most_trials(ladder: Sequence[float], folds: int) -> int:
    """Return how many trials a search has at most."""
    count = len(set(ladder))
    begin = _begin(count)
    return folds * min(count, MIDDLE + max(begin, count - MIDDLE - begin))


def _begin(count: int) -> int:
    return max(0, (count - MIDDLE) // 2)


def mean_aucp(trials: Sequence[Trial]) -> dict[float, float]:
    """Mean AUCp of each price over the folds that tried it, cheapest price first.

    A fold where it shut the translation, or where a cheaper one did, counts as 0.5.
    """
    shut: dict[int, float] = {}  # fold -> cheapest price that shut it
    for trial in trials:
        if trial.shut:
            shut[trial.fold] = min(trial.price, shut.get(trial.fold, math.inf))
    found = {(t.price, t.fold): t.aucp for t in trials if not t.shut}
    means: dict[float, float] = {}
    for price in sorted({trial.price for trial in trials}):
        closed = [
            0.5 for fold, least in shut.items() if least <= price and (price, fold) not in found
        ]
        means[price] = mean([aucp for (at, _), aucp in found.items() if at == price] + closed)
    return means


def in_reach(price: float, trials: Sequence[Trial]) -> bool:
    """Whether a price was tried and may still be the best: its mean AUCp is at most ``REACH``
    standard errors, or ``LEAST_REACH``, below the best one.
    """
    means = mean_aucp(trials)
    if price not in means:
        return False
    best = max(means, key=lambda each: means[each])
    return means[price] >= means[best] - max(LEAST_REACH, REACH * _error(trials, best))


def _error(trials: Sequence[Trial], price: float) -> float:
    """Standard error of the mean AUCp of a price over its folds."""
    errors = [trial.error for trial in trials if trial.price == price]
    return math.sqrt(sum(e**2 for e in errors)) / len(errors)


def best_price(trials: Sequence[Trial]) -> float:
    """Dearest price whose mean AUCp is within a standard error of the best; it changes least.

    A price that shut the translation in a fold, or was given up, is taken only if all did or were;
    the cheapest one if every trial was shut.
    """
    folds, means = {trial.fold for trial in trials}, mean_aucp(trials)
    opened = [t.price for t in trials if not t.shut]
    if not opened:
        return min(means)
    whole = {p: m for p, m in means.items() if opened.count(p) == len(folds)}
    means = whole or {price: means[price] for price in opened}
    best = max(means, key=lambda price: means[price])
    least = means[best] - _error(trials, best)
    return max(price for price, found in means.items() if found >= least)


def judged_by_kept_out(trials: Sequence[Trial]) -> bool:
    """Whether subjects that no trial learned from judged."""
    return all(of_kept_out(trial.aucp, trial.error) for trial in trials)


def verdict(trials: Sequence[Trial]) -> str:
    """Return in words the price, and whether AUCp could tell."""
    price = best_price(trials)
    if all(trial.shut for trial in trials):
        return (
            f"price {price:g}: every price that was tried shut the translation, so none could be "
            "judged. Give cheaper ones as prices"
        )
    means = mean_aucp(trials)
    leader = max(means, key=lambda at: means[at])
    best, error = means[leader], _error(trials, leader)
    of = "kept-out subjects" if judged_by_kept_out(trials) else "images that were trained on"
    text = f"price {price:g}: mean AUCp {means[price]:.3f} on {of}"
    if best < 1 - UNDECIDED:
        return f"{text}; at no price do mixed images score higher than healthy ones, {MEANS_LITTLE}"
    if best <= UNDECIDED:
        return f"{text}; the mixed and the healthy set look alike to every price, {MEANS_LITTLE}"
    if best - REACH * error <= 0.5:
        if leader != price:
            text += f"; the best is {best:.3f}, of price {leader:g}"
        return (
            f"{text}, standard error {error:.3f}; so few subjects cannot tell whether the two sets "
            "differ, nor which price is the best"
        )
    return text


def write_trials(run: Path, trials: Sequence[Trial]) -> None:
    """prices.csv, whole or not at all; ``chosen`` is 1 for the rows of the best price so far."""
    best = best_price(trials)
    names = (*Trial.__dataclass_fields__, "chosen")
    write_csv(run / PRICES_FILE, names, ((*astuple(t), int(t.price == best)) for t in trials))


def read_trials(run: Path) -> list[Trial]:
    """Return prices.csv of a run folder; empty where there is none.

    Raises:
        ModelError: it is broken; names the line.
    """
    return read_rows(run / PRICES_FILE, _trial, "a trial of a price")


def _trial(row: Mapping[str, str]) -> Trial:
    trial = Trial(
        float(row["price"]),
        int(row["fold"]),
        int(row["iterations"]),
        float(row["aucp"]),
        float(row["changed"]),
        float(row["error"]),
        int(row.get("masked") or 0),
    )
    shares = (trial.aucp, trial.changed, trial.error)
    if not (trial.price > 0 and math.isfinite(trial.price) and all(0 <= s <= 1 for s in shares)):
        raise ValueError("a price is above 0; an AUCp, its error and a share are from 0 to 1")
    return trial
