"""Chest films: open, choose, find the exposed field, frame.

>>> import numpy as np
>>> from data_prep import film
>>> shown = film.Film(np.random.default_rng(0).random((96, 80), np.float32), (1.0, 1.0))
>>> film.framed(shown, film.FilmRecipe(size=64)).pixels.shape
(64, 64)
"""

from data_prep.film.burned_in import find_text
from data_prep.film.film import Film
from data_prep.film.levels import levels, read_all_levels, read_levels, read_mask
from data_prep.film.open import films, is_film, is_radiograph, read_film, stored_picture
from data_prep.film.options import FilmOptions
from data_prep.film.picture import read_picture
from data_prep.film.prepare import framed, prepare, way_back
from data_prep.film.recipe import FilmRecipe
from data_prep.film.set_aside import Look, SetAside
from data_prep.frame import png as png  # for healthygan_monai
from data_prep.frame.frame import WayBack
from data_prep.read.content import is_picture, kind_of
from data_prep.read.dicom.file import quiet_pydicom, read_dataset

__all__ = [
    "Film", "FilmOptions", "FilmRecipe", "Look", "SetAside", "WayBack", "films", "find_text",
    "framed", "is_film", "is_picture", "is_radiograph", "kind_of", "levels", "prepare",
    "quiet_pydicom", "read_all_levels", "read_dataset", "read_film", "read_levels", "read_mask",
    "read_picture", "stored_picture", "way_back",
]  # fmt: skip
