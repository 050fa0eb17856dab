"""Compare two folders byte by byte, but for files that hold the time."""

from collections.abc import Iterator
from pathlib import Path

TIMES = ("run.json", "log.txt", "tensorboard", "output.txt")


def contents(folder: Path, without: tuple[str, ...] = TIMES) -> dict[str, bytes]:
    """Path below the folder -> bytes, of all files in it; times of the training left out."""
    names = ((path, path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    return {
        name.as_posix(): path.read_bytes()
        for path, name in names
        if path.is_file() and not {*name.parts} & {*without}
    }


def differences(first: Path, second: Path, without: tuple[str, ...] = TIMES) -> list[str]:
    """Return what differs: a file that is missing in one of them, or has other bytes."""
    return [*_differences(contents(first, without), contents(second, without))]


def _differences(one: dict[str, bytes], two: dict[str, bytes]) -> Iterator[str]:
    for name in sorted({*one, *two}):
        if name not in two:
            yield f"{name} is missing"
        elif name not in one:
            yield f"{name} is left over"
        elif one[name] != two[name]:
            yield f"{name} has other bytes"
