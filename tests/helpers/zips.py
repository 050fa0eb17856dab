"""A folder as a zip archive."""

import shutil
from pathlib import Path


def zipped(folder: Path, path: Path) -> Path:
    return Path(shutil.make_archive(str(path.with_suffix("")), "zip", folder))
