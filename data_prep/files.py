"""Write files whole or not at all, read JSON, hash files. Standard library only."""

import csv
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_BLOCK = 1 << 20
# Spreadsheets run a cell that begins with one of these (CWE-1236); some split cells at ";" too.
_FORMULA = re.compile(r"(?:^|[;\t\r\n])\s*'*(?=[=+\-@＝＋－＠])")
_QUOTED = re.compile(r"(?:^|[;\t\r\n])\s*'+(?=[=+\-@＝＋－＠])")
# -0.05, -1e-3 and -0.05 (-0.10 to 0.01; p = 0.2) are numbers and stay.
_NUMBER = re.compile(r"[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?%?(?: [(±][\d.,;%±+\-=<> ()eEtop]*)?")


Record = dict[str, str]


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
    r"""Write UTF-8 with Unix line ends, whole or not at all.

    A file name's bytes that are not UTF-8 become escapes such as ``\udcff``, as JSON has them.
    """
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


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

    A spreadsheet shows every cell as text: see `cell`; `read_csv` gives the texts back.

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
        write_rows(file, columns, rows, delimiter=delimiter)


def write_rows(
    stream: IO[str], columns: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ","
) -> None:
    """Write a table to an open file, as `write_csv` does."""
    writer = csv.writer(_UnixLines(stream), delimiter=delimiter)
    writer.writerows([cell(value) for value in row] for row in (columns, *rows))


class _UnixLines:
    """A file for csv.writer, which quotes a carriage return only where it ends lines with one."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def write(self, line: str) -> int:
        return self.stream.write(line.removesuffix("\r\n") + "\n")


def cell(value: object) -> object:
    """Return a value as it stands in a table: a text that a spreadsheet would run gets a "'" first.

    >>> cell("=1+1"), cell("-0.5"), cell("a; @b")
    ("'=1+1", '-0.5', "a; '@b")
    """
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    return _FORMULA.sub(lambda found: found.group() + "'", value)


def read_csv(stream: IO[str], delimiter: str = ",") -> tuple[list[str], list[tuple[int, Record]]]:
    """Return the columns of a table, and the line and the texts of each row, before `cell`."""
    reader = csv.DictReader(stream, delimiter=delimiter)
    rows = [(reader.line_num, {k: plain(v) for k, v in row.items()}) for row in reader]
    return list(reader.fieldnames or []), rows


def plain(written: Any) -> Any:
    """Return what `cell` was given."""
    if not isinstance(written, str):
        return written
    return _QUOTED.sub(lambda found: found.group()[:-1], written)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; ValueError: it is none (see `parse_json`)."""
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str) -> Any:
    """Return what a JSON text says; raises JSONDecodeError, also where it is too deep or long.

    json itself answers a hundred thousand brackets with RecursionError, and a number of more
    digits than Python converts with a bare ValueError.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError):
        problem = "nested too deeply, or a number with too many digits"
        raise json.JSONDecodeError(problem, text, 0) from None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    return feed(hashlib.sha256(), path).hexdigest()


def feed(digest: Any, path: Path) -> Any:
    """Feed the bytes of a file to a digest of hashlib or hmac; return the digest."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest
