"""What the errors of MONAI and PyTorch mean for the user, in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_prep.errors import HealthyGANError, disk_words
from healthygan_monai.errors import ConfigError

USER_ERRORS = (HealthyGANError, FileNotFoundError, ValueError, ModuleNotFoundError)
COMPONENT = "Failed to instantiate component"  # MONAI's words for wrong arguments
NOT_WRITTEN = "PytorchStreamWriter failed"  # PyTorch's words for a full disk


def root_cause(error: BaseException) -> BaseException:
    """Return the error meant for the user that MONAI's parser wrapped in its own, else the first.

    What an error for the user was itself raised from (a reader's, say) is not looked at.
    """
    return next((step for step in _causes(error) if isinstance(step, USER_ERRORS)), _last(error))


def explained(error: BaseException) -> BaseException:
    """Return the root cause, as an error of this project where its meaning is known."""
    cause = root_cause(error)
    if isinstance(cause, HealthyGANError):
        return cause
    import torch  # loaded already where an error is PyTorch's or MONAI's

    if isinstance(cause, torch.cuda.OutOfMemoryError):
        return HealthyGANError(
            f"the device has too little memory ({_first_line(cause)}). Lower batch_size or "
            "image_size with --set, or give another --device."
        )
    if NOT_WRITTEN in str(cause):
        return HealthyGANError(f"a file of weights could not be written, is the disk full? {cause}")
    made = next((step for step in _causes(error) if str(step).startswith(COMPONENT)), None)
    if made is not None and isinstance(cause, (TypeError, ValueError)):
        return ConfigError(f"{_first_line(made)}: {cause}")
    return cause


def user_message(error: BaseException) -> str | None:
    """Return one line if the error is about what the user gave, None for a fault of the program."""
    cause = explained(error)
    if isinstance(cause, OSError) and cause.strerror:
        return disk_words(cause)
    return str(cause) if isinstance(cause, USER_ERRORS) else None


def shorten_errors() -> None:
    """Let ``python -m monai.bundle`` end with one line for an error meant for the user."""
    if not is_monais_command():
        return

    def hook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if isinstance(error, KeyboardInterrupt) and str(error):
            print(f"stopped: {error}", file=sys.stderr)
            return
        message = user_message(error)
        if message is not None and error.__cause__ is not None:
            print(f"error: {message}", file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = hook


def is_monais_command() -> bool:
    """Tell whether this process is ``python -m monai.bundle``."""
    return Path(sys.argv[0]).parts[-3:-1] == ("monai", "bundle")


def _causes(error: BaseException) -> Iterator[BaseException]:
    step: BaseException | None = error
    while step is not None:
        yield step
        step = step.__cause__


def _last(error: BaseException) -> BaseException:
    *_, last = _causes(error)
    return last


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
