"""What dcmtk shows of a film: a second reader, where it is installed."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def shown(path: Path, *options: str) -> np.ndarray:
    """uint8 (H, W) of ``dcm2pnm``; the test is skipped where dcmtk is missing."""
    if shutil.which("dcm2pnm") is None:
        pytest.skip("dcmtk is not installed")
    picture = path.with_suffix(".pgm")
    subprocess.run(["dcm2pnm", "+op", *options, path, picture], check=True, capture_output=True)
    return np.asarray(Image.open(io.BytesIO(picture.read_bytes())))


def require_equal(image: np.ndarray, picture: np.ndarray) -> None:
    """Within one grey level: float in [0, 1] and what dcmtk shows."""
    difference = np.abs(np.rint(image * 255) - picture.astype(int))
    assert difference.max() <= 1, difference.max()
