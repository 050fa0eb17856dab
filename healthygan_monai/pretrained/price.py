"""The price of a change sets itself, without labels.

Prices of a ladder are tried in short trainings that keep some subjects out; the price whose
translations tell kept-out mixed images best from kept-out healthy ones (AUCp) is taken. A price too
high shuts the translation (AUCp 0.5), one too low lets it repaint healthy and mixed images alike.
Which price is tried next: :func:`healthygan_monai.pretrained.trials.next_price`.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from monai.data import DataLoader
from torch.utils.data import DataLoader as TorchLoader

from data_prep.datalist import Dataset
from data_prep.files import write_json
from healthygan_monai.data.kept_out import judges, keep_out
from healthygan_monai.data.lists import selection_items, training_items
from healthygan_monai.data.pairs import MixedHealthyPairs, StreamBatches
from healthygan_monai.data.plan import AUTO, longest_warmup
from healthygan_monai.data.reader import DecodedBatches
from healthygan_monai.errors import Diverged
from healthygan_monai.inferer import HealthyGANInferer, split_translation
from healthygan_monai.paths import RUN_FILE, read_run
from healthygan_monai.pretrained.trials import (
    Trial,
    best_price,
    next_price,
    read_trials,
    verdict,
    write_trials,
)
from healthygan_monai.rank_means import of_first_rank, unwrapped
from healthygan_monai.runs import is_first_rank
from healthygan_monai.scoring import image_score
from healthygan_monai.selection import aucp, aucp_error, finite
from healthygan_monai.trainer import HealthyGANTrainer
from healthygan_monai.training.averaging import MovingAverage
from healthygan_monai.training.checkpoints import RandomState
from healthygan_monai.training.handlers import Progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PriceSearch:
    """Try prices on fresh copies of a trainer's networks, and give the trainer the best one.

    A run with a searched price then goes on exactly as one with that price given. Trials that
    prices.csv already holds are not repeated, so a stopped search goes on.

    Args:
        dataset: the whole data set; its training sections alone are used.
        prices: the ladder.
        share: of the subjects kept out in a trial.
        folds: trials of each price, each with other subjects kept out.
        iterations: of a trial.
        batch_size, seed, ema, flip_prob: as in the training.
        transform: of all images.
    """

    dataset: Dataset
    prices: Sequence[float]
    share: float
    folds: int
    iterations: int
    batch_size: int
    seed: int
    ema: float
    flip_prob: float
    transform: Callable

    def __call__(self, price: float | str | None, trainer: HealthyGANTrainer, run: Path) -> None:
        """Set the trainer's price: the given one, or for ``auto`` the best of the ladder."""
        if price != AUTO:
            return
        random = RandomState()
        before = random.state_dict()  # as it is where prices.csv holds all trials already
        trials = read_trials(run)
        for fold in range(self.folds):
            while (candidate := next_price(self.prices, fold, trials)) is not None:
                found = self.trial(trainer, candidate, fold)
                trials.append(Trial(*of_first_rank(astuple(found))))
                if is_first_rank():
                    write_trials(run, trials)
        random.load_state_dict(before)
        best = best_price(trials)
        trainer.loss = replace(trainer.loss, price=best)
        if is_first_rank() and (run / RUN_FILE).is_file():
            write_json(run / RUN_FILE, {**read_run(run), "price": best})
        logger.info("%s.", verdict(trials))

    def trial(self, trainer: HealthyGANTrainer, price: float, fold: int) -> Trial:
        """Train a copy at a price, and judge it by the subjects of a fold."""
        learned, judging = keep_out(self.dataset, self.share, fold)
        pairs = MixedHealthyPairs(
            training_items(learned, "training_mixed"),
            training_items(learned, "training_healthy"),
            self.transform,
            self.iterations * self.batch_size,
            self.seed + fold,
            self.flip_prob,
        )
        loader = TorchLoader(pairs, batch_sampler=StreamBatches(self.iterations, self.batch_size))
        generator = copy.deepcopy(unwrapped(trainer.generator))
        critic = copy.deepcopy(unwrapped(trainer.critic))
        average = MovingAverage(generator, self.ema)
        trial = type(trainer)(
            trainer.state.device,
            self.iterations,
            self.iterations,
            loader,
            generator=generator,
            critic=critic,
            generator_optimizer=optimizer_like(trainer.generator_optimizer, generator),
            critic_optimizer=optimizer_like(trainer.critic_optimizer, critic),
            loss=replace(
                trainer.loss,
                price=price,
                price_warmup=min(trainer.loss.price_warmup, longest_warmup(self.iterations)),
            ),
            n_critic=trainer.n_critic,
            amp=trainer.amp,
            train_handlers=[average, Progress(self.iterations, f"price {price:g}, fold {fold}:")],
        )
        try:
            trial.run()
            score, changed = self._judge(average.model, judging, trainer)
        except Diverged as error:
            what = f"in the trial of price {price:g}, fold {fold}: {error.what}"
            raise Diverged(what, self._remedy(price)) from error
        subjects = judges(learned, judging)
        spread = aucp_error(score, *subjects) if subjects else 0.0
        masked = int(unwrapped(trainer.generator).translation == "masked")
        found = Trial(price, fold, self.iterations, score, changed, spread, masked)
        logger.info(
            "price %g, fold %d: AUCp %.3f on %s, %s %.1f %%",
            *(price, fold, score, "kept-out subjects" if subjects else "images trained on"),
            *("mask open by" if masked else "pixels changed:", 100 * changed),
        )
        return found

    def _remedy(self, price: float) -> str:
        """Say what to do about a price whose trial diverged."""
        others = ",".join(f"{other:g}" for other in self.prices if other != price)
        without = f", or without this price (--set prices=[{others}])" if others else ""
        return f"Begin a new run with a lower learning_rate{without}."

    def _judge(
        self, generator: torch.nn.Module, judging: Dataset, trainer: HealthyGANTrainer
    ) -> tuple[float, float]:
        """AUCp of the kept-out images, and the mean mask of the mixed ones."""
        score, label, mask = self._scores(generator, selection_items(judging), trainer)
        finite(score)
        return aucp(score[label == 1], score[label == 0]), float(mask[label == 1].mean())

    @torch.no_grad()
    def _scores(
        self, generator: torch.nn.Module, items: list[dict[str, Any]], trainer: HealthyGANTrainer
    ) -> tuple[torch.Tensor, ...]:
        """Scores, labels and mean masks (N,) of items."""
        images = DecodedBatches(items, self.transform)
        scores, labels, masks = [], [], []
        generator.eval()
        for batch in DataLoader(images, batch_size=self.batch_size):
            pred = HealthyGANInferer()(batch["image"].to(trainer.state.device), generator)
            _, mask, difference = split_translation(pred)
            scores.append(image_score(difference).cpu())
            masks.append(mask.mean((1, 2, 3)).cpu())
            labels.append(torch.as_tensor(batch["label"]))
        return tuple(torch.cat(parts) for parts in (scores, labels, masks))


def optimizer_like(
    optimizer: torch.optim.Optimizer, network: torch.nn.Module
) -> torch.optim.Optimizer:
    """Return a new optimiser of the same kind and settings for another network."""
    kind: Any = type(optimizer)
    return kind(network.parameters(), **optimizer.defaults)
