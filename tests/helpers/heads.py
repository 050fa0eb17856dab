"""Phantom heads with their own template, so that tests need neither a package nor a download."""

from pathlib import Path

import nibabel as nib
import numpy as np

from data_prep.phantom.brains import SPACING_MM, Head, make_head
from data_prep.read.volume.volume import Volume

AFFINE = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
AFFINE[:3, 3] = -(np.array([64, 76, 64]) - 1) / 2 * SPACING_MM


def phantom(seed: int = 21, lesions: int = 0) -> Head:
    return make_head(np.random.default_rng(seed), lesions=lesions)


def as_volume(data: np.ndarray, affine: np.ndarray = AFFINE) -> Volume:
    return Volume(data.astype(np.float32), (SPACING_MM,) * 3, affine, {"notes": []})


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


def save_template(folder: Path, seed: int = 21) -> Path:
    """The brain of one phantom head as a template file."""
    head = phantom(seed)
    return save(folder / "template.nii.gz", np.where(head.brain, head.image, 0).astype(np.float32))


def turn(degrees: tuple[float, float, float], scale: tuple[float, float, float] = (1, 1, 1),
         move: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:  # fmt: skip
    """(4, 4): scaled, turned about x, y, z in this order, moved (mm)."""
    matrix = np.diag([*scale, 1.0])
    for axis, angle in enumerate(np.radians(degrees)):
        rotation = np.eye(4)
        i, j = [a for a in range(3) if a != axis]
        rotation[i, i] = rotation[j, j] = np.cos(angle)
        rotation[i, j], rotation[j, i] = -np.sin(angle), np.sin(angle)
        matrix = rotation @ matrix
    matrix[:3, 3] = move
    return matrix
