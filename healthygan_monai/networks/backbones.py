"""Frozen ImageNet networks for PaDiM and PatchCore: maps of strides 4, 8 and 16.

Nothing is downloaded. ``efficientnet_lite0`` installs as a package (extra ``fid``) and is the
default; ``resnet18`` and ``wide_resnet50_2``, the published choices, need the official weights as a
file. Random weights are used only where asked for by that word, and every name and fact then says
so.

Images are grey or RGB in [-1, 1]: grey becomes three equal channels, and the values are normalised
as in the network's own training. They are not cropped (the published code resizes to 256 and crops
224, which would cut a prepared film's borders), and resized (bilinear, antialiased) only where
``input_size`` is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data_prep.errors import DataError, NotFound, UsageError
from data_prep.files import sha256
from healthygan_monai.networks.efficientnet_lite0 import (
    NAME,
    SOURCE,
    EfficientNetMaps,
    efficientnet_lite0,
    packaged_weights,
)
from healthygan_monai.networks.resnet import load_resnet_weights, resnet18, wide_resnet50_2

URLS = {
    "resnet18": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    "wide_resnet50_2": "https://download.pytorch.org/models/wide_resnet50_2-95faca4d.pth",
}
CHANNELS = {  # of the maps of strides 4, 8, 16
    NAME: (24, 40, 112),
    "resnet18": (64, 128, 256),
    "wide_resnet50_2": (256, 512, 1024),
}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
NORMALISATION = {NAME: ((0.5,) * 3, (0.5,) * 3)}  # others: IMAGENET
LEAST_SIDE = 32  # two cells of the coarsest map


class Backbone(nn.Module):
    """Images (B, C, H, W) in [-1, 1] -> three maps (B, c, H/s, W/s) of strides s = 4, 8, 16.

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
            raise DataError(
                f"images are {tuple(images.shape[-2:])} pixels; {self.name} needs at least "
                f"{LEAST_SIDE}. Give larger images, or input_size to have them enlarged."
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
        """Return the network that gave this state."""
        network = _empty(state["name"])
        network.load_state_dict(state["network"])
        return cls(state["name"], network, state["weights"], state["input_size"])


def make_backbone(
    name: str = NAME,
    weights: Path | str | None = None,
    *,
    input_size: int | None = None,
    seed: int = 0,
    prefix: str = "",
) -> Backbone:
    """Return the backbone of that name.

    weights: a file of torchvision's or timm's (``.pth``, or ``.safetensors`` where that package is
    installed), complete or without its last layers; ``"random"`` for a network that has learned
    nothing (drawn from ``seed``); None for the weights that install as a package, which only
    ``efficientnet_lite0`` has. prefix: of the names that the settings have where they are given,
    for the messages: ``critic_``.

    Raises:
        ValueError: unknown name; no weights given (with the official file's address); a file of
            another network.
        FileNotFoundError: no such file, with the same address.
        ModuleNotFoundError: the package of ``efficientnet_lite0`` is not installed.
    """
    if name not in CHANNELS:
        own = " or a TorchScript file (NAME.ts)" if prefix else ""
        raise UsageError(
            f"{prefix}backbone is {name!r}; expected one of {', '.join(CHANNELS)}{own}."
        )
    if weights == "random":
        return Backbone(name, _empty(name, seed), f"random (seed {seed})", input_size)
    if weights is None and name in URLS:
        raise UsageError(
            f"{prefix}backbone {name} needs its weights as a file. {_advice(name, prefix)}"
        )
    if weights is not None and not Path(weights).is_file():
        raise NotFound(f"{prefix}weights {weights}: no such file. {_advice(name, prefix)}")
    if name in URLS:
        network = _empty(name)
        load_resnet_weights(network, Path(str(weights)))
        return Backbone(name, network, _source(Path(str(weights))), input_size)
    source = SOURCE if weights is None else _source(Path(weights))
    whole = efficientnet_lite0(packaged_weights() if weights is None else Path(weights))
    return Backbone(name, EfficientNetMaps(whole), source, input_size)


def _source(file: Path) -> str:
    return f"file {file.name}, sha256 {sha256(file)[:16]}"


def _advice(name: str, prefix: str) -> str:
    where, weights = URLS.get(name), f"{prefix}weights"
    option = f"--set {weights}=FILE" if prefix else "--weights FILE"
    fetch = (
        f"Nothing is downloaded: fetch {where} and give it as {weights} ({option}). "
        if where
        else ""
    )
    return (
        f"{fetch}Without a file: {prefix}backbone {NAME}, which installs as a package; "
        f"or {weights} 'random'."
    )


def _empty(name: str, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # nobody else's random numbers change
        torch.manual_seed(seed)
        if name == NAME:
            return EfficientNetMaps(efficientnet_lite0())
        network = resnet18() if name == "resnet18" else wide_resnet50_2()
        for module in network.modules():
            if isinstance(module, nn.Conv2d):  # He et al., ICCV 2015, as torchvision draws them
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        return network
