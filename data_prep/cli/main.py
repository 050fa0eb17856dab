"""Arguments of `python -m data_prep` and `healthygan prep`; no logic, no heavy imports here."""

import argparse
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from data_prep import __version__
from data_prep.cli.arguments import add_people, add_work, given_work
from data_prep.cli.exit_codes import EXIT_CODES, command, run_command
from data_prep.cli.prepare import Parsers, add_brains, add_films
from data_prep.cli.review import add_review
from data_prep.cli.table import add_table
from data_prep.errors import DONE

log = logging.getLogger(__name__)

__all__ = [
    "add_check_command", "add_fetch_command", "add_people", "add_prep_commands", "add_review",
    "add_table", "add_work", "build_parser", "given_work", "main",
]  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; return the exit code."""
    return run_command(build_parser().parse_args(argv))


@cache
def build_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep",
        description="Raw films and brain volumes -> PNG images and one dataset.json.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"data_prep {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_prep_commands(commands)
    add_table(commands)
    add_review(commands)
    add_fetch_command(commands)
    return parser


def add_prep_commands(commands: Parsers) -> None:
    """Add films, brains, check and phantom to argparse sub-parsers; each sets `run`."""
    from data_prep.cli.protocols import add_source_commands

    add_films(commands)
    add_brains(commands)
    add_source_commands(commands)
    add_check_command(commands)
    phantom = command(commands, "phantom", "draw phantom films or brains", _phantom)
    phantom.add_argument("kind", choices=("films", "brains"), help="what to draw")
    phantom.add_argument("output", type=Path, metavar="OUTPUT", help="folder for them")
    phantom.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    phantom.add_argument("--bad", action="store_true", help="films: add files no reader accepts")


def add_check_command(commands: Parsers) -> None:
    """Add check; `healthygan` has it beside its own commands too."""
    check = command(commands, "check", "look for every problem of a data set at once", _check)
    check.add_argument("dataset", type=Path, metavar="DATASET", help="dataset.json or its folder")
    text = "decode every image again, also where the hash of all files is the one of preparation"
    check.add_argument("--deep", action="store_true", help=text)


def _check(arguments: argparse.Namespace) -> int:
    from data_prep import datalist

    dataset = datalist.read(arguments.dataset)
    datalist.require_valid(dataset, deep=arguments.deep, hashed=True)
    for name, items in dataset.sections.items():
        subjects = len({item.subject for item in items})
        print(f"{name:<18} {len(items):>7,} images  {subjects:>7,} subjects")
    for text in datalist.cautions(dataset):
        log.warning("warning: %s", text)
    print(f"no problems in {dataset.path}")
    if not datalist.fits_networks(dataset.image_size):
        return DONE  # the warning says what to do
    trainable = all(len(dataset.sections[n]) >= datalist.LEAST_IMAGES for n in datalist.UNLABELLED)
    print(f"next: healthygan {'train' if trainable else 'infer RUN'} {dataset.path}")
    return DONE


def _phantom(arguments: argparse.Namespace) -> int:
    if arguments.kind == "films":
        from data_prep.phantom.study import make_films

        make_films(arguments.output, seed=arguments.seed, bad=arguments.bad)
    else:
        from data_prep.phantom.brains import make_brains

        make_brains(arguments.output, seed=arguments.seed)
    table = arguments.output / "cohort.csv"
    print(
        f"next: healthygan prep {arguments.kind} {arguments.output} {arguments.output}-prepared "
        f"--table {table}"
    )
    return DONE


def add_fetch_command(commands: Parsers) -> None:
    """Add fetch, the only command that downloads anything."""
    from data_prep.sources.fetch import IXI_URL

    text = "download a public data set (the only command that does)"
    fetch = command(commands, "fetch", text, _fetch)
    fetch.add_argument("what", choices=("ixi",), help="ixi: the T1 volumes of IXI")
    fetch.add_argument("output", type=Path, metavar="OUTPUT", help="folder for the archives")
    text = "folder they are in (default: %(default)s)"
    fetch.add_argument("--url", default=IXI_URL, metavar="URL", help=text)


def _fetch(arguments: argparse.Namespace) -> int:
    from data_prep.sources.fetch import fetch_ixi

    volumes = fetch_ixi(arguments.output, arguments.url)
    print(f"{volumes:,} T1 volumes in {arguments.output / 'T1'}")
    print(f"next: healthygan prep ixi {arguments.output} {arguments.output}-prepared --check")
    return DONE
