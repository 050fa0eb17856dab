"""The file and the folders of the node's queue: one process at a time, whole changes only."""

import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from data_prep.errors import UsageError
from data_prep.files import WriteError, lock, require_writable, whole

BASE, LOCK = "queue.sqlite", "lock"
INCOMING, RESULTS, WORK = "received", "results", "work"  # folders
TABLES = """
CREATE TABLE IF NOT EXISTS studies (
    number INTEGER PRIMARY KEY, uid TEXT UNIQUE NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS images (
    number INTEGER PRIMARY KEY, sop_uid TEXT UNIQUE NOT NULL, file TEXT NOT NULL,
    association TEXT NOT NULL, received REAL NOT NULL, state TEXT NOT NULL,
    on_disk INTEGER NOT NULL DEFAULT 1,
    ended INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0,
    study INTEGER REFERENCES studies, error TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS results (
    number INTEGER PRIMARY KEY, study INTEGER NOT NULL REFERENCES studies,
    sop_uid TEXT UNIQUE NOT NULL, file TEXT NOT NULL, state TEXT NOT NULL,
    on_disk INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS images_by_state ON images (state, study);
CREATE INDEX IF NOT EXISTS results_by_state ON results (state, next_try);
CREATE INDEX IF NOT EXISTS results_by_study ON results (study, state);
CREATE INDEX IF NOT EXISTS images_on_disk ON images (on_disk, state);
CREATE INDEX IF NOT EXISTS results_on_disk ON results (on_disk, state);
"""


class Tables:
    """queue.sqlite in a folder that only its owner can open; any thread may use it."""

    def __init__(self, folder: Path) -> None:
        """Open it, creating it if needed.

        Raises:
            UsageError: another process has it, or others can open the folder.
            WriteError: the folder cannot be written.
        """
        self.folder = folder
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
        elif os.name == "posix" and folder.stat().st_mode & 0o077:
            raise UsageError(
                f"{folder}: others can open this folder, but it will hold patients' images. "
                "Close it (chmod 700), or give a new one."
            )
        require_writable(folder)
        self._lock_file = (folder / LOCK).open("w")
        if not lock(self._lock_file):
            self._lock_file.close()
            raise UsageError(f"{folder}: another healthygan listen uses this queue.")
        for name in (INCOMING, RESULTS, WORK):
            (folder / name).mkdir(exist_ok=True)
        self._mutex, path = threading.RLock(), folder / BASE
        with self._words():
            self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._base.row_factory = sqlite3.Row
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")  # what is committed is on the disk
            self._base.executescript(TABLES)

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._mutex:
            self._base.close()
            self._lock_file.close()

    def rows(self, question: str, *values: Any) -> list[sqlite3.Row]:
        """Return the rows of a SELECT; raises WriteError as `change`."""
        with self._mutex, self._words(), closing(self._base.execute(question, values)) as found:
            return found.fetchall()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Put all changes of the block on the disk, or none of them if it raises.

        Raises:
            WriteError: a full disk, or another fault of it or of the file.
        """
        with self._mutex, self._words():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
                self._base.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back a full disk itself
                    self._base.execute("ROLLBACK")
                raise

    @contextmanager
    def _words(self) -> Iterator[None]:
        """Raise what SQLite says of the disk as an error of the disk, which passes."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
                raise  # of this program
            number = errno.ENOSPC if "full" in str(error) else errno.EIO
            raise WriteError(number, str(error), str(self.folder / BASE)) from error


def write_durably(path: Path, pieces: Sequence[bytes]) -> None:
    """Write a file that is whole and on the disk when this returns."""
    with whole(path) as part, part.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Put what was written to a file on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk; Windows does so itself."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def emptied(folder: Path) -> Path:
    """Return the folder, new and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
