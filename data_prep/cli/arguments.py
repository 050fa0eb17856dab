"""The arguments that preparing films and brains have in common, and how their texts are read."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from data_prep.errors import UsageError

if TYPE_CHECKING:
    from data_prep.settings import Work

T = TypeVar("T")
MOST_JOBS = 8
KINDS = (int, float, Path)  # types of values that argparse makes of a text
UNSAID = (None, "", ())  # defaults that a help text describes itself
TABLE_HELP = (
    "CSV, .xlsx or .ods with one row an image: image, subject, section (training_mixed, "
    "training_healthy, validation, test) or group (healthy, mixed, diseased), and label (0, 1) and "
    "mask where known"
)


def add_common(parser: argparse.ArgumentParser, hidden: Collection[str] = ()) -> None:
    """INPUT, OUTPUT and the flags that mean the same for films and brains.

    hidden: names of flags that the help does not tell, for the command refuses them.
    """

    def add(*names: str, help: str, **more: Any) -> None:
        text = argparse.SUPPRESS if names[-1].lstrip("-") in hidden else help
        parser.add_argument(*names, help=text, **more)

    add("input", type=Path, metavar="INPUT", help="folder with the images (or one file)")
    add("output", type=Path, metavar="OUTPUT", help="folder for dataset.json and the PNGs")
    add("--table", type=Path, metavar="FILE", help=TABLE_HELP)
    add("--columns", default="", metavar="OURS=THEIRS,...", help="names of the table's columns")
    add("--where", action="append", default=[], metavar="COLUMN=VALUE[|VALUE]", help="rows to use")
    add_people(parser)
    add("--validation", type=share, default=0.1, metavar="SHARE", help="of subjects of a group")
    add("--test", type=share, default=0.2, metavar="SHARE", help="of subjects of a group")
    add("--seed", type=int, default=0, metavar="N", help="of the split (default: 0)")
    add_work(parser)
    add(
        "--scheduler",
        metavar="ADDRESS",
        help="work on a Dask cluster: the address of its scheduler, or local",
    )
    add(
        "--existing",
        default="skip",
        choices=("skip", "overwrite", "fail"),
        help="what to do with images that an earlier run has written (default: %(default)s)",
    )
    add(
        "-n",
        "--dry-run",
        action="store_true",
        help="read everything and write nothing; also say what each column of a table means",
    )
    add(
        "--max-skipped",
        type=share,
        metavar="5%",
        help="write no data set if a larger share of the inputs could not be read",
    )
    add(
        "--strict",
        action="store_true",
        help="count inputs that were left out (copies, other views, ...) as if they could not be "
        "read; --max-skipped is then 0 if it is not given",
    )
    add("--name", default="", metavar="NAME", help="of the data set (default: that of OUTPUT)")
    add("--description", default="", metavar="TEXT", help="of the data set, for dataset.json")
    add("--licence", default="", metavar="TEXT", help="of the images, for dataset.json")
    text = "training plan: covidx, chestxray14, migraine, demo (default: none)"
    add("--protocol", metavar="NAME", help=text)


def add_people(parser: argparse.ArgumentParser, key: str = "OUTPUT.key") -> None:
    """Add the flags of the pseudonyms; key: where it is if nothing else is said."""
    parser.add_argument(
        "--pseudonyms",
        default="keyed",
        choices=("given", "keyed"),
        help="subject names: keyed pseudonyms, or as the table or the files give them (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help=f"key of the pseudonyms (default: {key})"
    )


def add_work(parser: argparse.ArgumentParser) -> None:
    """Add the flags of child processes and their limits."""
    add = parser.add_argument
    add("--jobs", type=int, metavar="N", help="processes (default: one a core, at most 8)")
    add(
        "--timeout",
        dest="seconds",
        type=float,
        metavar="SECONDS",
        help="for one input, then it is skipped (default: 120 for films, 3600 for brains)",
    )
    add(
        "--memory",
        type=size,
        metavar="4GiB",
        help="for one input, then it is skipped (default: 4GiB for films, 16GiB for brains)",
    )


def given_work(arguments: argparse.Namespace) -> Work:
    """Return the processes and limits that were given."""
    from data_prep.settings import Work

    given = arguments.jobs
    jobs = min(MOST_JOBS, os.cpu_count() or 1) if given is None else given
    scheduler = getattr(arguments, "scheduler", None)
    return Work(jobs, arguments.seconds, arguments.memory, scheduler)


def add_fields(parser: Any, *options: type) -> dict[str, Any]:
    """Add the flags of dataclasses to a parser; return the groups of flags by their titles."""
    groups = {"": parser}
    hints = {name: hint for kind in options for name, hint in get_type_hints(kind).items()}
    for option in (each for kind in options for each in fields(kind)):
        given = dict(option.metadata)
        if "help" not in given:
            continue
        title, name = given.pop("group", ""), given.pop("flag", option.name)
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        hint = hints[option.name]
        if hint is bool:
            given["action"] = "store_true"
        else:
            kinds = [kind for kind in get_args(hint) or (hint,) if kind in KINDS]
            given = {"type": kinds[0] if kinds else None, **given}
            given["default"] = option.default
            given["help"] += "" if option.default in UNSAID else " (default: %(default)s)"
        groups[title].add_argument(f"--{name.replace('_', '-')}", dest=option.name, **given)
    return groups


def from_arguments(kind: type[T], arguments: argparse.Namespace, **others: Any) -> T:
    """Return the dataclass filled from the arguments called as its fields, and from others."""
    known: tuple[Any, ...] = fields(kind)  # type: ignore[arg-type]
    names = [option.name for option in known if hasattr(arguments, option.name)]
    return kind(**{**{name: getattr(arguments, name) for name in names}, **others})


def share(text: str) -> float:
    """'5%' or '0.05' -> 0.05."""
    try:
        value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a share like 5% or 0.05")
    return value


def size(text: str) -> int:
    """'4GiB', '512 MiB' or a number of bytes -> bytes."""
    units = {"": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if found is None or found[2] not in units:
        raise argparse.ArgumentTypeError(f"{text}: expected a size like 4GiB or 512MiB")
    return int(float(found[1]) * units[found[2]])


def pairs(text: str, flag: str) -> dict[str, str]:
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UsageError(f"{flag} {part}: expected NAME=VALUE")
        found[name.strip()] = value.strip()
    return found
