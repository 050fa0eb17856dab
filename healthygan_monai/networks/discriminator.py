"""Discriminator (critic) of HealthyGAN: paper Table 2."""

import torch
from torch import nn
from torch.nn import functional as F

from data_prep.errors import UsageError

# from here on, on a CPU, a matrix product beats the convolution (measured)
WEIGHTS_PER_PIXEL = 100_000


class HalvingConv(nn.Conv2d):
    """Convolution 4x4, stride 2, padding 1: (B, C, H, W) -> (B, C', H/2, W/2).

    Where few output pixels share many weights, CPU convolutions spend their time rearranging
    weights; there the same sums are taken as one matrix product (``benchmarks/train_step.py``).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the convolution: (B, C, H, W) -> (B, C', H/2, W/2)."""
        height, width = input.shape[-2] // 2, input.shape[-1] // 2
        if input.is_cuda or self.weight.numel() < WEIGHTS_PER_PIXEL * height * width:
            return super().forward(input)
        patches = F.unfold(input, 4, stride=2, padding=1).transpose(1, 2)  # (B, H/2 * W/2, C * 16)
        out = F.linear(patches.flatten(0, 1), self.weight.flatten(1), self.bias)
        return out.view(-1, height, width, self.out_channels).permute(0, 3, 1, 2).contiguous()


class Discriminator(nn.Module):
    """Image -> patch map of realness: (B, C, H, W) in [-1, 1] -> (B, 1, H / 2**layers, W /
    2**layers), unbounded.

    ``layers`` strided 4x4 convolutions with bias and LeakyReLU(0.01), doubling the width each time,
    then a 3x3 convolution without bias to one channel; no normalisation, as the gradient penalty
    needs. ``image_channels=3, channels=64, layers=6`` is the published critic: 44,721,088
    parameters.

    Args:
        image_channels: C.
        channels: width after the first layer.
        layers: number of strided layers; the image side must be at least 2**layers.

    Source: paper Table 2; authors' model.py.

    >>> Discriminator(image_channels=1, channels=2, layers=3)(torch.zeros(4, 1, 32, 32)).shape
    torch.Size([4, 1, 4, 4])
    """

    def __init__(self, image_channels: int = 1, channels: int = 64, layers: int = 6) -> None:
        super().__init__()
        if min(image_channels, channels, layers) < 1:
            raise UsageError(
                f"Discriminator(image_channels={image_channels}, channels={channels}, "
                f"layers={layers}): sizes must be positive."
            )
        main: list[nn.Module] = []
        width = image_channels
        for i in range(layers):
            main += [HalvingConv(width, channels * 2**i), nn.LeakyReLU(0.01)]
            width = channels * 2**i
        self.main = nn.Sequential(*main)
        self.conv1 = nn.Conv2d(width, 1, 3, padding=1, bias=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the realness: (B, C, H, W) -> (B, 1, H / 2**layers, W / 2**layers)."""
        return self.conv1(self.main(image))
