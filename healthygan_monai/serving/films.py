"""Radiographs of a request: DICOM, or a picture that is raw or prepared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data_prep.errors import PrepError
from data_prep.film.burned_in import find_text
from data_prep.film.film import Film
from data_prep.film.open import films
from data_prep.film.picture import read_picture
from data_prep.film.prepare import framed as framed_film
from data_prep.frame.framing import Framing
from healthygan_monai.serving.preparation import FILMS, Preparation
from healthygan_monai.serving.received import Received
from healthygan_monai.serving.way_back import FilmBack

GREY_MODES = ("L", "I;16", "I")  # Pillow's, of the pictures that data sets hold


def of_picture(path: Path, given: Preparation, resize_only: bool) -> Received:
    """A picture of the very size of the model's images went through the preparation already."""
    data = path.read_bytes()
    film = read_picture(data)
    rows, columns = film.image.shape
    if not resize_only and (rows, columns) != (given.size, given.size):
        return of_film(data, given, "picture")
    if film.facts["mode"] not in GREY_MODES:
        raise PrepError(
            "a prepared picture is grey, 8 or 16 bit",
            detail=f"mode {film.facts['mode']}",
            remedy="Save it as greyscale PNG.",
        )
    whole = (slice(0, rows), slice(0, columns))
    back = FilmBack(Framing("none", given.size), (rows, columns), whole, (1.0, 1.0))
    return Received(None, "prepared picture", back, facts=film.facts)


def of_film(data: bytes, given: Preparation, kind: str) -> Received:
    prepared = given.for_films()
    windowed = prepared.settings.intensity_policy().policy == "window"
    film = next(films(data, prepared.settings.film, voi=windowed))
    warnings = [*_text_warnings(film), *film.facts.get("notes", ())]
    if given.kind != FILMS:
        warnings.append("the model was trained on slices of brains; this is a film")
    return framed(film, prepared, kind, warnings)


def framed(film: Film, prepared: Preparation, kind: str, warnings: Sequence[str]) -> Received:
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
