"""What every command has: -v and -q, where its words go, what its errors mean, its exit code."""

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

from data_prep.errors import FAILED, WRONG_USAGE, HealthyGANError, UsageError, disk_words

EXIT_CODES = (
    "Exit codes: 0 done; 1 failure (bad data, a full disk, a fault of the program); 2 wrong usage; "
    "3 done, but inputs could not be read and are listed."
)
FAULT = (
    "This is a fault of the program. Run the same command with -v to see where it arose, and "
    "report it."
)

log = logging.getLogger(__name__)


def command(
    commands: Any,
    name: str,
    text: str,
    run: Callable[[argparse.Namespace], int],
    explain: Callable[[BaseException], BaseException] | None = None,
) -> argparse.ArgumentParser:
    """Add a sub-command to argparse sub-parsers and return its parser.

    Args:
        commands: what ``add_subparsers`` returned.
        name: the word to type.
        text: one line for the list of commands.
        run: the command; heavy imports belong in it.
        explain: turns another library's error into text. Without it such errors show no text,
            because header readers may quote a patient.
    """
    parser = commands.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.")
    parser.add_argument("-v", "--verbose", action="store_true", help="show where an error arose")
    parser.add_argument("-q", "--quiet", action="store_true", help="print results only")
    parser.set_defaults(run=run, explain=explain)
    return parser


def run_command(arguments: argparse.Namespace) -> int:
    """Run a parsed command and return its exit code; messages go to stderr, a traceback with -v."""
    _log_to_stderr(arguments)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt as stop:
        log.error("stopped%s", f": {stop}" if str(stop) else _goes_on(arguments))
        return FAILED
    except BrokenPipeError:  # who read the results has seen enough: ... | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        foreign = arguments.explain is not None and not isinstance(error, HealthyGANError)
        shown = arguments.explain(error) if foreign else error
        log.error("error: %s", _words(shown, arguments), exc_info=arguments.verbose)
        return WRONG_USAGE if isinstance(shown, UsageError) else FAILED


def _log_to_stderr(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    if arguments.quiet:  # the terminal alone: a run's log.txt has it all
        logging.getLogger().handlers[0].setLevel(logging.WARNING)
    logging.getLogger("data_prep").setLevel(logging.DEBUG if arguments.verbose else logging.NOTSET)
    # its warnings quote header values; a level would not last: pydicom sets its own when imported
    logging.getLogger("pydicom").disabled = True
    warnings.filterwarnings("ignore", module="py(net)?dicom")
    logging.getLogger("PIL").setLevel(logging.WARNING)


def _words(error: BaseException, arguments: argparse.Namespace) -> str:
    if isinstance(error, HealthyGANError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return disk_words(error, getattr(arguments, "output", None)) + _goes_on(arguments)
    first = str(error).partition("\n")[0] if arguments.explain else ""
    return f"unexpected {type(error).__name__}{': ' if first else ''}{first}. {FAULT}"


def _goes_on(arguments: argparse.Namespace) -> str:
    """What to do after a stop, of a command that goes on from what is there."""
    if words := getattr(arguments, "go_on", None):
        return f"; to go on: {words}"
    resumes = hasattr(arguments, "existing")
    return "; run the same command again to go on from here" if resumes else ""
