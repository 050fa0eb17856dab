"""An exported generator as a network: run by infer, report and configs instead of model.pt."""

from pathlib import Path

import torch
from torch import nn

from healthygan_monai.errors import NoModel
from healthygan_monai.models.runtimes import RUNTIMES


class ExportedNetwork(nn.Module):
    """(B, C, H, W) in [-1, 1], H and W divisible by 4 -> (B, C + 1, H, W), as
    ``networks.Generator``.

    ``facts`` came with the file, ``runtime`` is the name of what computes it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        runtime = RUNTIMES[path.suffix]
        self.runtime = runtime.name
        self.facts, self.compute = runtime.read(path)
        self.image_channels = self.facts.image_channels

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.compute(images)


def load_exported(path: Path | str) -> ExportedNetwork:
    """Return the network of an exported file, in evaluation mode.

    Raises:
        FileNotFoundError: no such file.
        ModuleNotFoundError: what computes it is not installed.
        ValueError: the file is broken, or carries no facts about itself.
    """
    path = Path(path)
    if not path.is_file():
        raise NoModel(
            f"{path}: no such model. Make one: healthygan export onnx runs/00000-NAME {path.name}."
        )
    return ExportedNetwork(path).eval()
