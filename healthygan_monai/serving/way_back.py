"""From the model's frame back to the pixels or voxels of the file that was sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

from data_prep.brain.slices import display, display_spacing, stacked
from data_prep.frame.framing import Framing
from data_prep.read.resample import onto_grid
from data_prep.read.volume import NIFTI_SUFFIXES, ReadOptions, Volume

LABELS = (("L", "R"), ("P", "A"), ("I", "S"))  # ends of the axes, for MONAI's Orientation


@dataclass(frozen=True)
class Place:
    """Where the voxels of a file lie.

    orientation: its axes, such as LPS; shape, affine: of the same voxels in RAS+ order; stated: the affine that other
    programs read in the file, where it states no orientation itself.
    """

    orientation: str
    shape: tuple[int, ...]
    affine: np.ndarray
    stated: np.ndarray | None = None

    def in_order(self, data: np.ndarray) -> MetaTensor:
        """An RAS+ array (R, A, S) as (I, J, K) of the file, with its affine; no value changes."""
        image = MetaTensor(torch.as_tensor(data)[None], affine=torch.as_tensor(self.affine))
        turned: Any = Orientation(axcodes=self.orientation, labels=LABELS)(image)[0]
        affine = turned.affine if self.stated is None else torch.as_tensor(self.stated)
        return MetaTensor(turned.as_tensor(), affine=affine)


def place_of(path: Path, volume: Volume, options: ReadOptions) -> Place:
    """The place of a file that ``read_volume`` gave ``volume`` for."""
    shape, facts = volume.data.shape, volume.facts
    nifti = path.name.lower().endswith(NIFTI_SUFFIXES)
    if nifti and facts.get("straightened"):
        return _tilted(path, options)
    stated = None
    if nifti and facts["orientation_source"].startswith("assumed"):
        import nibabel as nib

        header: Any = nib.load(path)
        stated = np.asarray(header.affine)
    return Place(facts["orientation"], shape, volume.affine, stated)


def _tilted(path: Path, options: ReadOptions) -> Place:
    """Of a file whose voxels were straightened: as they are in the file."""
    import nibabel as nib
    from nibabel.orientations import inv_ornt_aff, io_orientation

    from data_prep.read.nifti import read_nifti

    raw = read_nifti(path, options)
    assert raw.affine is not None  # a tilt is known from it
    to_ras = io_orientation(raw.affine)
    shape = [0, 0, 0]
    for axis, (target, _) in enumerate(to_ras):
        shape[int(target)] = raw.data.shape[axis]
    affine = raw.affine @ inv_ornt_aff(to_ras, raw.data.shape)
    return Place("".join(nib.aff2axcodes(raw.affine)), tuple(shape), affine)


@dataclass(frozen=True)
class FilmBack:
    """field: rows and columns of the film that were framed, the rest being a removed border."""

    framing: Framing
    shape: tuple[int, int]
    field: tuple[slice, slice]
    spacing: tuple[float, float]

    def rows(self, maps: np.ndarray) -> np.ndarray:
        """float32 (1, size, size) -> float32 (rows, columns); 0 outside of the frame."""
        whole = np.zeros(self.shape, np.float32)
        part = whole[self.field]
        part[...] = self.framing.restored(maps[0], (part.shape[0], part.shape[1]), self.spacing)
        return whole

    def __call__(self, maps: np.ndarray) -> torch.Tensor:
        """float32 (1, size, size) -> float32 (columns, rows): ITK, MONAI Label's writer, counts so."""
        return torch.as_tensor(np.ascontiguousarray(self.rows(maps).T))


@dataclass(frozen=True)
class FilmInVolumeBack:
    """A film in a volume of one slice."""

    film: FilmBack
    plane: str
    place: Place

    def __call__(self, maps: np.ndarray) -> MetaTensor:
        """float32 (1, size, size) -> float32 (I, J, K), one of them 1."""
        data = stacked(self.film.rows(maps)[None], self.plane)
        return self.place.in_order(np.ascontiguousarray(data))


@dataclass(frozen=True)
class VolumeBack:
    """grid, shape: the RAS+ grid that was cut into slices, (R, A, S); its data are not kept."""

    framing: Framing
    plane: str
    grid: Volume
    shape: tuple[int, ...]
    place: Place

    def __call__(self, maps: np.ndarray) -> MetaTensor:
        """float32 (N, size, size), all slices in order -> float32 (I, J, K) of the file."""
        spacing = display_spacing(self.grid.spacing, self.plane)
        rows, columns = display(np.empty(self.shape, bool), self.plane, 0).shape
        slices = np.stack([self.framing.restored(m, (rows, columns), spacing) for m in maps])
        data = np.ascontiguousarray(stacked(slices, self.plane))  # (R, A, S)
        same = self.shape == self.place.shape and np.allclose(self.grid.affine, self.place.affine)
        if not same:
            moved = replace(self.grid, data=data)
            data = onto_grid(moved, self.place.shape, self.place.affine).data
        return self.place.in_order(data)
