"""The comment of a constant as its docstring: without one, mkdocstrings leaves it out."""

from typing import Any

import griffe

MARK = "  # "


class Constants(griffe.Extension):
    """Take the comment behind the constant, else the lines of comment above it."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        place = isinstance(attr.parent, griffe.Module) and attr.lineno is not None
        if attr.docstring is None and place and (text := comment_of(attr)):
            attr.docstring = griffe.Docstring(text, lineno=attr.lineno, parent=attr)


def comment_of(attr: griffe.Attribute) -> str:
    """Return the comment of a constant as a sentence, or ""."""
    lines = attr.lines_collection[attr.filepath]
    first, last = attr.lineno - 1, attr.endlineno
    behind = [line.partition(MARK)[2] for line in lines[first:last] if MARK in line]
    above: list[str] = []
    while first and lines[first - 1].startswith("# "):
        first -= 1
        above.insert(0, lines[first].removeprefix("# "))
    text = " ".join(behind[:1] or above).strip()
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
