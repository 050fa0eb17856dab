"""One film from file to PNG: read, frame, grey levels, write; its mask through the same frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_prep.errors import FilmError
from data_prep.film import collimation
from data_prep.film.burned_in import find_text
from data_prep.film.choice import LeftOut
from data_prep.film.collimation import exposed_area
from data_prep.film.film import Film
from data_prep.film.open import films
from data_prep.film.picture import read_mask_picture
from data_prep.frame.boxes import FramedBox, framed_boxes
from data_prep.frame.framing import Box
from data_prep.outcome import Outcome, WrittenImage
from data_prep.settings import Settings
from data_prep.source import Source

LOOK = "Look at it, then list it in a file for --allow-burned-in FILE."


def prepare_film(source: Source, settings: Settings) -> Outcome:
    """Write images/<subject>/<session>_<frame>.png (and ..._mask.png); raises PrepError.

    A file of several frames is read to its end before anything is written.
    """
    pictures: list[tuple[WrittenImage, np.ndarray, np.ndarray | None]] = []
    facts: dict[str, Any] = {}
    digests: list[str] = []
    windowed = settings.intensity_policy().policy == "window"
    for film in films(source.data(), settings.film, voi=windowed):
        pixels, mask, boxes = _pictures(film, source, settings)
        stem = f"images/{source.subject}/{source.session}_{film.frame or 0:03d}"
        number = film.frame if settings.film.frames == "each" else None
        drawn = f"{stem}_mask.png" if mask is not None else None
        written = WrittenImage(f"{stem}.png", source.subject, source.session, number, drawn, boxes)
        pictures.append((written, pixels, mask))
        digests.append(film.digest)
        facts = facts or film.facts
    for written, pixels, mask in pictures:
        if written.mask and mask is not None:
            settings.store(written.mask, mask)
        settings.store(written.image, pixels)
    facts["digest"] = digests[0] if len(digests) == 1 else digests
    images = tuple(written for written, _, _ in pictures)
    return Outcome("written", source.name, images=images, details=facts)


@dataclass(frozen=True)
class Framed:
    """pixels: grey levels (size, size) as written; field: rows and columns of the film that were framed."""

    pixels: np.ndarray
    field: tuple[slice, slice]


def framed(film: Film, settings: Settings, cleared: bool = False) -> Framed:
    """One film in the frame and the grey levels of the settings.

    cleared: a person has looked for burned-in text. Raises PrepError.
    """
    field = _exposed_field(film, settings)
    image, padding = film.image[field], None if film.padding is None else film.padding[field]
    framing = settings.framing_policy()
    if settings.film.burned_in == "quarantine" and not cleared:
        shown = _as_written(image, padding, settings)
        _require_no_text(film.flags, shown, framing.box(image.shape, film.spacing))
    image = framing.image(image, film.spacing)
    if padding is None:
        foreground = framing.covered((_length(field[0]), _length(field[1])), film.spacing)
    else:
        foreground = framing.mask(~padding, film.spacing)
    pixels = settings.intensity_policy().apply(image, settings.bits, foreground=foreground)
    if padding is not None and foreground is not None:
        pixels[~foreground] = 0
    return Framed(pixels, field)


def _length(part: slice) -> int:
    return int(part.stop - part.start)


def _pictures(
    film: Film, source: Source, settings: Settings
) -> tuple[np.ndarray, np.ndarray | None, tuple[FramedBox, ...]]:
    """(grey levels, mask or None), both (size, size); and the boxes in the same frame."""
    mask = _mask_of(film, source, settings)
    shown = framed(film, settings, source.cleared)
    framing = settings.framing_policy()
    rows, columns = shown.field
    crop = (rows.start, columns.start, rows.stop, columns.stop)
    boxes = framed_boxes(source.boxes, framing, film.image.shape, film.spacing, crop=crop)
    if mask is not None:
        mask = framing.mask(mask[shown.field], film.spacing)
    return shown.pixels, mask, boxes


def _exposed_field(film: Film, settings: Settings) -> tuple[slice, slice]:
    """Rows and columns that are framed; a border that was removed is told in the facts."""
    height, width = film.image.shape
    if settings.collimation == "keep":
        return slice(0, height), slice(0, width)
    box = exposed_area(film.image, film.padding)
    if box != (0, 0, height, width):
        film.facts["exposed_field"] = list(box)
    return slice(box.top, box.bottom), slice(box.left, box.right)


def _as_written(image: np.ndarray, padding: np.ndarray | None, settings: Settings) -> np.ndarray:
    """The film in the grey levels of the policy: text is found in what is shown of it."""
    policy = settings.intensity_policy()
    if policy.policy == "window":
        return image
    return policy.apply(image, foreground=None if padding is None else ~padding)


def _require_no_text(flags: Sequence[str], image: np.ndarray, box: Box) -> None:
    """Set the film aside where its header or its pixels say text; only what is shown counts."""
    if flags:
        raise LeftOut(
            f"the header says {' and '.join(flags)}: set aside until somebody has looked",
            remedy=LOOK,
        )
    left, top, right, bottom = box
    lines = [
        line
        for line in find_text(image)
        if line.left < right and line.right > left and line.top < bottom and line.bottom > top
    ]
    if lines:
        raise LeftOut(
            "likely text in the picture: set aside until somebody has looked",
            detail=f"{len(lines)} lines, about {sum(line.glyphs for line in lines)} letters",
            remedy=LOOK,
        )


def record(settings: Settings) -> dict[str, Any]:
    """What dataset.json says about modality, grey levels and framing."""
    return {
        "modality": "radiograph",
        "intensity": settings.intensity_policy().record(),
        "framing": {**settings.framing_policy().record(), "collimation": _collimation(settings)},
    }


def _collimation(settings: Settings) -> dict[str, Any]:
    return {"policy": "kept"} if settings.collimation == "keep" else collimation.record()


def _mask_of(film: Film, source: Source, settings: Settings) -> np.ndarray | None:
    """bool (H, W), true where the mask picture is not black; rows and columns as the film's."""
    if source.mask is None:
        return None
    if settings.film.frames == "each" and film.frame is not None:
        raise FilmError(
            "one mask for a file of several frames", remedy="Pass --frames first, or export frames."
        )
    mask = read_mask_picture(source.mask)
    if mask.shape != film.image.shape:
        raise FilmError(
            "the mask does not have the film's rows and columns",
            detail=f"{mask.shape[0]} x {mask.shape[1]}, film {film.image.shape[0]} x "
            f"{film.image.shape[1]}",
            remedy="Draw the mask on the film itself.",
        )
    return mask
