"""The device to compute on, and the memory that was used."""

from pathlib import Path

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


def peak_memory() -> dict[str, int | None]:
    """Return the most bytes this process has held, in main memory and on a GPU; else None."""
    gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return {"main": _peak_main(), "gpu": gpu}


def _peak_main() -> int | None:
    """Read Linux's own maximum; ``ru_maxrss`` would include the parent process."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
        import sys
    except ModuleNotFoundError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
