"""Write files whole or not at all, read JSON, hash files. Standard library only."""

import csv
import errno
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

_BLOCK = 1 << 20
# Spreadsheets run a cell that begins with one of these (CWE-1236); some split cells at ";" too.
_FORMULA = re.compile(r"(?:^|[;\t\r\n])\s*'*(?=[=+\-@＝＋－＠])")
_QUOTED = re.compile(r"(?:^|[;\t\r\n])\s*'+(?=[=+\-@＝＋－＠])")
# -0.05, -1e-3 and -0.05 (-0.10 to 0.01; p = 0.2) are numbers and stay.
_NUMBER = re.compile(r"[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?%?(?: [(±][\d.,;%±+\-=<> ()eEtop]*)?")
Record = dict[str, str]
_FAR = 1 << 40  # a byte that no file has: what is locked cannot be read on Windows
# what a write without a name in its error means: the device, not the program
_OF_THE_DEVICE = (errno.ENOSPC, errno.EROFS, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", 0))


class WriteError(OSError):
    """A file that cannot be written; ``filename`` is the file itself, not a temporary one."""


@contextmanager
def whole(path: Path, *, same_name: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it takes that name once the block has succeeded.

    An error removes it. Its name has machine and process number, so several processes may write
    the file; what a killed process of this machine left in the folder is removed.

    Args:
        path: the file to write; its folder is created if needed.
        same_name: keep the name, in a temporary folder. nibabel goes by the suffix, and TorchScript
            names the folder inside an archive after the file.

    Raises:
        WriteError: a full disk, a read-only or forbidden folder; names ``path``.
    """
    part = path.with_name(f"{path.name}.{_machine()}-{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_once(path.parent)
        _remove(part)  # from a killed process of the same number
        if same_name:
            part.mkdir()
        written = part / path.name if same_name else part
        try:
            yield written
            os.replace(written, path)
        finally:
            _remove(part)
    except OSError as error:
        named = Path(error.filename) if error.filename else None
        ours = (path, part, part / path.name, *path.parents)  # these, if they cannot be made
        if named not in ours and (named or error.errno not in _OF_THE_DEVICE):
            raise
        place = named if named in path.parents else path
        raise WriteError(error.errno, error.strerror, str(place)) from None


@contextmanager
def naming(place: Path) -> Iterator[None]:
    """Let an error of the disk in the block name the place that was to be written.

    Raises:
        WriteError: of the place.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DEVICE:
            raise
        raise WriteError(error.errno, error.strerror, str(place)) from None


def append_text(path: Path, text: str) -> None:
    """Append UTF-8 to a file that grows; a crash may leave a part of the text.

    Raises:
        WriteError: a full disk, a read-only or forbidden folder; names ``path``.
    """
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise WriteError(error.errno, error.strerror, str(path)) from None


def remove_left(folder: Path) -> None:
    """Remove the temporary files that killed processes of this machine left in a folder.

    Windows has no harmless way to ask whether a process is alive; there they stay.
    """
    if os.name != "posix" or not os.access(folder, os.R_OK):
        return
    pattern = re.compile(rf".+\.{_machine()}-(\d{{1,9}})\.tmp")
    with os.scandir(folder) as entries:
        left = [
            (entry.path, int(m[1])) for entry in entries if (m := pattern.fullmatch(entry.name))
        ]
    for name, process in left:
        if not _is_alive(process):
            _remove(Path(name))


def temporary_in(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a folder in a folder; `remove_left` removes that of a killed process."""
    end = f".{_machine()}-{os.getpid()}.tmp"
    return tempfile.TemporaryDirectory(prefix=".work-", suffix=end, dir=folder)


_remove_left_once = cache(remove_left)  # a folder may hold ten thousands of pictures


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


@cache
def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def lock(file: IO[Any]) -> bool:
    """Lock an open file against other processes, until it is closed; return False if one has it.

    A file system without locks keeps nobody out.
    """
    try:
        if os.name == "posix":
            import fcntl

            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not inherited by children
        else:
            import msvcrt

            os.lseek(file.fileno(), _FAR, os.SEEK_SET)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


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


# what stands for a NUL of a damaged text: before 3.11 Python's csv neither writes nor reads one
_NUL = "\0" if sys.version_info >= (3, 11) else "\ufffd"


def cell(value: object) -> object:
    """Return a value as it stands in a table: a text that a spreadsheet would run gets a "'" first.

    >>> cell("=1+1"), cell("-0.5"), cell("a; @b")
    ("'=1+1", '-0.5', "a; '@b")
    """
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    return _FORMULA.sub(lambda found: found.group() + "'", value).replace("\0", _NUL)


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


def require_writable(folder: Path) -> Path:
    """Return the folder, created if needed.

    Raises:
        WriteError: no file can be created in it; names the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise WriteError(error.errno, error.strerror, str(folder)) from None


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
