"""Where the bundle lies: inside an installed package, beside it in a checkout, around it in an exported bundle."""

from __future__ import annotations

from pathlib import Path


def bundle_root() -> Path:
    """The folder that holds configs/train.json.

    Raises:
        FileNotFoundError: no place has it.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "bundle", package.parent / "bundle", package.parent):
        if (candidate / "configs" / "train.json").is_file():
            return candidate
    raise FileNotFoundError(f"{package}: the bundle is missing; install healthygan-monai again.")


def bundle_root_here() -> str:
    """The bundle of the current folder (``bundle`` or ``.``), else the installed one."""
    for folder in ("bundle", "."):
        if (Path(folder) / "configs" / "train.json").is_file():
            return folder
    return str(bundle_root())
