"""The images of one file of a request, as the model sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from healthygan_monai.serving.way_back import FilmBack, FilmInVolumeBack, VolumeBack


@dataclass(frozen=True)
class Received:
    """Images of one file.

    pixels: (N, size, size) grey levels as data_prep writes them; None for a picture that is an item of a data
    set already, to be read as such. indices: of the slices along the RAS+ axis, None for a film. used: which of
    them the preparation would have cut, the ones a subject's score is of. empty: which hold one grey level only.
    kind: in words. warnings: for people.
    """

    pixels: np.ndarray | None
    kind: str
    back: FilmBack | FilmInVolumeBack | VolumeBack
    indices: tuple[int, ...] | None = None
    used: tuple[bool, ...] = (True,)
    empty: tuple[bool, ...] = (False,)
    warnings: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_film(self) -> bool:
        """Whether it came without a place in space: a picture or a DICOM film."""
        return isinstance(self.back, FilmBack)
