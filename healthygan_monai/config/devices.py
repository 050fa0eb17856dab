"""The device to compute on, and memory: how it is kept, and how much was used."""

import ctypes
import os
from pathlib import Path

import torch

from healthygan_monai.errors import ConfigError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
LARGE = 1 << 30  # bytes; larger blocks are still given back at once
SET_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


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


def keep_freed_memory() -> None:
    """Let the C library of Linux keep the memory that a step of a training has freed for the next.

    By itself glibc gives large blocks back to the system, which has to hand them out again page by
    page: up to 400,000 pages an iteration, a fifth of its time (``docs/performance.md``). The most
    memory that is held grew by up to 6 %. It goes back when the process ends, so
    this is for programs that train or score and then end, not for servers.

    Nothing is done where the C library is another one, or where the user has said how memory is
    kept (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_``, ``GLIBC_TUNABLES``), or by
    whom (``LD_PRELOAD``). Source: glibc manual, "Malloc Tunable Parameters".
    """
    if os.name != "posix" or set(SET_BY_USER) & os.environ.keys():
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_TRIM_THRESHOLD, -1)  # never


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
