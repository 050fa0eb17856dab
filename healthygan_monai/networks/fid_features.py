"""Feature networks for FID; every number names its network: ``FID[efficientnet_lite0]``."""

import logging
from pathlib import Path

import torch
from torch import nn

from data_prep.errors import UsageError
from healthygan_monai.integrity.weights import require_whole
from healthygan_monai.networks.efficientnet_lite0 import efficientnet_lite0, packaged_weights

logger = logging.getLogger(__name__)
NAMES = ("auto", "efficientnet_lite0", "random")
# EfficientNet-Lite0 was trained at 224 pixels; below 64 its last map is one pixel
LEAST_SIDE, MOST_SIDE = 64, 224


class FeatureExtractor(nn.Module):
    """(B, C, H, W) in [-1, 1], C 1 or 3 -> features (B, D), without gradients.

    Attributes:
        name: what to write beside a number that depends on these features.
        source: what to give to :func:`feature_extractor` to get the same network again; the name or
            a file.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        mean: float = 0.5,
        std: float = 0.5,
        source: Path | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.source = name if source is None else str(source.resolve())
        self.network = network.eval()
        for parameter in network.parameters():  # TorchScript has no requires_grad_ for all at once
            parameter.requires_grad_(False)
        self.mean, self.std = mean, std

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        side = min(max(images.shape[-1], LEAST_SIDE), MOST_SIDE)
        x = (torch.as_tensor(images).float() + 1) / 2  # [0, 1]
        x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
        if x.shape[-1] != side:
            x = nn.functional.interpolate(x, (side, side), mode="bilinear", antialias=True)
        x = self.network((x - self.mean) / self.std)
        return x.flatten(2).mean(2) if x.ndim == 4 else x


def feature_extractor(name: str = "auto") -> FeatureExtractor:
    """Return the feature network of that name.

    ``efficientnet_lite0``: ImageNet weights that install as a package (Apache-2.0, extra ``fid``),
    1,280 features.
    ``random``: a small convolutional network with fixed random weights; better than nothing, and
    says so.
    ``auto``: the first of these that is there. Anything else is the path of a TorchScript file that
    maps (B, 3, H, W) in [0, 1] to (B, D), such as the InceptionV3 of the original FID, where one
    has it.

    Raises:
        ValueError: neither a name nor a file.
        ModuleNotFoundError: ``efficientnet_lite0`` was asked for by name and is not installed.
    """
    if name == "auto":
        try:
            return feature_extractor("efficientnet_lite0")
        except ModuleNotFoundError:
            logger.warning(
                "FID features: random network; pip install 'healthygan-monai[fid]' for a trained "
                "one"
            )
            return feature_extractor("random")
    if name in ("efficientnet_lite0", "random"):
        make = _random_network if name == "random" else _efficientnet_features
        with torch.random.fork_rng(devices=[]):  # nobody else's random numbers change
            return FeatureExtractor(name, make())
    path = Path(name)
    if not path.is_file():
        raise UsageError(
            f"fid_features is {name!r}; expected one of {NAMES} or a TorchScript file."
        )
    require_whole(path)
    network = torch.jit.load(path, map_location="cpu")
    return FeatureExtractor(path.stem, network, mean=0.0, std=1.0, source=path)


def _efficientnet_features() -> nn.Module:
    network = efficientnet_lite0(packaged_weights())
    network.forward = network.extract_features  # (B, 1280, h, w) instead of class scores
    return network


def _random_network(seed: int = 0) -> nn.Module:
    layers: list[nn.Module] = []
    for width, wider in ((3, 32), (32, 64), (64, 128), (128, 256)):
        layers += [nn.Conv2d(width, wider, 3, stride=2, padding=1), nn.ReLU()]
    network = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
        value = torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5
        parameter.data.copy_(value if parameter.ndim > 1 else torch.zeros_like(value))
    return network
