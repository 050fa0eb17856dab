"""Radiographs of a request: DICOM, or a picture that is raw or prepared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep import film
from data_prep.film import Film, FilmRecipe
from healthygan_monai.errors import PrepError
from healthygan_monai.serving.preparation import BRAINS, Preparation
from healthygan_monai.serving.received import Received


@dataclass(frozen=True)
class OfOneFilm:
    """Maps (1, size, size) -> the film's (rows, columns)."""

    back: film.WayBack

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        return self.back(maps[0])


def of_picture(data: bytes, given: Preparation, resize_only: bool) -> Received:
    """Read a picture; one of exactly the model's size counts as prepared already."""
    size = given.film.size
    picture = film.read_picture(data)
    if not resize_only and picture.image.shape != (size, size):
        return of_film(data, given, "picture")
    pixels = film.levels(picture)
    back = film.way_back(picture, FilmRecipe(size, framing="none", collimation="keep"))
    return Received(pixels[None], "prepared picture", OfOneFilm(back))


def of_film(data: bytes, given: Preparation, kind: str) -> Received:
    if given.kind == BRAINS:
        raise PrepError(
            f"a film ({kind}), but the model was trained on slices of volumes",
            remedy=f"Send a volume, or a prepared slice of {given.film.size} x {given.film.size}.",
        )
    found = next(film.films(data, given.film.options, voi=given.film.windowed))
    warnings = [*_text_warnings(found), *found.facts.get("notes", ())]
    return framed(found, given.film, kind, warnings)


def framed(found: Film, recipe: FilmRecipe, kind: str, warnings: Sequence[str]) -> Received:
    frame = film.framed(found, recipe)
    way = OfOneFilm(frame.back)
    return Received(frame.pixels[None], kind, way, warnings=tuple(warnings))


def _text_warnings(found: Film) -> list[str]:
    """Return as warnings what would exclude the film from a data set."""
    said = [f"the header says {flag}" for flag in found.flags]
    text = "likely text in the picture, which may change the score"
    return said + [text] * bool(film.find_text(found.image))
