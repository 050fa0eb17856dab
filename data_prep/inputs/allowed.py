"""The list of films that may hold burned-in text: a path a line, or a line of sha256sum."""

import re
from collections.abc import Mapping
from pathlib import Path

from data_prep.errors import UsageError
from data_prep.files import whole

_WITH_DIGEST = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def path_for(output: Path) -> Path:
    """OUTPUT.allowed.txt, beside OUTPUT."""
    output = output.resolve()
    return output.with_name(f"{output.name}.allowed.txt")


def read(path: Path) -> dict[str, str]:
    """Path below INPUT -> SHA-256 of the content that somebody has looked at, "" where not given.

    Raises OSError; UnicodeDecodeError where the bytes cannot be paths.
    """
    text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    if "\0" in text:
        raise UnicodeDecodeError("utf-8", b"", 0, 0, "a binary file")
    found = {}
    for line in text.split("\n"):
        if match := _WITH_DIGEST.fullmatch(line.rstrip("\r")):
            found[match[2]] = match[1]
        elif line.strip():
            found[line.strip().replace("\\", "/")] = ""
    return found


def write(path: Path, films: Mapping[str, str]) -> None:
    """Write the list for its owner alone: its paths may name patients. As `read` returns it."""
    if any("\n" in name for name in films):
        raise UsageError("a film's path has a line break. Rename it and prepare again.")
    lines = [f"{digest}  {name}" if digest else name for name, digest in sorted(films.items())]
    with whole(path) as part:
        part.touch(mode=0o600)
        part.write_text(
            "".join(f"{line}\n" for line in lines), encoding="utf-8", errors="surrogateescape"
        )
