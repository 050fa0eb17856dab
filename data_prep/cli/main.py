"""Arguments of `python -m data_prep` and `healthygan prep`; no logic, no heavy imports here."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data_prep import __version__
from data_prep.cli.arguments import add_common, pairs
from data_prep.outcome import DISK_TROUBLE

DONE, FAILED, WRONG_USAGE = 0, 1, 2
MOST_JOBS = 8
EXIT_CODES = (
    "Exit codes: 0 done; 1 failure; 2 wrong usage; 3 done, but inputs were skipped and listed."
)

Parsers = Any  # argparse gives what add_subparsers returns no public name


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; the only place that turns errors into exit codes."""
    from data_prep.cli.protocols import add_fetch_command

    parser = argparse.ArgumentParser(
        prog="python -m data_prep",
        description="Raw films and brain volumes -> PNG images and one dataset.json.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"data_prep {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_prep_commands(commands)
    add_fetch_command(commands)
    return run_command(parser.parse_args(argv))


def run_command(arguments: argparse.Namespace) -> int:
    """Run what add_prep_commands has parsed; returns the exit code."""
    level = logging.WARNING if arguments.quiet else logging.INFO
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else level, format="%(message)s", stream=sys.stderr
    )
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # its warnings quote header values
    logging.getLogger("PIL").setLevel(logging.WARNING)
    try:
        return arguments.run(arguments)
    except (ValueError, FileNotFoundError) as error:  # DataError, LeakError, a wrong choice
        print(f"error: {error}", file=sys.stderr)
        return FAILED if type(error).__name__ in ("DataError", "LeakError") else WRONG_USAGE
    except OSError as error:
        place = error.filename or getattr(arguments, "output", None)
        where = f": {place}" if place else ""
        print(f"error: {error.strerror or type(error).__name__}{where}", file=sys.stderr)
        if error.errno in DISK_TROUBLE:
            print(
                "make room, then run the same command again: it goes on from here", file=sys.stderr
            )
        return FAILED
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on from here", file=sys.stderr)
        return FAILED


def add_prep_commands(commands: Parsers) -> None:
    """Add films, brains, check and phantom to argparse sub-parsers; each sets `run`."""
    from data_prep.cli.protocols import add_source_commands

    _add_films(commands)
    _add_brains(commands)
    add_source_commands(commands)
    add_check_command(commands)
    phantom = command(commands, "phantom", "draw phantom films or brains", _phantom)
    phantom.add_argument("kind", choices=("films", "brains"))
    phantom.add_argument("output", type=Path, metavar="OUTPUT")
    phantom.add_argument("--seed", type=int, default=0)
    phantom.add_argument("--bad", action="store_true", help="films: add files no reader accepts")


def add_check_command(commands: Parsers) -> None:
    """Add check; `healthygan` has it beside its own commands too."""
    check = command(commands, "check", "look for every problem of a data set at once", _check)
    check.add_argument("dataset", type=Path, metavar="DATASET", help="dataset.json or its folder")


def _add_films(commands: Parsers) -> None:
    films = command(commands, "films", "prepare radiographs: DICOM, PNG or JPEG", _films)
    add_common(films)
    add_film_arguments(films)


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


def _add_brains(commands: Parsers) -> None:
    from data_prep.brain import prepare  # light at the top: numpy and Pillow

    brains = command(commands, "brains", "prepare brain volumes: NIfTI or DICOM series", _brains)
    add_common(brains)
    prepare.add_arguments(brains)


def command(
    commands: Parsers, name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """A sub-command with what every one has: help, -v, -q and what it runs."""
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.set_defaults(run=run)
    return parser


def _films(arguments: argparse.Namespace) -> int:
    return prepare(arguments, "films", **film_choices(arguments))


def _brains(arguments: argparse.Namespace) -> int:
    return prepare(arguments, "brains", **brain_choices(arguments))


def film_choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """film, framing, intensity, collimation and cleared of Settings."""
    from data_prep.film.open import FilmOptions

    names = ("window", "colour", "views", "modalities", "body_parts", "intent", "frames")
    allowed = arguments.allow_burned_in
    film = FilmOptions(
        **{name: getattr(arguments, name) for name in names},
        burned_in="allow" if allowed is True else "quarantine",
    )
    return {
        "film": film,
        "framing": arguments.framing,
        "intensity": arguments.intensity,
        "collimation": arguments.collimation,
        "cleared": Path(allowed) if isinstance(allowed, str) else None,
    }


def brain_choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """framing, intensity and brain of Settings."""
    from data_prep.brain import prepare

    return prepare.settings_of(arguments)


def prepare(arguments: argparse.Namespace, kind: str, **choices: Any) -> int:
    """Run the pipeline with the common flags and these choices; prints, returns the exit code."""
    from data_prep.pipeline import run
    from data_prep.settings import Settings

    same = ["input", "output", "size", "bits", "table", "pseudonyms", "validation", "test", "seed"]
    same += ["existing", "dry_run", "seconds", "memory", "scheduler"]
    same += ["name", "description", "licence", "protocol"]
    where: dict[str, str] = {}
    for text in arguments.where:
        where |= pairs(text, "--where")
    result = run(
        Settings(
            kind=kind,
            columns=pairs(arguments.columns, "--columns"),
            where=where,
            key_file=arguments.key,
            jobs=min(MOST_JOBS, os.cpu_count() or 1) if arguments.jobs is None else arguments.jobs,
            max_skipped=0.0 if arguments.strict else arguments.max_skipped,
            **{name: getattr(arguments, name) for name in same},
            **choices,
        )
    )
    print(result.summary)
    if result.dataset is not None:
        print(f"next: healthygan check {result.dataset.path}")
    return result.exit_code


def _check(arguments: argparse.Namespace) -> int:
    from data_prep import datalist

    dataset = datalist.read(arguments.dataset)
    datalist.require_valid(dataset, deep=True)
    for name, items in dataset.sections.items():
        subjects = len({item.subject for item in items})
        print(f"{name:<18} {len(items):>7,} images  {subjects:>7,} subjects")
    print(f"no problems in {dataset.path}")
    trainable = all(dataset.sections[name] for name in datalist.UNLABELLED)
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
