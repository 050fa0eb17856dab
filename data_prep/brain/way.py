"""From the maps of a head's slices to the voxels of its scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data_prep.brain.place import Place
from data_prep.brain.prepare import Slices
from data_prep.brain.registration import Registration
from data_prep.read.volume.resample import onto_grid


@dataclass(frozen=True)
class WayToScan:
    """Maps float32 (N, S, S), one a slice -> (data (I, J, K), affine) of the scan's own voxels.

    slices: without their pixels. place: of the scan. onto_template: 4 x 4, from the scan's mm to
    the template's; None without a registration.
    """

    slices: Slices
    place: Place
    onto_template: np.ndarray | None = None

    @classmethod
    def of(cls, slices: Slices, place: Place, registration: Registration | None) -> WayToScan:
        none = np.empty((0, 0), np.uint8)
        frames = tuple(replace(frame, pixels=none, mask=None) for frame in slices.frames)
        matrix = None if registration is None else np.linalg.inv(registration.matrix)
        return cls(replace(slices, frames=frames), place, matrix)

    def __call__(self, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        volume = self.slices.volume(maps)
        if self.onto_template is not None:  # the slices are those of the head on the template
            grid = self.onto_template @ self.place.affine
            volume = replace(onto_grid(volume, self.place.shape, grid), affine=self.place.affine)
        return self.place.restored(volume)
