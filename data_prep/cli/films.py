"""The flags of the film path, and the settings they choose."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_prep.film import FilmRecipe


def add_film_arguments(films: argparse.ArgumentParser) -> None:
    """The flags of the film path; `film_recipe` reads them."""
    films.add_argument(
        "--intensity",
        default="window",
        metavar="POLICY",
        help="window: as the header says; minmax, percentile or percentile:0.5,99.5: of all the film's "
        "values, whatever window the header has (default: window)",
    )
    films.add_argument(
        "--framing",
        default="paper",
        choices=("paper", "square", "centre", "none"),
        help="paper: top 8%% off, centre square; square: pad; centre: centre square (default: paper)",
    )
    films.add_argument(
        "--collimation",
        default="remove",
        choices=("remove", "keep"),
        help="dark borders outside the exposed field, before the framing (default: remove)",
    )
    films.add_argument(
        "--window",
        type=int,
        default=0,
        metavar="N",
        help="which of several windows or VOI LUTs, from 0",
    )
    films.add_argument(
        "--colour",
        default="refuse",
        choices=("refuse", "equal"),
        help="colour DICOM: refuse it, or accept it where the channels are equal",
    )
    films.add_argument(
        "--frames",
        default="first",
        choices=("first", "each"),
        help="of a multi-frame file: the first, or each as an image (default: first)",
    )
    choice = films.add_argument_group("which films; the others are left out and listed")
    choice.add_argument(
        "--views",
        default="frontal",
        metavar="VIEWS",
        help="frontal (all that are not known to be lateral), any, or some of PA,AP,lateral "
        "(default: frontal)",
    )
    choice.add_argument(
        "--modalities",
        default="films",
        metavar="CODES",
        help="films (CR, DX, RG), any, or codes like films,OT (default: films)",
    )
    choice.add_argument(
        "--body-parts",
        default="chest",
        choices=("chest", "stated", "any"),
        help="chest (all that are not known to be another part), stated (chest by the header), any "
        "(default: chest)",
    )
    choice.add_argument(
        "--intent",
        default="presentation",
        choices=("presentation", "processing", "any"),
        help="presentation (all but raw detector data, FOR PROCESSING), processing (only those), "
        "any (default: presentation)",
    )
    choice.add_argument(
        "--allow-burned-in",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="take films with likely burned-in text or recognisable features, which are left out "
        "otherwise; FILE: only those that it lists, one path below INPUT a line, once looked at",
    )


def film_recipe(arguments: argparse.Namespace) -> FilmRecipe:
    """What decides the pixels; raises ValueError for an invalid choice."""
    from data_prep.film import FilmOptions, FilmRecipe

    def given(*names: str) -> dict[str, Any]:
        return {name: getattr(arguments, name) for name in names}

    options = FilmOptions(
        **given("window", "colour", "views", "modalities", "body_parts", "intent", "frames"),
        burned_in="allow" if arguments.allow_burned_in is True else "quarantine",
    )
    chosen = given("size", "bits", "framing", "intensity", "collimation")
    return FilmRecipe(**chosen, options=options)


def cleared_films(arguments: argparse.Namespace) -> Path | None:
    """The file that lists films which somebody has looked at."""
    allowed = getattr(arguments, "allow_burned_in", None)
    return Path(allowed) if isinstance(allowed, str) else None
