"""Options that have one home: a field of a dataclass says what its command-line flag is."""

from __future__ import annotations

import argparse
from dataclasses import field, fields
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
KINDS = {"int": int, "float": float, "str": str, "Path": Path}  # of fields, as they are annotated
UNSAID = (None, "", ())  # defaults that a help text describes itself


def flag(default: Any, help: str, **given: Any) -> Any:
    """Return a dataclass field that is a flag too.

    Args:
        default: of the field and of the flag.
        help: what the option means, for both.
        given: choices, metavar or type, as argparse takes them; ``group``, the title under which
            the flag stands; ``flag``, its name if it is not the field's.
    """
    return field(default=default, metadata={"help": help, **given})


def add_fields(parser: Any, options: type) -> dict[str, Any]:
    """Add the flags of a dataclass to a parser; return the groups of flags by their titles."""
    groups = {"": parser}
    for option in fields(options):
        given = dict(option.metadata)
        if "help" not in given:
            continue
        title, name = given.pop("group", ""), given.pop("flag", option.name)
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        if option.type == "bool":
            given["action"] = "store_true"
        else:
            given = {"type": KINDS.get(str(option.type).removesuffix(" | None")), **given}
            given["default"] = option.default
            given["help"] += "" if option.default in UNSAID else " (default: %(default)s)"
        groups[title].add_argument(f"--{name.replace('_', '-')}", dest=option.name, **given)
    return groups


def from_arguments(options: type[T], arguments: argparse.Namespace, **others: Any) -> T:
    """Return the dataclass filled from the arguments called as its fields, and from others."""
    known: tuple[Any, ...] = fields(options)  # type: ignore[arg-type]
    names = [option.name for option in known if hasattr(arguments, option.name)]
    return options(**{**{name: getattr(arguments, name) for name in names}, **others})
