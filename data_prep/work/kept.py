"""Guarded calls from anywhere in a process; idle children are kept for the next call."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from data_prep.errors import Ended, HealthyGANError, PrepError
from data_prep.work.guard import Crashed, Guard, Limits, TimedOut
from data_prep.work.pools import call_twice

PICTURE = Limits(120.0, 4 << 30)  # of one picture or film
MOST_IDLE = max(2, os.cpu_count() or 1)
_idle: list[Guard] = []
_lock = threading.Lock()


def decode(function: Callable[..., Any], arguments: Sequence[Any], limits: Limits = PICTURE) -> Any:
    """Return what the function makes of bytes from outside, in a guarded child.

    Raises what it raises of the project's own errors, and OSError. Ended: the child took too long
    or too much memory, or died. PrepError: another error.
    """
    try:
        return guarded(function, arguments, limits)
    except (HealthyGANError, OSError):
        raise
    except Exception as error:  # the text of a foreign one may quote a header
        raise why_ended(error, limits) from None


def guarded(function: Callable[..., Any], arguments: Sequence[Any], limits: Limits) -> Any:
    """As `Guard.call`, twice where the child died, in the idle child used last or in a new one.

    Each thread has a child of its own as long as the call lasts.
    """
    with _lock:
        fitting = next((guard for guard in reversed(_idle) if guard.limits == limits), None)
        if fitting is not None:
            _idle.remove(fitting)
    guard = fitting or Guard(limits)
    try:
        return call_twice(guard, function, arguments)
    finally:
        with _lock:
            _idle.append(guard)
            spare = [_idle.pop(0)] if len(_idle) > MOST_IDLE else []
        for one in spare:
            one.stop()


def why_ended(error: Exception, limits: Limits, flags: bool = False) -> PrepError:
    """What the end of a child means for its input; flags: the command can raise the limits."""
    if isinstance(error, TimedOut):
        reason = "it took too long: the decoder hangs, or the file is huge"
        detail, flag = f"over {limits.seconds:g} s", "--timeout"
    elif isinstance(error, MemoryError):
        reason = "it needs more memory than one input may take"
        detail, flag = f"over {limits.memory / (1 << 30):g} GiB", "--memory"
    elif isinstance(error, Crashed):
        return Ended("the decoder crashed on this input", remedy="Export it again.")
    else:
        kind = type(error).__name__
        return PrepError("unexpected error", detail=kind, remedy="Please report it.")
    more = f", or allow more with {flag}" if flags else ""
    return Ended(reason, detail=detail, remedy=f"Export it again{more}.")


def _forget() -> None:
    """In a forked process: the children are the parent's, and their pipes too."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
