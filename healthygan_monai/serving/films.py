"""Radiographs of a request: DICOM, or a picture that is raw or prepared."""

from collections.abc import Sequence

from data_prep import film
from data_prep.film import Film, FilmRecipe
from healthygan_monai.errors import PrepError
from healthygan_monai.serving.preparation import FILMS, Preparation
from healthygan_monai.serving.received import Received

GREY_MODES = ("L", "I;16", "I")  # Pillow's, of the pictures that data sets hold


def of_picture(data: bytes, given: Preparation, resize_only: bool) -> Received:
    """Read a picture; one of exactly the model's size counts as prepared already."""
    size = given.film.size
    picture = film.read_picture(data)
    if not resize_only and picture.image.shape != (size, size):
        return of_film(data, given, "picture")
    if picture.facts["mode"] not in GREY_MODES:
        raise PrepError(
            "a prepared picture is grey, 8 or 16 bit",
            detail=f"mode {picture.facts['mode']}",
            remedy="Save it as greyscale PNG.",
        )
    back = film.way_back(picture, FilmRecipe(size, framing="none", collimation="keep"))
    return Received(None, "prepared picture", lambda maps: back(maps[0]))


def of_film(data: bytes, given: Preparation, kind: str) -> Received:
    found = next(film.films(data, given.film.options, voi=given.film.windowed))
    warnings = [*_text_warnings(found), *found.facts.get("notes", ())]
    if given.kind != FILMS:
        warnings.append("the model was trained on slices of brains; this is a film")
    return framed(found, given.film, kind, warnings)


def framed(found: Film, recipe: FilmRecipe, kind: str, warnings: Sequence[str]) -> Received:
    frame = film.framed(found, recipe)
    way = frame.back
    return Received(frame.pixels[None], kind, lambda m: way(m[0]), warnings=tuple(warnings))


def _text_warnings(found: Film) -> list[str]:
    """Return as warnings what would exclude the film from a data set."""
    said = [f"the header says {flag}" for flag in found.flags]
    text = "likely text in the picture, which may change the score"
    return said + [text] * bool(film.find_text(found.image))
