"""Where the voxels of a file lie, and the way back from RAS+ order to its own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.read.content import kind_of
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.resample import onto_grid
from data_prep.read.volume.volume import NIFTI_SUFFIXES, ReadOptions, Volume


@dataclass(frozen=True)
class Place:
    """The grid of a file: its axes, such as LPS; shape and affine of its voxels in RAS+ order.

    stated: the affine other programs read in the file, where it states no orientation itself.
    """

    orientation: str
    shape: tuple[int, ...]
    affine: np.ndarray
    stated: np.ndarray | None = None

    def restored(self, volume: Volume) -> tuple[np.ndarray, np.ndarray]:
        """Return (data (I, J, K), affine) of the file's own grid; resampled from another grid."""
        from nibabel.orientations import (
            apply_orientation,
            axcodes2ornt,
            inv_ornt_aff,
            ornt_transform,
        )

        same = volume.data.shape == self.shape and np.allclose(volume.affine, self.affine)
        data = (volume if same else onto_grid(volume, self.shape, self.affine)).data
        turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(self.orientation))
        affine = self.affine @ inv_ornt_aff(turn, data.shape)
        turned = np.ascontiguousarray(apply_orientation(data, turn))
        return turned, affine if self.stated is None else self.stated


def is_nifti(path: Path) -> bool:
    """Tell a NIfTI file by its content, or by its name, so that a damaged one is said to be one."""
    kind = kind_of(path)
    named = path.name.lower().endswith(NIFTI_SUFFIXES) and kind != "dicom"
    return kind == "nifti" or named


def read_placed(path: Path, options: ReadOptions) -> tuple[Volume, Place]:
    """Read a volume, and where its voxels lie in the file; see `read_volume`."""
    volume = read_volume(path, options)
    return volume, place_of(path, volume, options)


def place_of(path: Path, volume: Volume, options: ReadOptions) -> Place:
    """Return where the voxels of a file lie, of which the volume was read by these options."""
    shape, facts = volume.data.shape, volume.facts
    nifti = facts["format"].startswith("NIfTI")
    if nifti and facts.get("straightened"):
        return _tilted(path, options)
    stated = None
    if nifti and facts["orientation_source"].startswith("assumed"):
        from data_prep.read.volume.nifti_file import opened

        with opened(path) as file:
            stated = np.asarray(file.image.affine)
    return Place(facts["orientation"], shape, volume.affine, stated)


def _tilted(path: Path, options: ReadOptions) -> Place:
    """The place of a file whose voxels were straightened: as they are in the file."""
    import nibabel as nib
    from nibabel.orientations import inv_ornt_aff, io_orientation

    from data_prep.read.volume.nifti import read_nifti

    raw = read_nifti(path, options)
    assert raw.affine is not None  # a tilt is known from it
    to_ras = io_orientation(raw.affine)
    shape = [0, 0, 0]
    for axis, (target, _) in enumerate(to_ras):
        shape[int(target)] = raw.data.shape[axis]
    affine = raw.affine @ inv_ornt_aff(to_ras, raw.data.shape)
    return Place("".join(nib.aff2axcodes(raw.affine)), tuple(shape), affine)
