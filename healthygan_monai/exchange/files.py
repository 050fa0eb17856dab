"""Files that leave the project: whole or absent, and named after what they were made of."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_prep.errors import UsageError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path of the same name in a temporary folder beside; the file moves to ``path`` once the block has succeeded.

    The name is kept while it is written because PyTorch names the folder inside a TorchScript archive after the
    file, and MONAI Deploy looks for a folder of the file's name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        part = Path(folder) / path.name
        yield part
        os.replace(part, path)


def checked_output(path: Path, suffix: str) -> Path:
    """``path``, where a file of that ending can be written.

    Raises:
        ValueError: another ending, which ``infer`` would not know the file by; or a folder.
    """
    if path.suffix != suffix or path.is_dir():
        raise UsageError(
            f"{path}: expected the name of a {suffix} file to write, such as model{suffix}."
        )
    if path.parent.exists() and not path.parent.is_dir():
        raise UsageError(f"{path}: {path.parent} is a file, not a folder; give another place.")
    return path


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
