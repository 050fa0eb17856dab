"""The flags of the film path, and the recipe they make."""

import argparse
from pathlib import Path

from data_prep.cli.arguments import add_fields, from_arguments
from data_prep.film import FilmOptions, FilmRecipe
from data_prep.film.options import WHICH


def add_film_arguments(films: argparse.ArgumentParser) -> None:
    """Add the flags of the film path; `film_recipe` reads them."""
    groups = add_fields(films, FilmRecipe, FilmOptions)
    groups[WHICH].add_argument(
        "--allow-burned-in",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="take films with likely burned-in text or recognisable features, which are left out "
        "otherwise; FILE: only those that it lists, one path below INPUT a line, once looked at",
    )


def film_recipe(arguments: argparse.Namespace) -> FilmRecipe:
    """Return what decides the pixels; raises UsageError for an invalid choice."""
    burned_in = "allow" if arguments.allow_burned_in is True else "quarantine"
    options = from_arguments(FilmOptions, arguments, burned_in=burned_in)
    return from_arguments(FilmRecipe, arguments, options=options)


def cleared_films(arguments: argparse.Namespace) -> Path | None:
    """Return the file that lists films which somebody has looked at."""
    allowed = getattr(arguments, "allow_burned_in", None)
    return Path(allowed) if isinstance(allowed, str) else None
