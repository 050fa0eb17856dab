"""What to do about an input, in the flags of ``healthygan score`` and ``healthygan listen``."""

import re

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


def _option(found: re.Match[str]) -> str:
    name, value = found.groups()
    if name in OWN:
        return found[0]
    option = name.replace("-", "_")
    return f"--options {option}={value or ('true' if OF_BRAINS.get(option) is False else 'VALUE')}"
