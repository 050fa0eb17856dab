"""ALAD's networks: encoder, generator and the three discriminators of pairs; see ``alad``."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from healthygan_monai.baselines.gan.blocks import Dropout, SameConv2d, batch_norm, halvings

CONCATENATIONS = ("channels", "height")
DROPOUT = 0.2


def widths(image_size: int, features: int) -> list[int]:
    """Channels of E's layers: 128, 256, 512, 512, ..."""
    return [features * min(2**level, 4) for level in range(halvings(image_size, 4))]


def with_spectral_norm(network: nn.Module) -> nn.Module:
    """Divide the weight of every layer but the last by its largest singular value."""
    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    for layer in layers[:-1]:
        spectral_norm(layer)
    return network


def encoder(image_size: int, channels: int, features: int, latent: int) -> nn.Sequential:
    """E: (B, C, H, W) -> (B, latent)."""
    layers: list[nn.Module] = []
    for wide in widths(image_size, features):
        layers += [nn.Conv2d(channels, wide, 4, 2, 1), batch_norm(wide), nn.LeakyReLU(0.2)]
        channels = wide
    return nn.Sequential(*layers, nn.Conv2d(channels, latent, 4), nn.Flatten())


def generator(image_size: int, channels: int, features: int, latent: int) -> nn.Sequential:
    """G: (B, latent) -> (B, C, H, W) in [-1, 1]; no spectral norm."""
    outs = widths(image_size, features)[::-1]
    layers: list[nn.Module] = [
        nn.Unflatten(1, (latent, 1, 1)),
        nn.ConvTranspose2d(latent, outs[0], 4),
        batch_norm(outs[0]),
        nn.ReLU(),
    ]
    for width, narrow in pairwise(outs):
        layers += [nn.ConvTranspose2d(width, narrow, 4, 2, 1), batch_norm(narrow), nn.ReLU()]
    last = nn.ConvTranspose2d(outs[-1], channels, 4, 2, 1)
    return nn.Sequential(*layers, last, nn.Tanh())


class Discriminator(nn.Module):
    """Features of a pair and a linear layer on them; returns logits (B,) and features."""

    features: nn.Module
    end: nn.Module

    def forward(
        self, first: torch.Tensor, second: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.features(self.joined(first, second))
        return self.end(features).flatten(), features

    def joined(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return torch.cat([first, second], 1)


class DiscriminatorXZ(Discriminator):
    """(B, C, H, W) and (B, latent)."""

    def __init__(self, image_size: int, channels: int, features: int, latent: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level, wide in enumerate(widths(image_size, features)):
            layers.append(nn.Conv2d(channels, wide, 4, 2, 1))
            layers += [*([batch_norm(wide)] if level else []), nn.LeakyReLU(0.2)]
            channels = wide
        self.of_image = nn.Sequential(*layers, nn.Flatten())
        hidden = 4 * features
        self.of_code = nn.Sequential(*dense(latent, hidden), *dense(hidden, hidden))
        self.features = nn.Sequential(*dense(channels * 4 * 4 + hidden, 2 * hidden))
        self.end = nn.Linear(2 * hidden, 1)

    def joined(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.of_image(first), self.of_code(second)], 1)


class DiscriminatorXX(Discriminator):
    """(B, C, H, W) twice, joined ``along`` one of :data:`CONCATENATIONS`."""

    def __init__(self, image_size: int, channels: int, features: int, along: str) -> None:
        super().__init__()
        self.along = CONCATENATIONS.index(along) + 1
        width = channels * (2 if self.along == 1 else 1)
        layers: list[nn.Module] = []
        for level in range(halvings(image_size, 8)):
            wide = features // (1 if level else 2)
            layers += [SameConv2d(width, wide, 5, 2), nn.LeakyReLU(0.2), Dropout(DROPOUT)]
            width = wide
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.end = nn.Linear(width * 8 * 8 * self.along, 1)

    def joined(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return torch.cat([first, second], self.along)


class DiscriminatorZZ(Discriminator):
    """(B, latent) twice."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*dense(2 * latent, 64), *dense(64, 32))
        self.end = nn.Linear(32, 1)


def dense(inputs: int, outputs: int) -> list[nn.Module]:
    """A linear layer, LeakyReLU 0.2, dropout 0.2."""
    return [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2), Dropout(DROPOUT)]
