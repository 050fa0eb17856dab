"""Read the heads of a request: a volume cut into its slices, or one slice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_prep import brain
from data_prep.brain import Volume
from data_prep.film import Film
from healthygan_monai.errors import PrepError
from healthygan_monai.serving.films import framed
from healthygan_monai.serving.preparation import FILMS, Preparation
from healthygan_monai.serving.received import Received

WINDOW_LOST = (
    "a film in NIfTI: the window of its DICOM file is lost, so this is not the score of that file. "
    "Send the DICOM file; with a DICOMweb datastore start the server with "
    "MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI=false"
)


def of_volume(path: Path, given: Preparation, volume_index: int | None) -> Received:
    options = given.head.options
    reading = replace(options.reading(), volume_index=volume_index)
    volume, place = brain.read_placed(path, reading)
    thin = volume.data.shape[brain.NORMAL_AXIS[options.plane]] == 1
    if min(volume.data.shape) == 1 and not thin:
        raise PrepError(
            f"one slice, but no {options.plane} one",
            remedy=f"The model was trained on {options.plane} slices; send one, or the volume.",
        )
    if given.kind == FILMS and thin:
        return _film_in_nifti(volume, given, place)
    if given.kind == FILMS:
        raise PrepError(
            "a volume, but the model was trained on films", remedy="Send one film, DICOM or PNG."
        )
    warnings = [*given.warnings, *volume.facts["notes"]]
    if thin:
        warnings.append("grey levels are of this slice alone, those of a volume of the whole head")
    return _cut(volume, given, place, warnings)


@dataclass(frozen=True)
class OfOneSlice:
    """Maps (1, size, size) -> the one slice of a volume, whose grid is kept without its data."""

    film: Callable[[np.ndarray], np.ndarray]
    grid: Volume
    plane: str

    def __call__(self, maps: np.ndarray) -> Volume:
        return replace(self.grid, data=brain.stacked(self.film(maps)[None], self.plane))


def _film_in_nifti(volume: Volume, given: Preparation, place: brain.Place) -> Received:
    """Show a film that another program saved as NIfTI in its full range, without a window.

    8-bit values use 0 to 255, others lowest to highest, as the reader of DICOM films without a
    window.
    """
    plane = given.head.options.plane
    image = np.ascontiguousarray(brain.display(volume.data, plane, 0))
    eight = volume.facts["dtype"] == "uint8"
    low, high = (0.0, 255.0) if eight else (float(image.min()), float(image.max()))
    found = Film((image - low) / (high - low), brain.display_spacing(volume.spacing, plane))
    warnings = [WINDOW_LOST]
    film = framed(found, given.film, "NIfTI slice", [*volume.facts["notes"], *warnings])
    grid = replace(volume, data=np.empty(0, np.float32))
    return replace(film, way=OfOneSlice(film.way, grid, plane), place=place)


def _cut(
    volume: Volume, given: Preparation, place: brain.Place, warnings: Sequence[str]
) -> Received:
    """Return all slices of a head in the model's plane, with the head's own black and white."""
    slices = brain.prepare(brain.Head(volume), given.head, every=True, choice=given.choice)
    chosen, pixels = slices.chosen, np.stack([frame.pixels for frame in slices.frames])
    if not chosen:
        warnings = [*warnings, "no slice is in the range of the training; all were taken"]
    indices = tuple(range(len(pixels)))
    return Received(
        pixels,
        "NIfTI slice" if len(pixels) == 1 else "volume",
        slices.volume,
        place,
        slices.plane,
        indices,
        used=tuple(not chosen or i in chosen for i in indices),
        empty=tuple(bool(p.min() == p.max()) for p in pixels),
        warnings=tuple(warnings),
    )
