"""The results of the queue: waiting, then sending, then sent."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from healthygan_monai.node.tables import RESULTS, Tables

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3600.0  # seconds before a step is tried again


@dataclass(frozen=True)
class Waiting:
    """A result to be sent. unsure: sending it had begun before, and its end is not known."""

    number: int
    study: int
    path: Path
    sop_uid: str
    unsure: bool


def pause(attempts: int) -> float:
    """Return the seconds to wait after so many tries: 5, 10, 20, ... up to an hour."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 20))


class Outbox:
    """The results that a queue has to send; any thread may use it."""

    def __init__(self, tables: Tables, clock: Callable[[], float]) -> None:
        self._tables, self._clock = tables, clock

    def due(self) -> list[Waiting]:
        """Return the results to be sent now."""
        rows = self._tables.rows(
            "SELECT number, study, file, sop_uid, state FROM results "
            "WHERE state IN ('waiting', 'sending') AND next_try <= ? ORDER BY number",
            self._clock(),
        )
        return [
            Waiting(
                row["number"],
                row["study"],
                self._tables.folder / RESULTS / row["file"],
                row["sop_uid"],
                row["state"] == "sending",
            )
            for row in rows
        ]

    def sending(self, result: Waiting) -> None:
        """Record that a result is about to be sent."""
        self._set(result, "sending")

    def sent(self, result: Waiting) -> None:
        """Record that the destination has a result."""
        self._set(result, "sent")

    def not_sent(self, result: Waiting, error: str, *, unreachable: bool) -> float:
        """Record that a result was not taken; return after how many seconds it is tried again.

        unreachable: nobody answered, so it may have been stored all the same; the others wait too.
        """
        question = "SELECT attempts FROM results WHERE number = ?"
        attempts = self._tables.rows(question, result.number)[0]["attempts"] + 1
        seconds = pause(attempts)
        later = self._clock() + seconds
        with self._tables.change() as base:
            base.execute(
                "UPDATE results SET state = ?, attempts = ?, next_try = ?, error = ? "
                "WHERE number = ?",
                ("sending" if unreachable else "waiting", attempts, later, error, result.number),
            )
            if unreachable:
                base.execute(
                    "UPDATE results SET next_try = MAX(next_try, ?) WHERE state != 'sent'", (later,)
                )
        return seconds

    def _set(self, result: Waiting, state: str) -> None:
        with self._tables.change() as base:
            question = "UPDATE results SET state = ?, error = '' WHERE number = ?"
            base.execute(question, (state, result.number))
