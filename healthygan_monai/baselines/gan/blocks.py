"""Layers and optimisers of the competing GANs that PyTorch does not have."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional

from data_prep.errors import UsageError


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed PyTorch's global CPU generator inside; restore it outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def halvings(image_size: int, to: int, smallest: int = 16) -> int:
    """Return how often ``image_size`` is halved to ``to``; raise unless a power of two."""
    if image_size < smallest or image_size & (image_size - 1):
        raise UsageError(
            f"image_size is {image_size}; expected a power of two, at least {smallest}: prepare "
            "the images at 32, 64, 128 or 256 pixels."
        )
    return (image_size // to).bit_length() - 1


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with TensorFlow's defaults."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding: the odd pixel of padding comes at the end."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C', ceil(H / stride), ceil(W / stride))."""
        pads: list[int] = []
        for side, kernel, stride in zip(
            (images.shape[3], images.shape[2]),
            self.kernel_size[::-1],
            self.stride[::-1],
            strict=True,
        ):
            pads += same_padding(side, kernel, stride)
        return super().forward(functional.pad(images, pads))


class SameConvTranspose2d(nn.ConvTranspose2d):
    """The adjoint of :class:`SameConv2d` for a given size: TensorFlow's ``conv2d_transpose``."""

    def forward(
        self, images: torch.Tensor, output_size: Sequence[int] | None = None
    ) -> torch.Tensor:
        """(B, C, ceil(H / stride), ceil(W / stride)) -> (B, C', H, W), (H, W) = ``output_size``."""
        height, width = output_size or [
            s * n for s, n in zip(self.stride, images.shape[2:], strict=True)
        ]
        top, _ = same_padding(height, self.kernel_size[0], self.stride[0])
        left, _ = same_padding(width, self.kernel_size[1], self.stride[1])
        return super().forward(images)[:, :, top : top + height, left : left + width]


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the pixels before and after ``side`` pixels that give ceil(side / stride) outputs."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def to_one(logits: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of logits (B,) to 1."""
    return functional.softplus(-logits).mean()


def to_zero(logits: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of logits (B,) to 0."""
    return functional.softplus(logits).mean()


class Dropout(nn.Module):
    """Dropout that draws from a given generator, see :func:`draw_from`."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape; an element is 0 with probability p, else divided by 1 - p."""
        if not self.training or self.p == 0:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept / (1 - self.p)


def draw_from(generator: torch.Generator | None, network: nn.Module) -> None:
    """Let every :class:`Dropout` of a network draw from ``generator`` from now on."""
    for layer in network.modules():
        if isinstance(layer, Dropout):
            layer.generator = generator


@torch.no_grad()
def normal_weights(
    network: nn.Module, std: float, scale_std: float = 0.0, generator: torch.Generator | None = None
) -> None:
    """Weights N(0, std), biases 0; scales of batch norm N(1, scale_std)."""
    for layer in network.modules():
        weight, bias = getattr(layer, "weight", None), getattr(layer, "bias", None)
        if not isinstance(weight, torch.Tensor):
            continue
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            weight.normal_(1.0, scale_std, generator=generator)
        else:
            weight.normal_(0.0, std, generator=generator)
        if isinstance(bias, torch.Tensor):
            bias.zero_()


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Set average <- decay * average + (1 - decay) * network; buffers are copied."""
    for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)
    for kept, now in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(now)


def rmsprop(parameters: Iterator[nn.Parameter], learning_rate: float) -> torch.optim.RMSprop:
    """Return RMSProp as in TensorFlow 1: decay 0.9, and a mean square that starts at 1, not 0.

    Starting at 0, as in PyTorch, makes the first steps 3 times the learning rate for any gradient;
    the published rates were chosen without that.
    """
    optimizer = torch.optim.RMSprop(parameters, lr=learning_rate, alpha=0.9, eps=1e-10)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state: dict[str, torch.Tensor] = {"step": torch.zeros(())}
            state["square_avg"] = torch.ones_like(parameter, requires_grad=False)
            optimizer.state[parameter] = state
    return optimizer
