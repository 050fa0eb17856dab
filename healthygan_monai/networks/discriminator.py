"""Discriminator (critic) of HealthyGAN: paper Table 2."""

from __future__ import annotations

import torch
from torch import nn


class Discriminator(nn.Module):
    """Image -> patch map of realness: (B, C, H, W) in [-1, 1] -> (B, 1, H / 2**layers, W / 2**layers), unbounded.

    ``layers`` strided 4x4 convolutions with bias and LeakyReLU(0.01), doubling the width each time, then a
    3x3 convolution without bias to one channel; no normalisation, as the gradient penalty needs.
    ``image_channels=3, channels=64, layers=6`` is the published critic: 44,721,088 parameters.

    Args:
        image_channels: C.
        channels: width after the first layer.
        layers: number of strided layers; the image side must be at least 2**layers.

    Source: paper Table 2; authors' model.py.
    """

    def __init__(self, image_channels: int = 1, channels: int = 64, layers: int = 6) -> None:
        super().__init__()
        if min(image_channels, channels, layers) < 1:
            raise ValueError(
                f"Discriminator(image_channels={image_channels}, channels={channels}, layers={layers}): "
                "sizes must be positive."
            )
        main: list[nn.Module] = []
        width = image_channels
        for i in range(layers):
            main += [nn.Conv2d(width, channels * 2**i, 4, stride=2, padding=1), nn.LeakyReLU(0.01)]
            width = channels * 2**i
        self.main = nn.Sequential(*main)
        self.conv1 = nn.Conv2d(width, 1, 3, padding=1, bias=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv1(self.main(image))
