"""Write files whole or not at all, read JSON, hash files. Standard library only."""

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


@contextmanager
def whole(path: Path, *, same_name: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it takes that name once the block has succeeded.

    An error removes it. Its name has the process number, so several processes may write the file.

    Args:
        path: the file to write; its folder is created if needed.
        same_name: keep the name, in a temporary folder. nibabel goes by the suffix, and PyTorch
            names the folder inside an archive after the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if same_name:
        with tempfile.TemporaryDirectory(prefix=".part-", dir=path.parent) as folder:
            yield Path(folder) / path.name
            os.replace(Path(folder) / path.name, path)
        return
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    part.unlink(missing_ok=True)  # from a killed process of the same number
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with Unix line ends, whole or not at all."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any, **style: Any) -> None:
    """Write indented JSON, whole or not at all; ``style``: further arguments of json.dumps."""
    write_text(path, json.dumps(content, **{"indent": 2, "default": str, **style}) + "\n")


def write_csv(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    delimiter: str = ",",
    private: bool = False,
) -> None:
    """Write a table, whole or not at all; a file name's bytes that are not UTF-8 become "?".

    Args:
        path: the file to write.
        columns: the first line.
        rows: the others.
        delimiter: between cells.
        private: only the owner may read the file (POSIX), and such bytes stay.
    """
    mode = 0o600 if private else 0o666
    errors = "surrogateescape" if private else "replace"
    with (
        whole(path) as part,
        open(
            part,
            "x",
            encoding="utf-8",
            errors=errors,
            newline="",
            opener=lambda name, flags: os.open(name, flags, mode),
        ) as file,
    ):
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    return feed(hashlib.sha256(), path).hexdigest()


def feed(digest: Any, path: Path) -> Any:
    """Feed the bytes of a file to a digest of hashlib or hmac; return the digest."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest
