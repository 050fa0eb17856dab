"""One film from file to PNG: read, frame, grey levels, write; its mask through the same frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from data_prep.film import Film, FilmError, films
from data_prep.find import Source
from data_prep.outcome import Outcome, WrittenImage
from data_prep.picture import read_mask_picture
from data_prep.settings import Settings


def prepare_film(source: Source, settings: Settings) -> Outcome:
    """Write images/<subject>/<session>_<frame>.png (and ..._mask.png); raises PrepError.

    A file of several frames is read to its end before anything is written.
    """
    content = source.data() if hasattr(source, "data") else source.path.read_bytes()
    pictures: list[tuple[WrittenImage, np.ndarray, np.ndarray | None]] = []
    facts: dict[str, Any] = {}
    digests: list[str] = []
    for film in films(content, settings.film):
        pixels, mask = _pictures(film, source, settings)
        stem = f"images/{source.subject}/{source.session}_{film.frame or 0:03d}"
        number = film.frame if settings.film.frames == "each" else None
        drawn = f"{stem}_mask.png" if mask is not None else None
        written = WrittenImage(f"{stem}.png", source.subject, source.session, number, drawn)
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


def _pictures(
    film: Film, source: Source, settings: Settings
) -> tuple[np.ndarray, np.ndarray | None]:
    """(grey levels, mask or None), both (size, size)."""
    framing = settings.framing_policy()
    framed = framing.image(film.image, film.spacing)
    if film.padding is None:
        foreground = framing.covered(film.image.shape, film.spacing)
    else:
        foreground = framing.mask(~film.padding, film.spacing)
    pixels = settings.intensity_policy().apply(framed, settings.bits, foreground=foreground)
    if film.padding is not None and foreground is not None:
        pixels[~foreground] = 0
    if source.mask is None:
        return pixels, None
    if settings.film.frames == "each" and film.frame is not None:
        raise FilmError(
            "one mask for a file of several frames", remedy="Pass --frames first, or export frames."
        )
    return pixels, framing.mask(_mask_like(source, film), film.spacing)


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
