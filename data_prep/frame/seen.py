"""What is kept of an input to score it: the images a model sees of it, and the way back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = "seen"  # of a preparation that keeps them


@dataclass(frozen=True)
class Seen:
    """One film, or one head with all its slices.

    file: NPZ below OUTPUT. back: of a film, map float32 (S, S) -> (rows, columns) of the file; of a
    head, maps (N, S, S) -> (data (I, J, K), affine) of the scan's own voxels. indices: of a head's
    slices, None for a film. counted: whether an image belongs to the data set. plane: of slices.
    """

    file: str
    back: Callable[[np.ndarray], Any]
    indices: tuple[int, ...] | None = None
    counted: tuple[bool, ...] = (True,)
    plane: str = ""

    def images(self, output: Path) -> tuple[np.ndarray, np.ndarray | None]:
        """Return (pixels uint8 or uint16 (N, S, S), the film uint8 (h, w) for a page or None)."""
        with np.load(output / self.file, allow_pickle=False) as found:
            return found["pixels"], found.get("shown")


def save_images(path: Path, pixels: np.ndarray, shown: np.ndarray | None = None) -> None:
    """Write what `Seen.images` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if shown is None:
            np.savez_compressed(file, pixels=pixels)
        else:
            np.savez_compressed(file, pixels=pixels, shown=shown)
