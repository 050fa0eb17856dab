"""ALOCC's networks, with TensorFlow's padding: R refines, D judges; sizes as in ``alocc``."""

import torch
from torch import nn
from torch.nn import functional

from data_prep.errors import UsageError
from healthygan_monai.baselines.gan.blocks import SameConv2d, SameConvTranspose2d

PUBLISHED_HALVINGS = 3
PUBLISHED_UP_TO = 64  # pixels: the last size for which R has the published depth


def sides(image_size: int, halvings: int) -> list[int]:
    """Return the sides after 0, 1, ... halvings, rounded up: 45, 23, 12, 6."""
    found = [image_size]
    for _ in range(halvings):
        found.append(-(-found[-1] // 2))
    return found


def depth(image_size: int) -> int:
    """Return R's halvings: 3 up to 64 pixels, one more for every doubling; below 16 raise."""
    if image_size < 16:
        raise UsageError(f"image_size is {image_size}; expected at least 16 pixels.")
    further = max(0, (-(-image_size // PUBLISHED_UP_TO) - 1).bit_length())
    return PUBLISHED_HALVINGS + further


class Refiner(nn.Module):
    """R: halves ``depth`` times, doubling the channels, and back to the image."""

    def __init__(self, image_size: int, channels: int, features: int) -> None:
        super().__init__()
        halvings = depth(image_size)
        self.sides = sides(image_size, halvings)
        down: list[nn.Module] = []
        width = channels
        for level in range(halvings):
            wide = features * 2 ** (level + 1)
            down += [SameConv2d(width, wide, 5, 2), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2)]
            width = wide
        self.down = nn.Sequential(*down)
        self.up, self.norms = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(halvings)):
            narrow = features * 2 ** (level - 1) if level else channels
            self.up.append(SameConvTranspose2d(width, narrow, 5, 2))
            if level:
                self.norms.append(nn.BatchNorm2d(narrow))
            width = narrow

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, H, W) in [-1, 1]."""
        x = self.down(images)
        targets = self.sides[-2::-1]  # of a size 45: 12, 23, 45
        for layer, norm, side in zip(self.up, self.norms, targets[:-1], strict=False):
            x = functional.relu(norm(layer(x, (side, side))))
        return torch.tanh(self.up[-1](x, (targets[-1], targets[-1])))


def discriminator(image_size: int, channels: int, features: int) -> nn.Sequential:
    """D: (B, C, H, W) -> logits (B, 1); one halving more than R, no norm after the first."""
    halvings = depth(image_size) + 1
    layers: list[nn.Module] = [SameConv2d(channels, features, 5, 2), nn.LeakyReLU(0.2)]
    width = features
    for _ in range(halvings - 1):
        layers += [SameConv2d(width, 2 * width, 5, 2), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
        width *= 2
    left = sides(image_size, halvings)[-1]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * left * left, 1))
