"""The MNI152 template, brain only, and the grid of the slices.

MNI coordinates are RAS+ mm with the anterior commissure near 0, 0, 0. The default is ICBM152 2009a
symmetric (V. Fonov et al., NeuroImage 54:313, 2011), 1 mm, from the package nilearn, not imported.
"""

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.errors import NotFound, NotInstalled
from data_prep.files import sha256
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.volume import Volume, VolumeError

NILEARN_FILE = "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
MARGIN_MM = 8.0  # around the template's brain; single brains reach a few mm beyond the average
BRAIN_ML = (900.0, 2400.0)  # a template with more above zero still has its skull
INSTALL = (
    "pip install 'healthygan-monai[brain]', or pass --template FILE, a brain-extracted template."
)


@dataclass(frozen=True)
class Template:
    """volume: RAS+, brain only. brain: bool (R, A, S). sha256: of the file, for the record."""

    volume: Volume
    brain: np.ndarray
    sha256: str


def find_template(given: str = "") -> Path:
    """The file given, else the one nilearn ships. Raises ValueError where there is none."""
    if given:
        if not Path(given).is_file():
            raise NotFound(f"--template {given}: no such file. Expected a NIfTI file.")
        return Path(given)
    found = importlib.util.find_spec("nilearn")  # looks, does not import
    path = Path(found.origin).parent / NILEARN_FILE if found and found.origin else None
    if path is None or not path.is_file():
        raise NotInstalled(f"--mni: no template: nilearn is not installed. {INSTALL}")
    return path


@functools.lru_cache(maxsize=2)  # one process prepares many heads
def load_template(path: Path) -> Template:
    """Read a template. Raises VolumeError where it cannot be read or is not brain-extracted."""
    try:
        volume = read_volume(path)
    except VolumeError as error:
        raise VolumeError(f"template: {error.reason}", remedy=error.remedy) from None
    level = float(np.percentile(volume.data[volume.data > 0], 99)) * 0.05
    brain = volume.data > level
    ml = float(brain.sum() * np.prod(volume.spacing) / 1000)
    if not BRAIN_ML[0] <= ml <= BRAIN_ML[1]:
        raise VolumeError(
            "template: not a brain-extracted adult brain",
            detail=f"{ml:.0f} ml above zero; expected {BRAIN_ML[0]:.0f} to {BRAIN_ML[1]:.0f}",
            remedy="Pass the brain-extracted version of the template.",
        )
    return Template(volume, brain, sha256(path))


def slice_grid(template: Template, mm: float) -> tuple[tuple[int, int, int], np.ndarray]:
    """(shape, affine) of the template's brain plus 8 mm; voxel centres are multiples of `mm`."""
    found = np.argwhere(template.brain)
    corners = np.array([found.min(axis=0), found.max(axis=0)]).T  # (3, 2)
    world = template.volume.affine[:3, :3] @ corners + template.volume.affine[:3, 3:]
    low = np.floor((world.min(axis=1) - MARGIN_MM) / mm)
    high = np.ceil((world.max(axis=1) + MARGIN_MM) / mm)
    r, a, s = (int(n) for n in high - low + 1)
    affine = np.diag([mm, mm, mm, 1.0])
    affine[:3, 3] = low * mm
    return (r, a, s), affine
