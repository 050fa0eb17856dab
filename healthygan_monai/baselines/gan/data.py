"""Read healthy images in an order that is a function of the seed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Subset

from data_prep.errors import UsageError
from healthygan_monai.baselines.images import Batches, Images, Shape, checked_batches, shape_of

ORDER, FLIP, NOISE, HELD_OUT = 1, 10, 11, 12  # names of the independent random streams of a seed


class StoredImages:
    """Images (C, H, W) in a file of float32."""

    def __init__(self, path: Path, count: int, shape: Shape) -> None:
        self.shape = shape
        self.content = np.memmap(path, np.float32, "r", shape=(count, *shape))

    def __len__(self) -> int:
        return len(self.content)

    def __getitem__(self, k: int) -> torch.Tensor:
        return torch.from_numpy(np.array(self.content[k]))


@contextmanager
def stored(source: Batches) -> Iterator[StoredImages]:
    """Write one pass over the source to a temporary file, to save memory."""
    with tempfile.TemporaryDirectory(prefix="healthygan-", ignore_cleanup_errors=True) as folder:
        path, count, shape = Path(folder) / "healthy.f32", 0, (0, 0, 0)
        with path.open("wb") as file:
            for batch in checked_batches(source, "healthy"):
                file.write(np.ascontiguousarray(batch.cpu().numpy()).tobytes())
                count, shape = count + len(batch), shape_of(batch)
        images = StoredImages(path, count, shape)
        try:
            yield images
        finally:
            del images


def held_out(images: Images, share: float, seed: int) -> tuple[Subset, Subset]:
    """Return training images and round(share x n) held-out images; neither may be empty."""
    count = round(share * len(images))
    if not 0 < count < len(images):
        raise UsageError(
            f"validation_share {share} of {len(images)} images leaves {len(images) - count} to "
            f"train on and {count} to validate on; expected at least one of each."
        )
    order = np.random.default_rng([seed, HELD_OUT]).permutation(len(images)).tolist()
    every: Any = images  # a Subset needs no more than Images have
    return Subset(every, sorted(order[count:])), Subset(every, sorted(order[:count]))


class HealthyStream(Dataset):
    """A stream in which image ``k`` is a pure function of (seed, k).

    The set is read in a new random order each time; an item is ``{"image": (C, H, W)}``. Resuming
    at iteration i means reading its images, as in
    :class:`~healthygan_monai.data.pairs.MixedHealthyPairs`.
    """

    def __init__(self, images: Images, length: int, seed: int = 0, flip_prob: float = 0.0) -> None:
        self.images, self.length, self.seed, self.flip_prob = images, length, seed, flip_prob
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, k: int) -> dict[str, torch.Tensor]:
        if not 0 <= k < self.length:
            raise IndexError(k)
        epoch, place = divmod(k, len(self.images))
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, ORDER, epoch])
            self._order = (epoch, rng.permutation(len(self.images)))
        image = self.images[int(self._order[1][place])]
        if self.flip_prob and np.random.default_rng([self.seed, FLIP, k]).random() < self.flip_prob:
            image = image.flip(-1)
        return {"image": image}


def noise_generator(seed: int, iteration: int, device: torch.device | str) -> torch.Generator:
    """Return the generator of an iteration: a function of seed, iteration and kind of device."""
    (state,) = np.random.SeedSequence([seed, NOISE, iteration]).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))
