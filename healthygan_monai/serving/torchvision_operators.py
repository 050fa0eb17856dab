"""Declare the operators that torchvision's Python files name, where its own library does not load.

MONAI Label imports torchvision. A torchvision built for GPUs (PyPI's) beside a torch for CPUs only
ends its import with "operator torchvision::nms does not exist". The declarations below are all that
the import asks for; nothing that is served here calls these operators.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from healthygan_monai.errors import NotFound

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
MISSING = "nms does not exist"
HOOK = "healthygan_torchvision.pth"  # read by Python at its start, Library Reference "site"


class Declaring:
    """Declare the operators when torchvision is about to be imported, and leave the import be.

    Only then: a Python that needs no torch does not load it.
    """

    library: Any = None  # one that is forgotten takes its declarations along

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> None:
        """See ``importlib.abc.MetaPathFinder``."""
        if name == "torchvision" and cls.library is None:
            import torch

            cls.library = torch.library.Library("torchvision", "DEF")
            for schema in SCHEMAS:
                cls.library.define(schema)


def begin() -> None:
    """Declare them in this process as soon as they are needed; what the hook calls."""
    if Declaring not in sys.meta_path:
        sys.meta_path.insert(0, Declaring)


def mend(folder: Path | None = None) -> Path | None:
    """Let every Python of this environment declare them, if torchvision needs that.

    Args:
        folder: the environment's packages; default: those of this Python.

    Returns:
        The file written; None where torchvision works without it.

    Raises:
        NotFound: torchvision is not installed, or fails for another reason.
    """
    hook = (folder or Path(sysconfig.get_path("purelib"))) / HOOK
    hook.unlink(missing_ok=True)
    said = _import_error()
    if not said:
        return None
    if MISSING not in said:
        raise NotFound(f"torchvision cannot be imported: {said.splitlines()[-1]}")
    hook.write_text(f"import {__name__}; {__name__}.begin()\n")
    said = _import_error()
    if said:
        hook.unlink()
        raise NotFound(f"torchvision cannot be mended: {said.splitlines()[-1]}")
    return hook


def _import_error() -> str:
    """Return what a new Python says on import of torchvision; nothing if it works."""
    tried = subprocess.run(
        [sys.executable, "-c", "import torchvision"], capture_output=True, text=True, check=False
    )
    return tried.stderr.strip() if tried.returncode else ""
