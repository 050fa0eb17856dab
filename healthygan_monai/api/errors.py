"""Errors of the Python API: in the words that a command prints."""

from collections.abc import Iterator
from contextlib import contextmanager

from data_prep.errors import HealthyGANError
from healthygan_monai.config.messages import root_cause, user_message


@contextmanager
def user_errors() -> Iterator[None]:
    """Raise errors about what the user gave as HealthyGANError, with the words of a command."""
    try:
        yield
    except HealthyGANError:
        raise
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        cause = root_cause(error)
        raise (cause if isinstance(cause, HealthyGANError) else HealthyGANError(message)) from error
