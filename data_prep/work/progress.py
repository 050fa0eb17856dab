"""How far a work is: a bar on a terminal, else a line now and then; neither with ``-q``."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

# seconds before the first line and between lines, where there is no terminal
FIRST_LINE, LINE_EVERY = 10.0, 60.0
BAR_AFTER = 1.0  # seconds; what is done before shows no bar


class Meter:
    """Show how many of ``total`` steps are done.

    Args:
        total: of all steps.
        what: of the bar and the lines, such as ``prep``.
        unit: of a step, such as ``input``.
        done: steps done before.
    """

    def __init__(self, total: int, what: str, unit: str, done: int = 0) -> None:
        self.total, self.what, self.unit = total, what, unit
        self.first = self.done = done
        self.began = self.worded = time.monotonic()
        self.next_line = self.began + FIRST_LINE
        self.bar: Any = None
        self.said = False  # whether there has been a line
        if sys.stderr.isatty() and total and _is_shown():
            from tqdm import tqdm

            self.bar = tqdm(total=total, initial=done, desc=what, unit=unit, delay=BAR_AFTER)

    def step(self, words: Callable[[], str] = str) -> None:
        """Count a step; words: gives what else to show, and is called only then."""
        self.done += 1
        now = time.monotonic()
        if self.bar is not None:
            self.bar.update()
            if now - self.worded > 1:
                self.worded = now
                self.bar.set_postfix_str(words())
        elif now >= self.next_line:
            self.next_line = now + LINE_EVERY
            self.said = True
            log.info("%s", self.line(words()))

    def line(self, words: str = "") -> str:
        """``prep 12/400  6.1 input/s  eta 64 s``, with other words behind the count."""
        rate = (self.done - self.first) / max(time.monotonic() - self.began, 1e-9)
        left = span((self.total - self.done) / max(rate, 1e-9))
        count = f"{self.what} {self.done}/{self.total}"
        return "  ".join(filter(None, (count, words, f"{rate:.1f} {self.unit}/s", f"eta {left}")))

    def close(self) -> None:
        """End the bar."""
        if self.bar is not None:
            self.bar.close()


def progress(stream: Iterable[T], total: int, what: str, unit: str) -> Iterator[T]:
    """Yield what a stream yields, and show how far it is; see :class:`Meter`."""
    meter = Meter(total, what, unit)
    try:
        for one in stream:
            yield one
            meter.step()
    finally:
        meter.close()


def span(seconds: float) -> str:
    """Return a time in words: ``42 s``, ``5 min``, ``17 h`` or ``3 days``."""
    if seconds >= 2 * 24 * 3600:
        return f"{seconds / (24 * 3600):.0f} days"
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def _is_shown() -> bool:
    """Whether a line of progress would be shown on the terminal: not by a quiet command."""
    on_terminal = [
        h for h in logging.getLogger().handlers if getattr(h, "stream", None) is sys.stderr
    ]
    return log.isEnabledFor(logging.INFO) and all(h.level <= logging.INFO for h in on_terminal)
