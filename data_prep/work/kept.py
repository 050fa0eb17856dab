"""What is kept for the next call: idle guarded children, and in a process the memory it freed."""

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from data_prep.errors import Ended, HealthyGANError, PrepError
from data_prep.work.guard import Crashed, Guard, Limits, TimedOut
from data_prep.work.pools import call_twice

PICTURE = Limits(120.0, 4 << 30)  # of one picture or film
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
MOST_FREED = (1 << 31) - 1  # bytes; what mallopt takes at most
LARGEST = 32 << 20  # bytes of a block that glibc keeps by itself; older ones refuse to be told more
BOUNDED = (LARGEST, 256 << 20)  # block and end, of a process with a limit or that lives for long
SET_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
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


def keep_freed_memory(block: int = MOST_FREED, end: int = MOST_FREED) -> None:
    """Let the C library of Linux keep what one step frees for the next one: blocks of up to
    ``block`` bytes, and up to ``end`` bytes at the end of the heap.

    By itself glibc gives large blocks back to the system, which has to hand them out again page by
    page: hundreds of thousands a training step of full size, and an eighth of the time that a film
    takes (``docs/performance.md``). Free memory between blocks in use is kept without a bound, and
    counts against a limit of memory: a process with one, or one that lives for long, gives
    ``*BOUNDED``.

    Nothing is done where the C library is another one, or where the user has said how memory is
    kept (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_``, ``GLIBC_TUNABLES``). It changes
    nothing where another library allocates, as by ``LD_PRELOAD``. Source: glibc manual, "Malloc
    Tunable Parameters".
    """
    if os.name != "posix" or any(map(os.environ.get, SET_BY_USER)):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    if mallopt(M_MMAP_THRESHOLD, block) or mallopt(M_MMAP_THRESHOLD, LARGEST):
        # alone it would fix the threshold of blocks at 128 KiB
        mallopt(M_TRIM_THRESHOLD, end)


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
