"""ResNet-18 and Wide-ResNet-50-2 up to layer3, with torchvision's names of the parameters.

He et al., CVPR 2016; Zagoruyko and Komodakis, BMVC 2016 (bottlenecks of twice the width). PaDiM and
PatchCore use nothing beyond layer3.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data_prep.errors import NotInstalled
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.weights import read_tensors

WRAPPERS = ("state_dict_ema", "state_dict", "model_state_dict", "model")


def _convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False)


class _Basic(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _convolution(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = _downsample(inputs, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.bn1(self.conv1(x)).relu_()
        h = self.bn2(self.conv2(h))
        return (h + self.downsample(x)).relu_()


class _Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        wide, outputs = 2 * width, 4 * width
        self.conv1, self.bn1 = _convolution(inputs, wide, 1), nn.BatchNorm2d(wide)
        self.conv2, self.bn2 = _convolution(wide, wide, 3, stride), nn.BatchNorm2d(wide)
        self.conv3, self.bn3 = _convolution(wide, outputs, 1), nn.BatchNorm2d(outputs)
        self.downsample = _downsample(inputs, outputs, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.bn1(self.conv1(x)).relu_()
        h = self.bn2(self.conv2(h)).relu_()
        h = self.bn3(self.conv3(h))
        return (h + self.downsample(x)).relu_()


def _downsample(inputs: int, outputs: int, stride: int) -> nn.Module:
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """(B, 3, H, W) -> layers (B, c, H/4, W/4), (B, 2c, H/8, W/8), (B, 4c, H/16, W/16)."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential

    def __init__(
        self, block: type[_Basic] | type[_Bottleneck], counts: tuple[int, int, int]
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        inputs = 64
        for number, count in enumerate(counts):
            width, stride = 64 * 2**number, 1 if number == 0 else 2
            blocks = [block(inputs, width, stride)]
            inputs = width * block.expansion
            blocks += [block(inputs, width, 1) for _ in range(count - 1)]
            setattr(self, f"layer{number + 1}", nn.Sequential(*blocks))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = self.maxpool(self.bn1(self.conv1(x)).relu_())  # (B, 64, H/4, W/4)
        first = self.layer1(h)
        second = self.layer2(first)
        return first, second, self.layer3(second)


def resnet18() -> ResNet:
    """Channels 64, 128, 256."""
    return ResNet(_Basic, (2, 2, 2))


def wide_resnet50_2() -> ResNet:
    """Channels 256, 512, 1024."""
    return ResNet(_Bottleneck, (3, 4, 6))


def load_resnet_weights(network: nn.Module, file: Path) -> None:
    """Fill a :class:`ResNet` from a torchvision or timm file, up to layer3.

    Raises:
        ModelError: what is missing, in excess, or of another shape.
    """
    found = {
        k: v
        for k, v in _unwrapped(_read(file)).items()
        if not k.startswith(("layer4.", "fc.")) and not k.endswith("num_batches_tracked")
    }
    fill(network, found, file, "this network up to layer3")


def fill(network: nn.Module, content: Mapping[str, Any], file: Path, name: str) -> None:
    """Give a network the parameters of a file, in which counts of batches may be absent.

    Raises:
        ModelError: what is missing, in excess, or of another shape.
    """
    wanted, found = (
        {k: v for k, v in part.items() if not k.endswith("num_batches_tracked")}
        for part in (network.state_dict(), content)
    )
    both = wanted.keys() & found.keys()
    wrong = {
        "missing": wanted.keys() - both,
        "in excess": found.keys() - both,
        "of another shape": {k for k in both if wanted[k].shape != found[k].shape},
    }
    if any(wrong.values()):
        problems = [
            f"{len(keys)} entries {word} (such as {min(keys)})"
            for word, keys in wrong.items()
            if keys
        ]
        raise ModelError(f"{file.name}: not the weights of {name}; {', '.join(problems)}.")
    network.load_state_dict(content, strict=False)


def _read(file: Path) -> Mapping[str, Any]:
    if file.suffix == ".safetensors":
        try:
            from safetensors.torch import load_file
        except ModuleNotFoundError as error:
            raise NotInstalled(
                f"{file.name}: pip install safetensors, or give the .pth file."
            ) from error
        return load_file(file)
    return read_tensors(file)


def _unwrapped(content: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Parameters by torchvision's names, whatever a trainer put around or before them."""
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return _unwrapped(content[wrapper])
    ends = [k for k in content if k.endswith("conv1.weight") and "layer" not in k]
    prefix = min(ends, key=len)[: -len("conv1.weight")] if ends else ""
    return {k[len(prefix) :]: v for k, v in content.items() if k.startswith(prefix)}
