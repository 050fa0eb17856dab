"""How far a stream of answers is: a bar on a terminal, else one line a minute."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

log = logging.getLogger(__name__)

LINE_EVERY = 60.0  # seconds between lines where there is no terminal


def progress(
    stream: Iterable[tuple[int, Any]], total: int, what: str, unit: str
) -> Iterator[tuple[int, Any]]:
    """Yield what a pool's stream yields; what, unit: words of the bar and of the lines."""
    if sys.stderr.isatty() and total:
        from tqdm import tqdm

        yield from tqdm(stream, total=total, desc=what, unit=unit)
        return
    start = last = time.monotonic()
    for done, pair in enumerate(stream, start=1):
        yield pair
        now = time.monotonic()
        if now - last >= LINE_EVERY:
            rate = done / (now - start)
            left = (total - done) / rate
            log.info("%s %d/%d  %.1f %s/s  eta %.0f s", what, done, total, rate, unit, left)
            last = now
