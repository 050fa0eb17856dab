"""The images of one file of a request, as the model sees them.

They are read in a guarded child and sent back: nothing here needs torch until maps go back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.brain import Place, Volume

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Received:
    """Images of one file.

    pixels: uint8 or uint16 (N, size, size) as data_prep writes them; of a prepared picture (1, H,
    W) as its file has them. kind: in words. way: maps (N, size, size) back to the picture, or to
    the volume in RAS+ order. place: of the file's voxels; None for a picture or a DICOM film.
    indices: of the slices along the RAS+ axis of ``plane``; None for a film. used: slices that the
    preparation would take; a subject's score is of these. empty: slices of one grey level only.
    warnings: for people.
    """

    pixels: np.ndarray
    kind: str
    way: Callable[[np.ndarray], Any]
    place: Place | None = None
    plane: str = ""
    indices: tuple[int, ...] | None = None
    used: tuple[bool, ...] = (True,)
    empty: tuple[bool, ...] = (False,)
    warnings: tuple[str, ...] = ()

    @property
    def is_film(self) -> bool:
        """Whether the file had no place in space: a picture or a DICOM film."""
        return self.place is None

    def back(self, maps: np.ndarray) -> torch.Tensor:
        """Return maps float32 (N, size, size) in the space of the file.

        A film is (columns, rows), as ITK and MONAI Label's writer count; a volume is (I, J, K) with
        affine.
        """
        import torch
        from monai.data import MetaTensor

        whole: np.ndarray | Volume = self.way(maps)
        if self.place is None:
            return torch.as_tensor(np.ascontiguousarray(whole.T))  # type: ignore[union-attr]
        data, affine = self.place.restored(whole)  # type: ignore[arg-type]
        return MetaTensor(torch.as_tensor(data), affine=torch.as_tensor(affine))
