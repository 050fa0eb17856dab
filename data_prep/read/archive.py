"""Read zip archives as folders: members are inputs like files; nothing is unpacked beside them."""

import zipfile
import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath

from data_prep.errors import PrepError

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # APPNOTE 4.3.7, 4.3.16: a file, or an archive with none
ENCRYPTED = 0x1  # general purpose bit 0, APPNOTE 4.4.4
MOST_MEMBERS = 1_000_000
MOST_BYTES = 1 << 30  # of one file in memory; films have 10 to 40 MB
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def is_archive(path: Path, head: bytes) -> bool:
    """True for a zip archive by name and content, but not for office documents."""
    return path.suffix.lower() == ".zip" and head.startswith(MAGIC)


def members(path: Path) -> list[str]:
    """Sorted names in an archive, no hidden or macOS ones; PrepError: damaged, too many members."""
    entries = _open(path, path.stat().st_mtime_ns).infolist()
    if len(entries) > MOST_MEMBERS:
        raise PrepError("an archive of too many files", remedy="Unpack it and prepare the folder.")
    files = [entry.filename for entry in entries if not entry.is_dir()]
    names = set(files)
    if len(names) < len(files):
        raise PrepError(
            "an archive in which files share a name", remedy="Unpack it and prepare the folder."
        )
    return sorted(name for name in names if not _hidden(name))


def read(path: Path, member: str, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a member; raise PrepError if it is encrypted, damaged or too large."""
    archive = _open(path, path.stat().st_mtime_ns)
    try:
        entry = archive.getinfo(member)
        if entry.flag_bits & ENCRYPTED:
            raise PrepError("the archive is encrypted", remedy="Unpack it with its password.")
        with archive.open(entry) as file:
            data = file.read(most + 1)  # what the directory claims is not to be trusted
    except KeyError:
        raise PrepError("named but not found in the archive", remedy="Export it again.") from None
    except PrepError:
        raise
    except _BROKEN:
        raise _damaged() from None
    if len(data) > most:
        raise PrepError(
            "too large to be a film", detail=f"over {most >> 20} MiB", remedy="Leave it out."
        )
    return data


def head(path: Path, member: str, count: int) -> bytes:
    """Return the first bytes of a member, or b"" if it cannot be opened."""
    archive = _open(path, path.stat().st_mtime_ns)
    try:
        with archive.open(member) as file:
            return file.read(count)
    except (KeyError, *_BROKEN):
        return b""


def extract(path: Path, names: Iterable[str], folder: Path) -> None:
    """Unpack members into a folder, under numbered names with their suffixes."""
    for number, name in enumerate(sorted(names)):
        suffixes = "".join(PurePosixPath(name).suffixes[-2:])
        (folder / f"{number:06d}{suffixes}").write_bytes(read(path, name))


def _hidden(name: str) -> bool:
    # nothing is unpacked there
    parts = [part for part in PurePosixPath(name).parts if part != ".."]
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


@lru_cache(maxsize=4)
def _open(path: Path, _changed: int) -> zipfile.ZipFile:
    """Keep the archive open from member to member: reading its directory each time is slow."""
    try:
        return zipfile.ZipFile(path)
    except _BROKEN:
        raise _damaged() from None


def _damaged() -> PrepError:
    return PrepError("damaged archive", remedy="Copy or export it again.")
