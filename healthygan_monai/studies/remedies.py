"""What to do about an input, in the flags of ``healthygan score`` and ``healthygan listen``."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from data_prep.repeat import default_recipe

LOWER = re.compile(
    r"--([a-z][a-z-]*)(?: (any|all|each|first|header|equal|RAS|[A-Z]\S*|[a-z]+,\S+))?"
)
OWN = ("timeout", "memory", "jobs", "key")  # flags of score itself
OF_BRAINS = default_recipe("brains", 64)["options"]
LOOK = "Look at it, then take films with text by --options burned_in=allow."


def remedy_for_score(text: str) -> str:
    """Return a remedy or note of preparation whose flags are options here.

    Without a table to give, and without the grey levels to choose, which are the run's own.

    >>> remedy_for_score("Pass --views frontal,AP to take it.")
    'Pass --options views=frontal,AP to take it.'
    >>> remedy_for_score("Pass --allow-single-slice.")
    'Pass --options allow_single_slice=true.'
    >>> remedy_for_score("few levels are used, but --intensity percentile uses them all")
    'few levels are used'
    """
    if "--allow-burned-in" in text:
        return LOOK
    if "--table" in text or "Use: prep" in text:
        return ""
    return LOWER.sub(_option, text.partition(", but --intensity")[0])


def warning_for_score(text: str) -> str:
    """Return a warning of preparation without the advice to give a table.

    >>> warning_for_score("2 count as one; if that is wrong, name them in a table (--table).")
    '2 count as one.'
    """
    parts = re.split(r"(?<=[.:;]) ", text)
    kept = [part for part in parts if "--table" not in part]
    return text if len(kept) in (0, len(parts)) else f"{' '.join(kept).rstrip('.:;')}."


@contextmanager
def no_table_advised() -> Iterator[None]:
    """Let every handler of the root logger say its warnings as `warning_for_score` does."""

    def reword(record: logging.LogRecord) -> bool:
        record.msg, record.args = warning_for_score(record.getMessage()), ()
        return True

    handlers = list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(reword)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(reword)


def _option(found: re.Match[str]) -> str:
    name, value = found.groups()
    if name in OWN:
        return found[0]
    option = name.replace("-", "_")
    return f"--options {option}={value or ('true' if OF_BRAINS.get(option) is False else 'VALUE')}"
