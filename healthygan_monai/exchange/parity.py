"""Compare an exported network with the original: the same pixels in, the same numbers out."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from healthygan_monai.errors import ModelError

TOLERANCE = 1e-4  # largest difference of any output in [-1, 1]; one grey level of 255 is 8e-3


def check_images(channels: int, size: int, seed: int = 0) -> Iterator[torch.Tensor]:
    """Yield (B, C, H, W) in [-1, 1]: two batches of the model's size, one that is not square.

    Noise, which excites every filter, over a ramp, whose corner stays black like a film's border.
    """
    generator = torch.Generator().manual_seed(seed)
    for batch, height, width in ((1, size, size), (3, size, size), (2, 32, 48)):
        ramp = torch.linspace(-1, 1, height)[:, None] + torch.linspace(-1, 1, width)[None]
        noise = torch.rand(batch, channels, height, width, generator=generator) - 0.5
        yield (ramp + noise).clamp(-1, 1)


def largest_difference(
    network: Callable[[torch.Tensor], torch.Tensor],
    exported: Callable[[torch.Tensor], torch.Tensor],
    channels: int,
    size: int,
) -> float:
    """Return max |network(x) - exported(x)|; infinite for other shapes or NaN."""
    largest = 0.0
    with torch.no_grad():
        for images in check_images(channels, size):
            expected, found = network(images), exported(images)
            if expected.shape != found.shape:
                return float("inf")
            difference = float((expected - found).abs().max())
            largest = max(largest, difference if difference == difference else float("inf"))
    return largest


def assure_parity(difference: float, path: Path, tolerance: float = TOLERANCE) -> None:
    """Raise ModelError if the difference is above the tolerance; the caller deletes the file."""
    if difference > tolerance:
        raise ModelError(
            f"{path.name}: the exported network differs from model.pt by up to {difference:.2g}, "
            f"more than {tolerance:g}; it was not written. Try another version of PyTorch or ONNX "
            "Runtime."
        )
