"""The flags of the film path, and the settings they choose."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from data_prep.film.options import WHICH, FilmOptions
from data_prep.flags import add_fields, from_arguments


def add_film_arguments(films: argparse.ArgumentParser) -> None:
    """The flags of the film path; `film_choices` turns them into Settings."""
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
    groups = add_fields(films, FilmOptions)
    groups[WHICH].add_argument(
        "--allow-burned-in",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="take films with likely burned-in text or recognisable features, which are left out "
        "otherwise; FILE: only those that it lists, one path below INPUT a line, once looked at",
    )


def film_choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """film, framing, intensity, collimation and cleared of Settings."""
    allowed = arguments.allow_burned_in
    burned_in = "allow" if allowed is True else "quarantine"
    return {
        "film": from_arguments(FilmOptions, arguments, burned_in=burned_in),
        "framing": arguments.framing,
        "intensity": arguments.intensity,
        "collimation": arguments.collimation,
        "cleared": Path(allowed) if isinstance(allowed, str) else None,
    }
