"""Read zip archives as folders: members are inputs like files; nothing is unpacked beside them."""

import errno
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath

from data_prep.errors import PrepError

# APPNOTE 4.3.7, 4.3.16, 8.5.3: a file, an archive with none, a part of a split one.
MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
ENCRYPTED = 0x1  # general purpose bit 0, APPNOTE 4.4.4
METHODS = {  # APPNOTE 4.4.5
    **dict.fromkeys((2, 3, 4, 5), "Reduce"),
    **{1: "Shrink", 6: "Implode", 9: "Deflate64", 10: "DCL Implode", 93: "Zstandard"},
    **{94: "MP3", 95: "XZ", 96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES"},
    **{8: "Deflate", 12: "bzip2", 14: "LZMA"},
}
# Documents, programs and arrays that are zip files by their content.
PACKAGES = frozenset(
    [
        *(".docx", ".docm", ".dotx", ".xlsx", ".xlsm", ".xltx", ".pptx", ".pptm", ".epub"),
        *(".odt", ".ods", ".odp", ".odg", ".jar", ".war", ".apk", ".whl", ".egg", ".xpi"),
        *(".npz", ".pt", ".pth", ".ckpt", ".keras", ".kmz", ".3mf", ".nupkg", ".vsix"),
    ]
)
PACKAGE_MEMBERS = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}
MOST_MEMBERS = 1_000_000
MOST_BYTES = 1 << 30  # of one file in memory; films have 10 to 40 MB
NOT_THE_DISK = (None, errno.EINVAL)  # of bz2; of a place before the beginning
UNPACK = "Unpack it and prepare the folder."


def is_archive(path: PurePath, head: bytes) -> bool:
    """True for a zip archive by its content, whatever its name, but not for packages."""
    return head.startswith(MAGIC) and path.suffix.lower() not in PACKAGES


def members(path: Path) -> list[str]:
    """Sorted names in an archive, no hidden or macOS ones.

    Raises PrepError: damaged, too many members, a document or a program without its suffix.
    """
    entries = _open(path, path.stat().st_mtime_ns).infolist()
    if len(entries) > MOST_MEMBERS:
        raise PrepError("an archive of too many files", remedy=UNPACK)
    if not all(entry.filename for entry in entries):  # which is_dir does not expect
        raise PrepError("an archive in which a file has no name", remedy=UNPACK)
    files = [entry.filename for entry in entries if not entry.is_dir()]
    names = set(files)
    if len(names) < len(files):
        raise PrepError("an archive in which files share a name", remedy=UNPACK)
    if path.suffix.lower() != ".zip" and names & PACKAGE_MEMBERS:
        raise PrepError("a document or a program, packed as zip", remedy="Leave it out.")
    return sorted(name for name in names if not _hidden(name))


def read(path: Path, member: str, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a member; raise PrepError if it is encrypted, damaged or too large."""
    archive = _open(path, path.stat().st_mtime_ns)
    with _reasons(path):
        data = _start(archive, member, most + 1)  # what the directory claims is not to be trusted
    if len(data) > most:
        raise PrepError(
            "too large to be a film", detail=f"over {most >> 20} MiB", remedy="Leave it out."
        )
    return data


def head(path: Path, member: str, count: int) -> bytes:
    """Return the first bytes of a member, or b"" if it cannot be opened."""
    try:
        archive = _open(path, path.stat().st_mtime_ns)
        with _reasons(path):
            return _start(archive, member, count)
    except PrepError:
        return b""


def _start(archive: zipfile.ZipFile, member: str, count: int) -> bytes:
    try:
        entry = archive.getinfo(member)
    except KeyError:
        raise PrepError("named but not found in the archive", remedy="Export it again.") from None
    if entry.flag_bits & ENCRYPTED:
        raise PrepError("the archive is encrypted", remedy="Unpack it with its password.")
    try:
        with archive.open(entry) as file:
            return file.read(count)
    except RuntimeError:  # NotImplementedError is one: a method that this Python lacks
        method = METHODS.get(entry.compress_type, f"method {entry.compress_type}")
        raise PrepError(
            f"a zip archive packed with {method}, which is not read",
            remedy="Unpack it with another program, such as 7-Zip, and prepare the folder.",
        ) from None


@contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """Turn what zipfile and the decompressors raise into a reason; a disk's own errors stay."""
    try:
        yield
    except (PrepError, MemoryError):
        raise
    except Exception as error:  # of many kinds
        if isinstance(error, OSError) and error.errno not in NOT_THE_DISK:
            raise
        raise _damaged(path) from None


def extract(parts: Iterable[tuple[Path, str | None]], folder: Path) -> list[Path]:
    """Unpack members (archive, name) into a folder and return their paths; files stay outside.

    Their names are numbers with their suffixes; those of one stem (.hdr, .img) have one number.
    """
    numbers: dict[tuple[Path, str], int] = {}
    paths = []
    for path, name in parts:
        if name is not None:
            suffixes = "".join(PurePosixPath(name).suffixes[-2:])
            stem = (path, name.removesuffix(suffixes))
            unpacked = folder / f"{numbers.setdefault(stem, len(numbers)):06d}{suffixes}"
            unpacked.write_bytes(read(path, name))
            path = unpacked
        paths.append(path)
    return paths


def _hidden(name: str) -> bool:
    # nothing is unpacked there
    parts = [part for part in PurePosixPath(name).parts if part != ".."]
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


@lru_cache(maxsize=4)
def _open(path: Path, _changed: int) -> zipfile.ZipFile:
    """Keep the archive open from member to member: reading its directory each time is slow."""
    with _reasons(path):
        return zipfile.ZipFile(path)


def _damaged(path: Path) -> PrepError:
    if _is_part(path):
        return PrepError(
            "one part of a split zip archive", remedy="Join its parts, or unpack them together."
        )
    return PrepError("damaged archive", remedy="Copy or export it again.")


def _is_part(path: Path) -> bool:
    """By the marker of the first part, or the number of this one at its end (APPNOTE 4.3.16)."""
    with path.open("rb") as file:
        first = file.read(4)
        file.seek(max(0, path.stat().st_size - (1 << 16) - 22))
        last = file.read()
    at = last.rfind(b"PK\x05\x06")
    number = last[at + 4 : at + 6] if at >= 0 else b""
    return first == b"PK\x07\x08" or number not in (b"", b"\0\0", b"\xff\xff")
