"""What to do about an input, in the flags of ``healthygan score``."""

import re
from dataclasses import fields

from data_prep.brain.options import BrainOptions

LOWER = re.compile(
    r"--([a-z][a-z-]*)(?: (any|all|each|first|header|equal|RAS|[A-Z]\S*|[a-z]+,\S+))?"
)
OWN = ("timeout", "memory", "jobs", "key")  # flags of score itself
SWITCHES = tuple(one.name for one in fields(BrainOptions) if one.default is False)
LOOK = "Look at it, then take films with text by --options burned_in=allow."


def remedy_for_score(text: str) -> str:
    """Return a remedy of preparation whose flags are options here; without a table to give.

    >>> remedy_for_score("Pass --views frontal,AP to take it.")
    'Pass --options views=frontal,AP to take it.'
    >>> remedy_for_score("Pass --allow-single-slice.")
    'Pass --options allow_single_slice=true.'
    """
    if "--allow-burned-in" in text:
        return LOOK
    if "--table" in text or "Use: prep" in text:
        return ""
    return LOWER.sub(_option, text)


def _option(found: re.Match[str]) -> str:
    name, value = found.groups()
    if name in OWN:
        return found[0]
    option = name.replace("-", "_")
    return f"--options {option}={value or ('true' if option in SWITCHES else 'VALUE')}"
