"""The durable queue of the node: which images came, which were scored, which results were sent.

An image is received, then grouped (its study is known), then scored or refused. A result is
waiting, then sending, then sent. Each step is one transaction that is on the disk when its method
returns: a process that is killed goes on from its last whole step.
"""

import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from healthygan_monai.node.outbox import Outbox, pause
from healthygan_monai.node.parts import StudyAnswer
from healthygan_monai.node.tables import (
    INCOMING,
    RESULTS,
    WORK,
    Tables,
    emptied,
    sync_file,
    sync_folder,
    write_durably,
)

log = logging.getLogger(__name__)
OTHER_CONTENT = (
    "an image came with the SOP Instance UID of an earlier one and other bytes: the first is kept. "
    "If they are two images, their sender has given one UID twice."
)
TRIES = 6  # of an image or a study whose child was ended; over about two and a half minutes
# an image that may come again: it was refused, or has no results
AGAIN = "state = 'refused' OR (state = 'scored' AND error != '')"


@dataclass(frozen=True)
class Image:
    """A received image. number: in the queue."""

    number: int
    path: Path
    sop_uid: str


@dataclass(frozen=True)
class Job:
    """Images of one study that are to be scored.

    study: its number in the queue, which is all that is ever said of it. folder: their files, by
    content. output: an empty folder for results. ended: how many tries a dying child ended so far.
    """

    study: int
    images: Sequence[Image]
    folder: Path
    output: Path
    ended: int


class Queue:
    """The queue of one folder; any thread may use it. outbox: the results to be sent."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the queue, creating it if needed; remove files of steps that were not finished.

        Raises:
            UsageError: another process has it, or others can open the folder.
            WriteError: the folder cannot be written.
        """
        self.folder = folder
        self._tables = Tables(folder)
        self._clock = clock
        self.outbox = Outbox(self._tables, clock)
        self._arrival = threading.Lock()  # one data set is written at a time
        self.close = self._tables.close
        self._remove_unfinished()

    def _remove_unfinished(self) -> None:
        emptied(self.folder / WORK)
        known = {row["file"] for row in self._tables.rows("SELECT file FROM images WHERE on_disk")}
        for path in (self.folder / INCOMING).iterdir():
            if path.name not in known:
                path.unlink()
        known = {Path(r["file"]).parts[0] for r in self._tables.rows("SELECT file FROM results")}
        for path in (self.folder / RESULTS).iterdir():
            if path.name not in known:
                shutil.rmtree(path)

    # images

    def receive(self, sop_uid: str, association: str, pieces: Sequence[bytes]) -> bool:
        """Store a DICOM file and return True; False if it was there already.

        The same SOP Instance UID is the same image. The first is kept, unless it was refused or
        has no results: then the second takes its place, whatever its bytes.

        Raises:
            OSError: it could not be stored; nothing of it is left.
        """
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
        name = f"{digest.hexdigest()}.dcm"
        path = self.folder / INCOMING / name
        with self._arrival:
            question = f"SELECT file, {AGAIN} AS again FROM images WHERE sop_uid = ?"
            before = self._tables.rows(question, sop_uid)
            if before and not before[0]["again"]:
                if before[0]["file"] != name:
                    log.warning(OTHER_CONTENT)
                return False
            write_durably(path, pieces)
            try:
                with self._tables.change() as base:
                    base.execute("DELETE FROM images WHERE sop_uid = ?", (sop_uid,))
                    base.execute(
                        "INSERT INTO images (sop_uid, file, association, received, state) "
                        "VALUES (?, ?, ?, ?, 'received')",
                        (sop_uid, name, association, self._clock()),
                    )
            except BaseException:
                if not self._tables.rows("SELECT 1 FROM images WHERE file = ? AND on_disk", name):
                    path.unlink()
                raise
            if before and before[0]["file"] != name:
                (self.folder / INCOMING / before[0]["file"]).unlink(missing_ok=True)
        return True

    def received(self) -> list[Image]:
        """Return the images whose study is to be found now."""
        return self._images("state = 'received' AND next_try <= ?", self._clock())

    def group(self, image: Image, study_uid: str) -> None:
        """Record the study of an image."""
        with self._tables.change() as base:
            base.execute("INSERT OR IGNORE INTO studies (uid) VALUES (?)", (study_uid,))
            base.execute(
                "UPDATE images SET state = 'grouped', error = '', study = "
                "(SELECT number FROM studies WHERE uid = ?) WHERE number = ?",
                (study_uid, image.number),
            )

    def not_grouped(self, image: Image, error: str) -> float | None:
        """Record that a child was ended by an image; return in how many seconds it is tried again.

        None: often enough, it is refused.
        """
        question = "SELECT ended FROM images WHERE number = ?"
        ended = self._tables.rows(question, image.number)[0]["ended"] + 1
        if ended >= TRIES:
            self.refuse(image, error)
            return None
        with self._tables.change() as base:
            question = "UPDATE images SET ended = ?, next_try = ?, error = ? WHERE number = ?"
            base.execute(question, (ended, self._clock() + pause(ended), error, image.number))
        return pause(ended)

    def refuse(self, image: Image, error: str) -> None:
        """Record why an image cannot be used."""
        with self._tables.change() as base:
            question = "UPDATE images SET state = 'refused', error = ? WHERE number = ?"
            base.execute(question, (error, image.number))

    def ready(self, quiet: float, unfinished: Collection[str] | None = None) -> list[int]:
        """Return the studies to be scored now, the oldest first.

        Args:
            quiet: seconds since the last image of the study.
            unfinished: associations that are open; a study of which none is among them is ready
                before. None: only the pause counts.
        """
        now = self._clock()
        question = "SELECT association FROM images WHERE state = 'received' AND ended"
        tried = {row["association"] for row in self._tables.rows(question)}  # may be of the study
        rows = self._tables.rows(
            "SELECT study, MAX(received) AS last, GROUP_CONCAT(DISTINCT association) AS came "
            "FROM images JOIN studies ON studies.number = images.study "
            "WHERE state = 'grouped' AND studies.next_try <= ? GROUP BY study ORDER BY last",
            now,
        )
        return [
            row["study"]
            for row in rows
            if not (came := set(row["came"].split(","))) & tried
            and (
                now - row["last"] >= quiet
                or (unfinished is not None and not came & set(unfinished))
            )
        ]

    def begin(self, study: int) -> Job:
        """Return what is to be scored of a study.

        From the second try on the next one has to wait, so that a study which ends the process does
        not keep the others back.
        """
        row = self._tables.rows("SELECT attempts, ended FROM studies WHERE number = ?", study)[0]
        tried = row["attempts"]
        later = self._clock() + (pause(tried) if tried else 0)
        with self._tables.change() as base:
            question = "UPDATE studies SET attempts = ?, next_try = ? WHERE number = ?"
            base.execute(question, (tried + 1, later, study))
        images = self._images("state = 'grouped' AND study = ?", study)
        folder = emptied(self.folder / WORK / str(study))
        for image in images:
            try:
                os.link(image.path, folder / image.path.name)
            except OSError:  # a file system without links
                shutil.copyfile(image.path, folder / image.path.name)
        output = emptied(self.folder / RESULTS / f"{study}-{images[0].number}")
        return Job(study, images, folder, output, row["ended"])

    def scored(self, job: Job, answer: StudyAnswer) -> None:
        """Record an answer; its results wait to be sent from now on."""
        for made in answer.results:
            sync_file(made.path)
            sync_folder(made.path.parent)
        sync_folder(self.folder / RESULTS)
        top = self.folder / RESULTS
        with self._tables.change() as base:
            for image in job.images:
                error = answer.refused.get(image.path.name)
                state = "scored" if error is None else "refused"
                question = "UPDATE images SET state = ?, error = ? WHERE number = ?"
                bare = answer.without if image.path.name in answer.bare else ""
                base.execute(question, (state, error or bare, image.number))
            for made in answer.results:
                base.execute(
                    "INSERT OR IGNORE INTO results (study, sop_uid, file, state) "
                    "VALUES (?, ?, ?, 'waiting')",
                    (job.study, made.sop_uid, made.path.relative_to(top).as_posix()),
                )
            base.execute(
                "UPDATE studies SET attempts = 0, ended = 0, next_try = 0, error = '' "
                "WHERE number = ?",
                (job.study,),
            )
        shutil.rmtree(job.folder, ignore_errors=True)
        if not answer.results:
            shutil.rmtree(job.output, ignore_errors=True)

    def not_scored(self, job: Job, error: str, *, ended: bool = False) -> float:
        """Record that a study is to be tried again; return in how many seconds.

        ended: because a child was ended, which is not tried for ever.
        """
        question = "SELECT attempts FROM studies WHERE number = ?"
        seconds = pause(self._tables.rows(question, job.study)[0]["attempts"])
        with self._tables.change() as base:
            question = "UPDATE studies SET next_try = ?, error = ?, ended = ? WHERE number = ?"
            later = self._clock() + seconds
            base.execute(question, (later, error, job.ended + ended, job.study))
        shutil.rmtree(job.folder, ignore_errors=True)
        return seconds

    def _images(self, where: str, *values: object) -> list[Image]:
        rows = self._tables.rows(
            f"SELECT number, file, sop_uid FROM images WHERE {where} ORDER BY number", *values
        )
        place = self.folder / INCOMING
        return [Image(row["number"], place / row["file"], row["sop_uid"]) for row in rows]

    def left(self) -> tuple[int, int]:
        """Return how many images are still to be scored, and how many results to be sent."""
        images = "SELECT COUNT(*) FROM images WHERE state IN ('received', 'grouped')"
        results = "SELECT COUNT(*) FROM results WHERE state != 'sent'"
        return self._tables.rows(images)[0][0], self._tables.rows(results)[0][0]

    def delete_done(self) -> None:
        """Delete the files of images and results that nothing needs any more; the rows stay."""
        with self._arrival:  # or an image that comes again would lose its file
            self._delete_done()

    def _delete_done(self) -> None:
        unsent = "SELECT 1 FROM results AS r WHERE r.study = {}.study AND r.state != 'sent'"
        images = self._tables.rows(
            "SELECT number, file FROM images WHERE on_disk AND state IN ('scored', 'refused') "
            f"AND NOT EXISTS ({unsent.format('images')})"
        )
        results = self._tables.rows(
            "SELECT number, file FROM results WHERE on_disk AND state = 'sent' "
            f"AND NOT EXISTS ({unsent.format('results')})"
        )
        for row in images:
            (self.folder / INCOMING / row["file"]).unlink(missing_ok=True)
        for name in {Path(row["file"]).parts[0] for row in results}:
            shutil.rmtree(self.folder / RESULTS / name, ignore_errors=True)
        with self._tables.change() as base:
            for table, rows in (("images", images), ("results", results)):
                question = f"UPDATE {table} SET on_disk = 0 WHERE number = ?"
                base.executemany(question, [(row["number"],) for row in rows])
