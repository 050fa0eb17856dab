"""What a packed run holds, and how large each of its files may be."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from healthygan_monai.errors import NoModel
from healthygan_monai.paths import (
    CONFIG_FILE,
    CRITIC_FILE,
    EVALUATION_FILE,
    MODEL_FILE,
    PRICES_FILE,
    RUN_FILE,
    SERVING_FILE,
)
from healthygan_monai.records.schema import Kind, exactly, holding, record, sha256, text, whole

FORMAT = 1
MANIFEST, CARD = "manifest.json", "README.md"
NOTE = "research, not for diagnosis"
NEEDED = (RUN_FILE, MODEL_FILE)
_TEXT, _TRIALS, _WEIGHTS = 4 << 20, 1 << 16, 8 << 30
MOST_BYTES = {  # of each file that may be in it, in the order in which they are written
    MANIFEST: 1 << 16,
    CARD: _TEXT,
    CONFIG_FILE: _TEXT,
    RUN_FILE: _TEXT,
    SERVING_FILE: _TEXT,
    EVALUATION_FILE: _TEXT,
    PRICES_FILE: _TRIALS,
    MODEL_FILE: _WEIGHTS,
    CRITIC_FILE: _WEIGHTS,
}
_FILE: dict[str, Kind] = {"sha256": sha256, "bytes": whole}
CONTENT = holding(dict.fromkeys(MOST_BYTES, record(_FILE, ("sha256", "bytes"))), NEEDED)
RECORD = record(
    {"format": exactly(FORMAT), "version": text, "note": text, "files": CONTENT},
    ("format", "version", "files"),
)
LEFT_OUT = ("dataset", "command", "resumed")  # of run.json: they hold paths of a machine


def require_packed(file: Path) -> None:
    """Raise NoModel where there is no such file."""
    if not file.is_file():
        raise NoModel(f"{file}: no such file; give what healthygan pack has written.")


def without_folders(content: Any) -> Any:
    r"""Return plain values in which a text with a folder has only its last name.

    >>> without_folders({"weights": "/home/a/backbone.pt", "sizes": [8, "b\\c"]})
    {'weights': 'backbone.pt', 'sizes': [8, 'c']}
    """
    if isinstance(content, Mapping):
        return {key: without_folders(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [without_folders(value) for value in content]
    if isinstance(content, str) and ("/" in content or "\\" in content):
        return PurePosixPath(content.replace("\\", "/")).name
    return content
