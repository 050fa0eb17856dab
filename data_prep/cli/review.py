"""The command review: from what a person has ticked to the list for --allow-burned-in."""

import argparse
import os
from pathlib import Path
from typing import Any

from data_prep.cli.exit_codes import command
from data_prep.errors import DONE, DataError

TEXT = "films set aside for likely text: where to look, and the list of those that may be used"


def add_review(commands: Any) -> None:
    """Add review to argparse sub-parsers."""
    review = command(commands, "review", TEXT, _review)
    review.add_argument("output", type=Path, metavar="OUTPUT", help="what prep films has written")
    review.add_argument(
        "ticks",
        type=Path,
        nargs="?",
        metavar="review.csv",
        help="as saved from the page, or filled in; without it the command says where the page is",
    )
    review.add_argument(
        "--list",
        type=Path,
        metavar="FILE",
        help="the list to write or to change (default: OUTPUT.allowed.txt)",
    )


def _review(arguments: argparse.Namespace) -> int:
    from data_prep.output import review

    films = review.read(arguments.output)
    if arguments.ticks is not None:
        return _write(arguments, films)
    page = review.folder_of(arguments.output) / review.PAGE
    print(f"{len(films):,} films wait. Open {page.as_uri()} in a browser, tick those that show")
    print("nothing about a person, and save review.csv; or fill the column allow with yes or no in")
    print(f"{page.with_name(review.TABLE)}")
    print("These pictures may show names: do not send them on.")
    print(f"next: healthygan review {arguments.output} review.csv")
    return DONE


def _write(arguments: argparse.Namespace, films: list[dict[str, Any]]) -> int:
    """The list, with what it had before; a film that is ticked no more is taken off it."""
    from data_prep.inputs import allowed
    from data_prep.output import ticks

    output = arguments.output
    path = arguments.list or allowed.path_for(output)
    told = ticks.read(arguments.ticks)
    seen = allowed.read(path) if path.exists() else {}
    waiting = {film["film"] for film in films}
    unknown = set(told) - waiting - set(seen.values())
    if unknown:
        raise DataError(
            f"{arguments.ticks}: {len(unknown)} of its {len(told)} films were not set aside in the "
            f"last run of prep to {arguments.output}. Save it again from its review.html."
        )
    kept = {name: digest for name, digest in seen.items() if told.get(digest, True)}
    new = {os.fspath(film["input"]): film["film"] for film in films if told.get(film["film"])}
    allowed.write(path, {**kept, **new})
    print(f"{len(new):,} of {len(films):,} films that wait may be used, the others stay out")
    print(f"{path} lists {len({**kept, **new}):,} films")
    print(f"next: the command that wrote {arguments.output}, with --allow-burned-in {path}")
    return DONE
