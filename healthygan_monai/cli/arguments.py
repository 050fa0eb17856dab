"""Arguments that several commands share."""

import argparse
import ast
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from data_prep.cli import exit_codes
from data_prep.errors import UsageError
from healthygan_monai.config.literal import PATHS, typed_literal
from healthygan_monai.config.messages import explained
from healthygan_monai.integrity.recorded import ACCEPT
from healthygan_monai.paths import RUN_FILE, dataset_of_run, unfinished

log = logging.getLogger(__name__)
A_MODEL = "a run folder, its model.pt, or a bundle's folder"  # as models.places.model_file takes it
KEYS = ". Names: healthygan keys; values: healthygan train DATASET --dry-run"


def command(
    commands: Any, name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add a sub-command that needs PyTorch; its ``run`` imports it. SIGTERM stops it as Ctrl-C."""

    def stoppable(arguments: argparse.Namespace) -> int:
        if threading.current_thread() is not threading.main_thread():
            return run(arguments)
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return run(arguments)
        finally:
            signal.signal(signal.SIGTERM, before)

    return exit_codes.command(commands, name, text, stoppable, explained)


def warn_unfinished(run: Path) -> None:
    """Warn that the training of a run has not finished, if so."""
    if text := unfinished(run):
        log.warning("%s: %s", run, text)


def dataset_of(run: Path, given: Path | None) -> Path | None:
    """Return the data set that was given, else the run's own; None if it is unknown."""
    if given is None and (run / RUN_FILE).is_file():
        return dataset_of_run(run)
    return given


def add_device(parser: argparse.ArgumentParser) -> None:
    text = "auto, cpu, cuda, cuda:1 or mps (default: %(default)s)"
    parser.add_argument("--device", default="auto", metavar="NAME", help=text)


def add_accept(parser: argparse.ArgumentParser) -> None:
    text = "take weights whose SHA-256 is not the one recorded beside them, or that look damaged"
    parser.add_argument(ACCEPT, action="store_true", help=text)


def add_set(
    parser: argparse.ArgumentParser, example: str = "lambda_id=2", more: str = KEYS
) -> None:
    text = f"override a key of the configuration, such as {example}; may be repeated{more}"
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=text)


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """Return ``key=value`` texts as a dictionary; a value is a Python literal, else text.

    A path is text, whatever it looks like. Text is MONAI's own language only where it begins with
    ``$``, ``@`` or ``%``.
    """
    pairs = _pairs(texts, "--set {}: expected KEY=VALUE, such as --set lambda_id=2.")
    return {key: typed_literal(key, value) for key, value in pairs}


def add_options(parser: argparse.ArgumentParser) -> None:
    text = "another choice of the preparation than the run's own, such as views=any; repeatable"
    parser.add_argument("--options", action="append", default=[], metavar="NAME=VALUE", help=text)


def options_given(texts: Sequence[str]) -> dict[str, Any]:
    """Return the ``NAME=VALUE`` texts of --options; a value is a Python literal, else text."""
    return dict(_pairs(texts, "--options {}: expected NAME=VALUE, such as views=any."))


def _pairs(texts: Sequence[str], expected: str) -> Iterator[tuple[str, Any]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(expected.format(text))
        yield name, _value(name, value)


def _value(key: str, text: str) -> Any:
    if key in PATHS:
        return None if text in ("null", "None") else text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "null": None}.get(text, text)
