"""Errors meant for the user, as one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from data_prep.datalist import DataError
from healthygan_monai.errors import ConfigError
from healthygan_monai.scoring import ScoresError

USER_ERRORS = (
    ConfigError,
    DataError,
    ScoresError,
    FileNotFoundError,
    ValueError,
    ModuleNotFoundError,
)


def root_cause(error: BaseException) -> BaseException:
    """The error meant for the user that MONAI's config parser wrapped in its own, else the first of all.

    What an error for the user was itself raised from (a reader's, say) is left behind it.
    """
    while error.__cause__ is not None and not isinstance(error, USER_ERRORS):
        error = error.__cause__
    return error


def user_message(error: BaseException) -> str | None:
    """One line for the user, where the error is about what they gave; None where it is a fault of the program."""
    cause = root_cause(error)
    if isinstance(cause, USER_ERRORS):
        return str(cause)
    step: BaseException | None = error
    while step is not None:
        if str(step).startswith(
            "Failed to instantiate component"
        ):  # MONAI's words for wrong arguments
            return f"{str(step).splitlines()[0]}: {cause}"
        step = step.__cause__
    return None


def shorten_errors() -> None:
    """An error meant for the user ends ``python -m monai.bundle`` with its one message, not with MONAI's trace."""
    if Path(sys.argv[0]).parts[-3:-1] != ("monai", "bundle"):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        message = user_message(error)
        if message is not None and error.__cause__ is not None:
            print(f"error: {message}", file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = hook
