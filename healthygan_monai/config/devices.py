"""The device to compute on."""

import torch

from healthygan_monai.errors import ConfigError


def best_device(name: str = "auto") -> torch.device:
    """``auto``: CUDA, else Apple's MPS, else the CPU; anything else as PyTorch names it.

    Raises:
        ConfigError: the device is not there.
    """
    if name != "auto":
        try:
            device = torch.device(name)
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(
                f"device {name!r} cannot be used here ({str(error).splitlines()[0]})"
            ) from error
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
