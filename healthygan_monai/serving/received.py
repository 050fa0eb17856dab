"""One file of a request as the model sees it, and the way back of what the model says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from data_prep import brain_chain, choose
from data_prep.brain_chain import Head
from data_prep.brain_prep import blackened, grey_range
from data_prep.brain_prep import framed as framed_slice
from data_prep.burned_in import find_text
from data_prep.dicom_file import looks_like_dicom, quiet_pydicom, read_dataset
from data_prep.film import Film, films
from data_prep.film_prep import framed as framed_film
from data_prep.film_terms import FILMS as FILM_MODALITIES
from data_prep.framing import Framing
from data_prep.outcome import PrepError
from data_prep.picture import is_picture, read_picture
from data_prep.slices import NORMAL_AXIS, Slice, choose_slices, display, display_spacing
from data_prep.volume import Volume, read_volume
from healthygan_monai.serving.preparation import BRAINS, FILMS, Preparation
from healthygan_monai.serving.way_back import (
    FilmBack,
    FilmInVolumeBack,
    Place,
    VolumeBack,
    place_of,
)

LARGEST_FILE = 1 << 31  # bytes
GREY_MODES = ("L", "I;16", "I")  # Pillow's, of the pictures that data sets hold


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


def receive(
    path: Path, prepared: Preparation, volume_index: int | None = None, resize_only: bool = False
) -> Received:
    """Read a DICOM film, a picture, a NIfTI slice or volume and prepare it as the model's data set was.

    What it is is told by its content. volume_index: which of a 4-D file. resize_only: a picture is a prepared one of
    another size. Raises PrepError for what cannot be used, in clear words without identifiers.
    """
    if path.is_dir():
        return _volume(path, prepared, volume_index)
    if not path.is_file():
        raise PrepError("no such file", remedy="Send the file with the request.")
    with path.open("rb") as stream:
        head = stream.read(512)
    if not head:
        raise PrepError("empty file", remedy="Export it again.")
    if path.stat().st_size > LARGEST_FILE:
        raise PrepError("too large to be a film or a head", remedy="Send one film or one volume.")
    if is_picture(head[:16]):
        return _picture(path, prepared, resize_only)
    if path.name.lower().endswith((".nii", ".nii.gz")) or _is_nifti(head):
        return _volume(path, prepared, volume_index)
    data = path.read_bytes()
    if looks_like_dicom(head) and prepared.kind == BRAINS and not _is_film(data):
        return _volume(path, prepared, volume_index)
    return _film(data, prepared, "DICOM film")


def _is_nifti(head: bytes) -> bool:
    """By its magic (nifti1.h, nifti2.h), for a file that lost its ending."""
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def _is_film(data: bytes) -> bool:
    with quiet_pydicom():
        return choose.modality(read_dataset(data)) in FILM_MODALITIES


def _picture(path: Path, given: Preparation, resize_only: bool) -> Received:
    """A picture of the very size of the model's images went through the preparation already."""
    data = path.read_bytes()
    film = read_picture(data)
    rows, columns = film.image.shape
    if not resize_only and (rows, columns) != (given.size, given.size):
        return _film(data, given, "picture")
    if film.facts["mode"] not in GREY_MODES:
        raise PrepError(
            "a prepared picture is grey, 8 or 16 bit",
            detail=f"mode {film.facts['mode']}",
            remedy="Save it as greyscale PNG.",
        )
    whole = (slice(0, rows), slice(0, columns))
    back = FilmBack(Framing("none", given.size), (rows, columns), whole, (1.0, 1.0))
    return Received(None, "prepared picture", back, facts=film.facts)


def _film(data: bytes, given: Preparation, kind: str) -> Received:
    prepared = given.for_films()
    windowed = prepared.settings.intensity_policy().policy == "window"
    film = next(films(data, prepared.settings.film, voi=windowed))
    warnings = [*_text_warnings(film), *film.facts.get("notes", ())]
    if given.kind != FILMS:
        warnings.append("the model was trained on slices of brains; this is a film")
    return _framed(film, prepared, kind, warnings)


def _framed(film: Film, prepared: Preparation, kind: str, warnings: Sequence[str]) -> Received:
    shown = framed_film(film, prepared.settings)
    shape = (film.image.shape[0], film.image.shape[1])
    back = FilmBack(prepared.settings.framing_policy(), shape, shown.field, film.spacing)
    return Received(shown.pixels[None], kind, back, warnings=tuple(warnings), facts=film.facts)


def _text_warnings(film: Film) -> list[str]:
    """What preparation would have set the film aside for; a reader sees it for himself."""
    found = [f"the header says {flag}" for flag in film.flags]
    lines = find_text(film.image)
    return [
        *found,
        *(["likely text in the picture, which no model should have to read"] * bool(lines)),
    ]


def _volume(path: Path, given: Preparation, volume_index: int | None) -> Received:
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
    found = _framed(film, given, "NIfTI slice", [*volume.facts["notes"], *warnings])
    assert isinstance(found.back, FilmBack)
    return replace(found, back=FilmInVolumeBack(found.back, plane, place))


def _cut(volume: Volume, prepared: Preparation, place: Place, warnings: Sequence[str]) -> Received:
    """All slices of a head in the model's plane, with the head's own black and white."""
    options, settings = prepared.brain, prepared.settings
    head = Head(volume)
    for step in brain_chain.steps(options):
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
