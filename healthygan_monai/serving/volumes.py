"""Heads of a request: a volume cut into its slices, or one slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_prep.brain import chain
from data_prep.brain.chain import Head
from data_prep.brain.prepare import blackened, grey_range
from data_prep.brain.prepare import framed as framed_slice
from data_prep.brain.slices import NORMAL_AXIS, Slice, choose_slices, display, display_spacing
from data_prep.errors import PrepError
from data_prep.film.film import Film
from data_prep.read.open_volume import read_volume
from data_prep.read.volume import Volume
from healthygan_monai.serving.films import framed as framed_film
from healthygan_monai.serving.preparation import FILMS, Preparation
from healthygan_monai.serving.received import Received
from healthygan_monai.serving.way_back import (
    FilmBack,
    FilmInVolumeBack,
    Place,
    VolumeBack,
    place_of,
)


def of_volume(path: Path, given: Preparation, volume_index: int | None) -> Received:
    prepared = given.for_volumes()
    reading = replace(prepared.brain.reading(), volume_index=volume_index)
    volume = read_volume(path, reading)
    place = place_of(path, volume, reading)
    thin = volume.data.shape[NORMAL_AXIS[prepared.brain.plane]] == 1
    if min(volume.data.shape) == 1 and not thin:
        raise PrepError(
            f"one slice, but no {prepared.brain.plane} one",
            remedy=f"The model was trained on {prepared.brain.plane} slices; send one, or the volume.",
        )
    warnings = [*prepared.warnings, *volume.facts["notes"]]
    if given.kind == FILMS:
        if thin:
            return _film_in_nifti(volume, given, place, prepared.brain.plane)
        warnings.append("the model was trained on films; this is a volume")
    elif thin:
        warnings.append(
            "grey levels are of this slice alone; of a whole volume they are of the head"
        )
    return _cut(volume, prepared, place, warnings)


def _film_in_nifti(volume: Volume, given: Preparation, place: Place, plane: str) -> Received:
    """A film that another program saved as NIfTI: no window is known any more, so the full range is shown.

    8-bit values use 0 to 255, others lowest to highest, as the film reader shows DICOM without a window.
    """
    image = np.ascontiguousarray(display(volume.data, plane, 0))
    if volume.facts["dtype"] == "uint8":
        low, high = 0.0, 255.0
    else:
        low, high = float(image.min()), float(image.max())
    film = Film((image - low) / (high - low), display_spacing(volume.spacing, plane))
    warnings = ["grey levels of a film in NIfTI: the window of its DICOM file is not known here"]
    found = framed_film(film, given, "NIfTI slice", [*volume.facts["notes"], *warnings])
    assert isinstance(found.back, FilmBack)
    return replace(found, back=FilmInVolumeBack(found.back, plane, place))


def _cut(volume: Volume, prepared: Preparation, place: Place, warnings: Sequence[str]) -> Received:
    """All slices of a head in the model's plane, with the head's own black and white."""
    options, settings = prepared.brain, prepared.settings
    head = Head(volume)
    for step in chain.steps(options):
        head = step.run(head)
    grey = grey_range(head, options, settings)
    shown, axis = blackened(head, grey[0]), NORMAL_AXIS[options.plane]
    spacing = display_spacing(shown.spacing, options.plane)
    origin = float(shown.affine[axis, 3])
    chosen = choose_slices(head.foreground(), shown.spacing, prepared.choice, origin)
    used = {index for index, _ in chosen}
    count = shown.data.shape[axis]
    pixels = np.stack(
        [
            _levels(
                Slice(options.plane, i, 0.0, display(shown.data, options.plane, i), spacing),
                grey,
                prepared,
            )
            for i in range(count)
        ]
    )
    if not used:
        warnings = [
            *warnings,
            "no slice lies in the range the model was trained on; all were taken",
        ]
    grid = replace(shown, data=np.empty(0, np.float32))
    back = VolumeBack(settings.framing_policy(), options.plane, grid, shown.data.shape, place)
    return Received(
        pixels,
        "NIfTI slice" if count == 1 else "volume",
        back,
        indices=tuple(range(count)),
        used=tuple(i in used or not used for i in range(count)),
        empty=tuple(bool(p.min() == p.max()) for p in pixels),
        warnings=tuple(warnings),
        facts={**volume.facts, **head.facts, "plane": options.plane},
    )


def _levels(cut: Slice, grey: tuple[float, float], prepared: Preparation) -> np.ndarray:
    """Grey levels of one slice; black where it is air throughout, which data_prep would refuse."""
    if cut.pixels.min() == cut.pixels.max():
        dtype = np.uint8 if prepared.bits == 8 else np.uint16
        return np.zeros((prepared.size, prepared.size), dtype)
    return framed_slice(cut, grey, prepared.settings)
