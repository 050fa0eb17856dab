"""Generator of HealthyGAN: paper Table 3, with details from the authors' code (model.py).

:class:`Generator` makes the paper's masked translation, :class:`AdditiveGenerator` a change.
"""

import torch
from torch import nn
from torch.nn import functional as F

from data_prep.errors import UsageError

DEAD_ZONE = 0.02  # of the grey range: up to here a change counts for LEAK of itself in a score
LEAK = 0.05  # share of a change in the dead zone that counts
SMALL = 1e-3  # standard deviation of the last layer where training starts from B' = x


class InstanceNorm(nn.InstanceNorm2d):
    """Per-image statistics in training and at test time alike, with a learned scale and shift.

    The authors track running statistics but never leave training mode, so their published scores
    use per-image statistics. Not tracking any makes ``eval()`` agree with that, and makes a score
    independent of whatever else is in the batch.

    Computed as a group normalisation with one channel a group: the same, and PyTorch's faster
    kernel on a CPU (``benchmarks/train_step.py``).
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True, track_running_stats=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return w (x - mean) / sqrt(var + eps) + b, (B, C, H, W); moments of each plane."""
        return F.group_norm(x, self.num_features, self.weight, self.bias, self.eps)


class LastConvolution(nn.Conv2d):
    """The last 7 x 7 convolution, channels-last: of few output channels twice as fast on a CPU."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(channels, out_channels, 7, padding=3, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, channels, H, W) -> (B, out_channels, H, W)."""
        x = x.contiguous(memory_format=torch.channels_last)
        return F.conv2d(x, self.weight, padding=3).contiguous()


class ResidualBlock(nn.Module):
    """x + f(x), f = conv 3x3, norm, ReLU, conv 3x3, norm; no ReLU after the sum; (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            InstanceNorm(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            InstanceNorm(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x + f(x): (B, C, H, W) -> (B, C, H, W)."""
        return x + self.main(x)


class Generator(nn.Module):
    """Image -> intermediate healthy image and mask, as one tensor.

    Input (B, C, H, W) in [-1, 1] with H and W divisible by 4; output (B, C + 1, H, W): the first C
    channels are the intermediate image in [-1, 1] (tanh), the last one is the mask in [0, 1] ((tanh
    + 1) / 2). How the two make the healthy image is :mod:`healthygan_monai.composition`'s business.

    With ``image_channels=3, channels=64, blocks=6`` it is the published network: 8,417,984
    parameters in the order and with the names of the authors' ``main.*`` modules.

    Args:
        image_channels: C; 1 for radiographs and MRI, 3 for the published checkpoints.
        channels: width after the first convolution; it doubles twice on the way down.
        blocks: number of residual blocks in the bottleneck.

    Source: paper Table 3; authors' model.py. Table 3 says ConvTranspose2d for the last layer, the
    code has Conv2d; the code is followed (``docs/paper_vs_code.md``).

    >>> Generator(image_channels=1, channels=2, blocks=1)(torch.zeros(4, 1, 32, 32)).shape
    torch.Size([4, 2, 32, 32])
    """

    translation = "masked"

    def __init__(self, image_channels: int = 1, channels: int = 64, blocks: int = 6) -> None:
        super().__init__()
        if min(image_channels, channels) < 1 or blocks < 0:
            raise UsageError(
                f"Generator(image_channels={image_channels}, channels={channels}, "
                f"blocks={blocks}): sizes must be positive (blocks may be 0)."
            )
        self.image_channels = image_channels
        layers: list[nn.Module] = [
            nn.Conv2d(image_channels, channels, 7, padding=3, bias=False),
            InstanceNorm(channels),
            nn.ReLU(inplace=True),
        ]
        for width in (channels, 2 * channels):  # (B, 4 * channels, H/4, W/4) after both
            layers += [
                nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
                InstanceNorm(2 * width),
                nn.ReLU(inplace=True),
            ]
        layers += [ResidualBlock(4 * channels) for _ in range(blocks)]
        for width in (4 * channels, 2 * channels):  # back to (B, channels, H, W)
            layers += [
                nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False),
                InstanceNorm(width // 2),
                nn.ReLU(inplace=True),
            ]
        layers.append(LastConvolution(channels, image_channels + 1))
        self.main = nn.Sequential(*layers)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the intermediate image and the mask: (B, C, H, W) -> (B, C + 1, H, W)."""
        out = torch.tanh(self.main(image))  # (B, C + 1, H, W) in [-1, 1]
        mask = (out[:, self.image_channels :] + 1) / 2
        return torch.cat([out[:, : self.image_channels], mask], dim=1)


class AdditiveGenerator(Generator):
    """Image (B, C, H, W) in [-1, 1] -> change m of it, (B, C, H, W) in [-2, 2]: B' = x + m.

    The layers of :class:`Generator` with C channels at the end, f(x):

    * ``tanh_of_sum=False``: m = 2 tanh f(x). The last layer starts near zero, so that training
      starts from B' = x. B' may leave [-1, 1]; pictures show it clipped. (Clipping it in training
      shuts the translation: black pixels then lose their gradient.)
    * ``tanh_of_sum=True``: m = tanh(x + f(x)) - x, as the authors of Brainomaly have it.

    When it scores (``eval()``), m is the mean over the image and its mirror image if it is
    ``mirrored``: (m(x) + flip(m(flip(x)))) / 2, left and right. What only one of the two shows is
    mostly noise. It is for networks that were trained on mirrored images too.

    Then a change of up to ``dead_zone`` of the grey range counts for a twentieth, and others are
    less by as much: 0.02, five of 255 levels, is too little to see, and over a whole image adds up
    to more than a small lesion. The order of changes stays, and so what is brightest. ``mirrored``,
    ``dead_zone`` and which of the two forms it is are kept with the weights.

    Source: Baumgartner et al., CVPR 2018 (VA-GAN), Sec. 3; Rahman Siddiquee et al., WACV 2024
    (Brainomaly), Sec. 3.2.

    >>> AdditiveGenerator(image_channels=1, channels=2, blocks=1)(torch.zeros(4, 1, 32, 32)).shape
    torch.Size([4, 1, 32, 32])
    """

    tanh_of_sum: torch.Tensor
    dead_zone: torch.Tensor

    def __init__(
        self,
        image_channels: int = 1,
        channels: int = 64,
        blocks: int = 6,
        tanh_of_sum: bool = False,
        mirrored: bool = False,
    ) -> None:
        super().__init__(image_channels, channels, blocks)
        last = LastConvolution(channels, image_channels)
        if not tanh_of_sum:
            nn.init.normal_(last.weight, std=SMALL)
        self.main[-1] = last
        self.register_buffer("tanh_of_sum", torch.tensor(tanh_of_sum))
        self.register_buffer("dead_zone", torch.tensor(0.0 if tanh_of_sum else DEAD_ZONE))
        self.translation = "brainomaly" if tanh_of_sum else "additive"
        if mirrored:  # its presence says so
            self.register_buffer("mirrored", torch.tensor(True))
        self.of_sum, self.both_ways, self.taken_off = tanh_of_sum, mirrored, 1 - LEAK

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the change m: (B, C, H, W) in [-1, 1] -> (B, C, H, W) in [-2, 2].

        In evaluation it is the mean over the mirror image too if the network is ``mirrored``, and
        a change in the dead zone counts only for ``LEAK`` of itself.
        """
        change = self._change(image)
        if self.training:
            return change
        if self.both_ways:
            change = (change + self._change(image.flip([-1])).flip([-1])) / 2
        small = 2 * self.dead_zone
        return change - self.taken_off * torch.maximum(torch.minimum(change, small), -small)

    def _change(self, image: torch.Tensor) -> torch.Tensor:
        drawn = self.main(image)
        return torch.tanh(image + drawn) - image if self.of_sum else 2 * torch.tanh(drawn)
