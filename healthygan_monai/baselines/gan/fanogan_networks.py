"""f-AnoGAN's networks of residual blocks: generator, critic and encoder; see ``fanogan``."""

import torch
from torch import nn
from torch.nn import functional

from healthygan_monai.baselines.gan.blocks import batch_norm, halvings

UP = (8, 4, 2, 1)  # channels of G's blocks for 64 pixels, in features
DOWN = (2, 4, 8, 8)  # of D's and E's


def layer_norm(channels: int) -> nn.GroupNorm:
    """Layer norm over (C, H, W) with a scale and an offset a channel, as the authors' tflib."""
    return nn.GroupNorm(1, channels)


class ResidualBlock(nn.Module):
    """Norm, ReLU, 3 x 3, twice, beside a 1 x 1 shortcut; doubles (``up``) or halves the side."""

    def __init__(self, channels: int, out: int, up: bool, norm=batch_norm) -> None:
        super().__init__()
        middle = out if up else channels
        self.up = up
        self.norm1, self.norm2 = norm(channels), norm(middle)
        self.conv1 = nn.Conv2d(channels, middle, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(middle, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, H, W) -> (B, out, 2 H, 2 W) or (B, out, H / 2, W / 2)."""
        y = functional.relu(self.norm1(x))
        if self.up:
            y = self.conv1(functional.interpolate(y, scale_factor=2.0))
            y = self.conv2(functional.relu(self.norm2(y)))
            return self.shortcut(functional.interpolate(x, scale_factor=2.0)) + y
        y = self.conv2(functional.relu(self.norm2(self.conv1(y))))
        return self.shortcut(functional.avg_pool2d(x, 2)) + functional.avg_pool2d(y, 2)


class Generator(nn.Module):
    """z (B, latent) -> (B, C, H, W) in [-1, 1]."""

    def __init__(self, image_size: int, channels: int, features: int, latent: int) -> None:
        super().__init__()
        count = halvings(image_size, 4)
        outs = [features * n for n in ((8,) * count + UP[1:])[-count:]]
        self.start = nn.Linear(latent, 4 * 4 * 8 * features)
        ins = [8 * features, *outs]
        self.blocks = nn.Sequential(
            *(ResidualBlock(i, o, up=True) for i, o in zip(ins, outs, strict=False))
        )
        self.norm = batch_norm(outs[-1])
        self.end = nn.Conv2d(outs[-1], channels, 3, padding=1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.start(z).unflatten(1, (-1, 4, 4)))
        return torch.tanh(self.end(functional.relu(self.norm(x))))


class Halving(nn.Module):
    """The body of D and of E: (B, C, H, W) -> (B, K x 4 x 4)."""

    def __init__(self, image_size: int, channels: int, features: int, norm) -> None:
        super().__init__()
        count = halvings(image_size, 4)
        outs = [features * n for n in (DOWN[:3] + (8,) * count)[:count]]
        self.start = nn.Conv2d(channels, features, 3, padding=1)
        ins = [features, *outs]
        self.blocks = nn.Sequential(
            *(ResidualBlock(i, o, up=False, norm=norm) for i, o in zip(ins, outs, strict=False))
        )
        self.size = outs[-1] * 4 * 4

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.start(images)).flatten(1)


class Critic(nn.Module):
    """D: (B, C, H, W) -> (B,)."""

    def __init__(self, image_size: int, channels: int, features: int) -> None:
        super().__init__()
        self.features = Halving(image_size, channels, features, layer_norm)
        self.end = nn.Linear(self.features.size, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.end(self.features(images)).flatten()


class Encoder(nn.Module):
    """E: (B, C, H, W) -> (B, latent) in [-1, 1]."""

    def __init__(self, image_size: int, channels: int, features: int, latent: int) -> None:
        super().__init__()
        self.features = Halving(image_size, channels, features, batch_norm)
        self.end = nn.Linear(self.features.size, latent)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.end(self.features(images)))


@torch.no_grad()
def uniform_weights(network: nn.Module) -> None:
    """Draw He's uniform for 3 x 3 convolutions of blocks and G's last, else Glorot's; biases 0."""
    for name, layer in network.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            last = isinstance(layer, nn.Conv2d) and "end" in name
            he = name.endswith(("conv1", "conv2")) or last
            nn.init.xavier_uniform_(layer.weight, gain=2**0.5 if he else 1.0)
            if layer.bias is not None:
                layer.bias.zero_()
