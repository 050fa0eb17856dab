"""The ``healthygan`` command: from raw images to a report; each step names the next."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

from data_prep.cli.exit_codes import EXIT_CODES, command, run_command
from data_prep.cli.main import (
    add_check_command,
    add_fetch_command,
    add_prep_commands,
    add_review,
    add_table,
)
from data_prep.errors import WRONG_USAGE
from healthygan_monai import __version__
from healthygan_monai.cli import (
    benchmark,
    demo,
    ensemble,
    evaluate,
    infer,
    listen,
    report,
    score,
    select,
    train,
    view,
)
from healthygan_monai.cli.exchange import export, import_checkpoint, pack
from healthygan_monai.paths import bundle_root
from healthygan_monai.telemetry import switch_off

SPINS = 2000  # some microseconds


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; return the exit code."""
    wait_shortly()
    switch_off()
    for stream in (sys.stdout, sys.stderr):  # a path may hold bytes that are no text
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):  # what is neither a file nor a pipe stays strict
                stream.reconfigure(errors="backslashreplace")
    return run_command(build_parser().parse_args(argv))


def wait_shortly() -> None:
    """Let a thread of PyTorch that waits for the others spin for a moment, and then sleep.

    Spinning on, as OpenMP does by itself, takes the core from other programs: two trainings beside
    each other took 2.5 times as long. Sleeping at once costs a training that is alone a third of
    its pace, for small networks wait often. OpenMP reads this when PyTorch loads, which is later.
    Left alone where the user has set either variable (OpenMP 5.2, Sec. 21.2.3; GCC's libgomp).
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT=str(SPINS))


class _Parser(argparse.ArgumentParser):
    """Says what to do with words that a command has no place for."""

    def error(self, message: str) -> NoReturn:
        left_over = message.partition("unrecognized arguments: ")[2].split()
        if not left_over:
            super().error(message)
        unknown = [word for word in left_over if word.startswith("-")]
        if unknown:
            text = f"this command has no option {unknown[0].partition('=')[0]}; --help lists them."
        else:
            text = (
                f"this command has no place for {left_over[0]!r} there. Paths stand together, "
                "before or behind all options."
            )
        self.exit(WRONG_USAGE, f"error: {text}\n")


@cache
def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands, in the order in which a study uses them."""
    parser = _Parser(
        prog="healthygan",
        description="Learn from unannotated medical images to show what is not healthy in one.",
        epilog=f"{EXIT_CODES} Research software, not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"healthygan {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo.add(commands)
    add_table(commands)
    text = "raw DICOM, NIfTI, PNG -> PNG and dataset.json"
    prep = commands.add_parser("prep", help=text, description=text, epilog=EXIT_CODES)
    add_prep_commands(prep.add_subparsers(dest="kind", required=True, metavar="KIND"))
    add_review(commands)
    add_check_command(commands)
    add_fetch_command(commands)
    for module in (train, select, ensemble, infer, evaluate, report, view, score, listen):
        module.add(commands)
    for module in (benchmark, export, pack, import_checkpoint):
        module.add(commands)
    _add_keys(commands)
    command(commands, "bundle-path", "print where the MONAI bundle is", _bundle_path)
    return parser


def _add_keys(commands: Any) -> None:
    parser = command(commands, "keys", "list what --set of train takes, and what it means", _keys)
    text = "a part of a name, or a pattern such as 'price*' (default: all)"
    parser.add_argument("pattern", nargs="?", default="*", metavar="PATTERN", help=text)
    text = "whose defaults are shown: pretrained or paper (default: %(default)s)"
    parser.add_argument("--recipe", default="pretrained", metavar="NAME", help=text)


def _keys(arguments: argparse.Namespace) -> int:
    from healthygan_monai.config.key_words import BY_DATA, key_rows

    rows = list(key_rows(arguments.recipe, arguments.pattern))
    wide = [max(len(row[k]) for row in rows) for k in (0, 1)]
    for key, default, meaning in rows:
        print(f"{key:<{wide[0]}}  {default:<{wide[1]}}  {meaning}")
    if any(key in BY_DATA for key, *_ in rows):
        print("* follows the images and the machine too: healthygan train DATASET --dry-run")
    return 0


def _bundle_path(arguments: argparse.Namespace) -> int:
    print(bundle_root())
    return 0


if __name__ == "__main__":
    sys.exit(main())
