"""One film from file to PNG: read, frame, grey levels, write; its mask through the same frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from data_prep.boxes import framed_boxes
from data_prep.film import Film, FilmError, read_film
from data_prep.find import Source
from data_prep.outcome import Outcome, WrittenImage
from data_prep.picture import read_mask_picture
from data_prep.settings import Settings


def prepare_film(source: Source, settings: Settings) -> Outcome:
    """Write images/<subject>/<session>_000.png (and _000_mask.png); raises PrepError."""
    film = read_film(source.path, settings.film)
    framing = settings.framing_policy()
    framed = framing.image(film.image, film.spacing)
    known = np.ones(film.image.shape, bool) if film.padding is None else ~film.padding
    foreground = framing.mask(known, film.spacing)
    pixels = settings.intensity_policy().apply(framed, settings.bits, foreground=foreground)
    if film.padding is not None:
        pixels[~foreground] = 0
    stem = f"images/{source.subject}/{source.session}_000"
    mask = None
    if source.mask is not None:
        mask = f"{stem}_mask.png"
        settings.store(mask, framing.mask(_mask_like(source, film), film.spacing))
    settings.store(f"{stem}.png", pixels)
    boxes = framed_boxes(source.boxes, framing, film.image.shape, film.spacing)
    written = WrittenImage(f"{stem}.png", source.subject, source.session, None, mask, boxes)
    return Outcome("written", source.name, images=(written,), details=film.facts)


def record(settings: Settings) -> dict[str, Any]:
    """What dataset.json says about modality, grey levels and framing."""
    return {
        "modality": "radiograph",
        "intensity": settings.intensity_policy().record(),
        "framing": settings.framing_policy().record(),
    }


def _mask_like(source: Source, film: Film) -> np.ndarray:
    """bool (H, W), true where the mask picture is not black; rows and columns as the film's."""
    assert source.mask is not None
    mask = read_mask_picture(source.mask)
    if mask.shape != film.image.shape:
        raise FilmError(
            "the mask does not have the film's rows and columns",
            detail=f"{mask.shape[0]} x {mask.shape[1]}, film {film.image.shape[0]} x "
            f"{film.image.shape[1]}",
            remedy="Draw the mask on the film itself.",
        )
    return mask
