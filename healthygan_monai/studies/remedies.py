"""What to do about an input, in the flags of ``healthygan score``."""

import re

LOWER = re.compile(
    r"--([a-z][a-z-]*)(?: (any|all|each|first|header|equal|RAS|[A-Z]\S*|[a-z]+,\S+))?"
)
OWN = ("timeout", "memory", "jobs", "key")  # flags of score itself
LOOK = "Look at it, then take films with text by --options burned_in=allow."


def remedy_for_score(text: str) -> str:
    """Return a remedy of preparation whose flags are options here; without a table to give.

    >>> remedy_for_score("Pass --views frontal,AP to take it.")
    'Pass --options views=frontal,AP to take it.'
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
    return f"--options {name.replace('-', '_')}={value or 'VALUE'}"
