"""The GANs so small that a fit takes a second, and phantom films for them."""

from typing import Any

import numpy as np
import torch
from tiny_detectors import TINY

from data_prep.phantom.anatomy import Anatomy, Lesion
from data_prep.phantom.film import film
from healthygan_monai.baselines.gan.base import Gan
from healthygan_monai.baselines.gan.data import noise_generator
from healthygan_monai.baselines.gan.detector import GanDetector

SIDE, ITERATIONS = 16, 6


def films(count: int, seed: int = 0, side: int = SIDE, diseased: bool = False) -> torch.Tensor:
    """Phantom films (count, 1, side, side) in [-1, 1]."""
    drawn = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        anatomy, lesion = Anatomy.draw(rng), Lesion.draw(rng)
        drawn.append(film(rng, side, lesion if diseased else None, anatomy)[0])
    return torch.from_numpy(np.stack(drawn)).float()[:, None] * 2 - 1


def tiny(method: type[GanDetector], **changes: Any) -> GanDetector:
    return method(**{**TINY[method.name], "max_iterations": ITERATIONS, **changes})


def networks(method: type[GanDetector], side: int = SIDE, channels: int = 1, **changes: Any) -> Gan:
    """Its networks with optimisers, of a fixed seed."""
    settings = tiny(method, **changes).settings.resolved(20, (channels, side, side))
    return method.build(settings, 0).train_on("cpu")


def published(method: type[GanDetector], side: int, channels: int, **changes: Any) -> Gan:
    """The networks with the published settings."""
    settings = method.make_settings(**changes).resolved(1000, (channels, side, side))
    return method.build(settings, 0)


def noise(iteration: int = 0) -> torch.Generator:
    return noise_generator(0, iteration, "cpu")


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def weights(network: torch.nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in network.parameters()]


def moved(gan: Gan, names: list[str], step) -> list[str]:
    """Which of the named networks ``step`` changed."""
    before = {name: weights(getattr(gan, name)) for name in names}
    step()
    return [
        name
        for name in names
        if any(
            not torch.equal(a, b)
            for a, b in zip(before[name], weights(getattr(gan, name)), strict=True)
        )
    ]
