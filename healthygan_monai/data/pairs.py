"""The two streams of training: an image of the mixed set beside one of the healthy set."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import CacheDataset
from monai.transforms import Compose
from torch.utils.data import Dataset, Sampler

from data_prep.errors import UsageError

# the independent random streams of a seed
MIXED, HEALTHY, ALPHA, VIEWS, FLIPS = range(5)
FLIP = 4  # which number of a view mirrors the image: below a half


class MixedHealthyPairs(Dataset):
    """Endless in effect: pair ``k`` is a pure function of (seed, k).

    Each set is gone through in a new random order, independently of the other (the authors pair the
    same images over and over, ``docs/paper_vs_code.md``). An item is a dictionary of ``mixed`` and
    ``healthy`` (C, H, W) in [-1, 1], and two sets of random numbers in [0, 1): ``alpha`` (1, 1, 1),
    the interpolation weight of the gradient penalty, and ``views`` (4, 6), which turn, shift and
    mirror images (:mod:`healthygan_monai.pretrained.augmentation`). There is no label in it.
    Because nothing is drawn from a running generator, the stream does not depend on the number of
    workers or ranks, and resuming at iteration i means asking for its pairs.

    Args:
        data: items of the mixed set, dictionaries with ``image``; MONAI's name for a training list.
        healthy: items of the known-healthy set, likewise.
        transform: MONAI transforms of the key ``image``; deterministic ones are cached.
        length: number of pairs (iterations times batch size).
        seed: of the order, the flips and the interpolation weights.
        flip_prob: probability of a left-right flip, of an image and of a view of it; the authors
            have 0.5.
        cache_rate: share of each set kept in memory; of a set that ``length`` pairs do not use up,
            nothing, since no image comes twice.
    """

    def __init__(
        self,
        data: Sequence[dict[str, Any]],
        healthy: Sequence[dict[str, Any]],
        transform: Callable,
        length: int,
        seed: int = 0,
        flip_prob: float = 0.0,
        cache_rate: float = 1.0,
    ) -> None:
        for name, items in (("training_mixed", data), ("training_healthy", healthy)):
            if not items:
                raise ValueError(f"{name} is empty; HealthyGAN learns from both sets.")
        self.data = data
        self.transform = transform
        self.length = length
        self.seed = seed
        self.flip_prob = flip_prob
        self._sets = [
            CacheDataset(
                [{"image": i["image"]} for i in items],
                transform,
                cache_rate=cache_rate if length > len(items) else 0.0,
                progress=False,
            )
            for items in (data, healthy)
        ]
        self._orders: list[tuple[int, np.ndarray] | None] = [None, None]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, k: int) -> dict[str, torch.Tensor]:
        if not 0 <= k < self.length:
            raise IndexError(k)
        weight = np.random.default_rng([self.seed, ALPHA, k]).random(dtype=np.float32)
        views = np.random.default_rng([self.seed, VIEWS, k]).random((4, 6), dtype=np.float32)
        views[:, FLIP] = views[:, FLIP] >= self.flip_prob  # 0 mirrors, 1 does not
        flips = np.random.default_rng([self.seed, FLIPS, k]).random(2) < self.flip_prob
        mixed, healthy = self._image(MIXED, k), self._image(HEALTHY, k)
        return {
            "mixed": mixed.flip(-1) if flips[MIXED] else mixed,
            "healthy": healthy.flip(-1) if flips[HEALTHY] else healthy,
            "alpha": torch.full((1, 1, 1), float(weight)),
            "views": torch.from_numpy(views),
        }

    def _image(self, which: int, k: int) -> torch.Tensor:
        images = self._sets[which]
        if isinstance(images.transform, Compose):  # the user's own may draw at random
            drawn = np.random.SeedSequence([self.seed, which, k]).generate_state(1)[0]
            images.transform.set_random_state(seed=int(drawn))
        return torch.as_tensor(images[self._index(which, k)]["image"])

    def _index(self, which: int, k: int) -> int:
        count = len(self._sets[which])
        return int(self._order(which, k // count)[k % count])

    def names(self, k: int) -> tuple[str, str]:
        """Return the files of pair ``k``, mixed and healthy, below the folder of all images."""
        files = [[str(item["image"]) for item in images.data] for images in self._sets]
        root = os.path.commonpath([os.path.dirname(file) for of_set in files for file in of_set])
        mixed, healthy = (
            os.path.relpath(files[which][self._index(which, k)], root) for which in (MIXED, HEALTHY)
        )
        return mixed, healthy

    def _order(self, which: int, epoch: int) -> np.ndarray:
        cached = self._orders[which]
        if cached is None or cached[0] != epoch:
            rng = np.random.default_rng([self.seed, which, epoch, 0])
            cached = (epoch, rng.permutation(len(self._sets[which])))
            self._orders[which] = cached
        return cached[1]


class StreamBatches(Sampler[list[int]]):
    """Batches of consecutive pairs, from iteration ``start`` (0-based) on; a rank takes its share
    of each.

    Set ``start`` to the iterations already done, and training goes on as if it had never stopped.

    Raises:
        UsageError: the batch size is not a multiple of the number of ranks.
    """

    def __init__(
        self, max_iterations: int, batch_size: int, start: int = 0, rank: int = 0, ranks: int = 1
    ) -> None:
        if batch_size < 1 or batch_size % ranks:
            raise UsageError(
                f"batch_size is {batch_size}; expected a positive multiple of the number of ranks "
                f"({ranks})."
            )
        self.max_iterations = max_iterations
        self.batch_size = batch_size
        self.start = start
        self.rank = rank
        self.ranks = ranks

    def __len__(self) -> int:
        return max(0, self.max_iterations - self.start)

    def __iter__(self) -> Iterator[list[int]]:
        for iteration in range(self.start, self.max_iterations):
            yield self.pairs(iteration)

    def pairs(self, iteration: int) -> list[int]:
        """Return the pairs of this rank in an iteration, 0-based."""
        share = self.batch_size // self.ranks
        first = iteration * self.batch_size + self.rank * share
        return list(range(first, first + share))
