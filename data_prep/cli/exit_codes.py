"""Run one command: where its words go, what its errors mean, which exit code it ends with."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable

from data_prep.errors import DISK_TROUBLE, FAILED, WRONG_USAGE, HealthyGANError, UsageError

EXIT_CODES = (
    "Exit codes: 0 done; 1 failure (bad data, a full disk, a fault of the program); 2 wrong usage; "
    "3 done, but inputs could not be read and are listed."
)
FAULT = (
    "This is a fault of the program. Run the same command with -v to see where it arose, and "
    "report it."
)

log = logging.getLogger(__name__)


def run_command(
    arguments: argparse.Namespace,
    explain: Callable[[Exception], BaseException] | None = None,
) -> int:
    """Run a parsed command and return its exit code.

    Results go to stdout; messages, progress and one line for an error go to stderr. A traceback is
    shown with -v only.

    Args:
        arguments: with ``run``, ``quiet`` and ``verbose``.
        explain: what an error of another library means. The texts of such errors are shown only
            where this is given: those of header readers may quote a patient.
    """
    _log_to_stderr(arguments)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        log.error("stopped%s", _goes_on(arguments))
        return FAILED
    except Exception as error:
        told = error if explain is None or isinstance(error, HealthyGANError) else explain(error)
        words = _words(told, arguments, quote=explain is not None)
        log.error("error: %s", words, exc_info=arguments.verbose)
        return WRONG_USAGE if isinstance(told, UsageError) else FAILED


def _log_to_stderr(arguments: argparse.Namespace) -> None:
    level = logging.WARNING if arguments.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("data_prep").setLevel(logging.DEBUG if arguments.verbose else logging.NOTSET)
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # its warnings quote header values
    logging.getLogger("PIL").setLevel(logging.WARNING)


def _words(error: BaseException, arguments: argparse.Namespace, quote: bool) -> str:
    if isinstance(error, HealthyGANError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        place = error.filename or getattr(arguments, "output", None)
        where = f": {place}" if place else ""
        full = f"; make room{_goes_on(arguments)}" if error.errno in DISK_TROUBLE else ""
        return f"{error.strerror}{where}{full}"
    first = str(error).partition("\n")[0] if quote else ""
    return f"unexpected {type(error).__name__}{': ' if first else ''}{first}. {FAULT}"


def _goes_on(arguments: argparse.Namespace) -> str:
    """What to do after a stop, of a command that keeps what is up to date."""
    resumes = hasattr(arguments, "existing")
    return "; run the same command again to go on from here" if resumes else ""
