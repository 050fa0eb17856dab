"""review.csv: which cases a reader has seen, and the remarks on them."""

import csv
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from data_prep.errors import HealthyGANError
from data_prep.files import read_csv, write_csv
from healthygan_monai.paths import REVIEW_FILE
from healthygan_monai.scoring import ScoreRow

COLUMNS = ("section", "image", "subject", "slice", "method", "seed", "score")  # as in scores.csv
OWN = ("seen", "remark", "changed")
KEY = ("section", "image", "method", "seed")
LONGEST = 2000  # characters of a remark

Key = tuple[str, ...]


class ReviewError(HealthyGANError):
    """A review.csv that cannot be read; it is never overwritten."""


@dataclass
class Review:
    """The marks of a folder's cases. A row of another scores.csv stays in the file.

    folder: of review.csv. rows: of scores.csv.
    """

    folder: Path
    rows: Sequence[ScoreRow]

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    @property
    def path(self) -> Path:
        return self.folder / REVIEW_FILE

    def marks(self) -> list[tuple[int, dict[str, bool | str]]]:
        """Return (index of the row, {seen, remark}) of each case with a mark.

        Raises:
            ReviewError: the file is malformed.
        """
        stored = self._stored()
        found = ((index, stored.get(_key(row))) for index, row in enumerate(self.rows))
        return [
            (index, {"seen": record["seen"] == "1", "remark": record["remark"]})
            for index, record in found
            if record is not None
        ]

    def mark(self, index: int, seen: bool, remark: str) -> None:
        """Write the marks of one case; the file is whole at any moment.

        It is read before each write: what another viewer of the same folder wrote stays.

        Raises:
            ReviewError: the file is malformed. WriteError: it cannot be written.
        """
        row = self.rows[index]
        with self.lock:
            stored = self._stored()
            stored[_key(row)] = {
                **{name: _text(getattr(row, name)) for name in COLUMNS},
                "seen": "1" if seen else "0",
                "remark": remark,
                "changed": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            }
            columns = (*COLUMNS, *OWN)
            write_csv(self.path, columns, ([r[c] for c in columns] for r in stored.values()))

    def _stored(self) -> dict[Key, dict[str, str]]:
        if not self.path.exists():
            return {}
        try:
            with self.path.open(newline="", encoding="utf-8-sig") as stream:
                columns, records = read_csv(stream)
        except (UnicodeDecodeError, csv.Error):
            raise ReviewError(f"{self.path}: not a CSV file in UTF-8. {MOVE}") from None
        missing = [name for name in (*COLUMNS, *OWN) if name not in columns]
        if missing:
            raise ReviewError(f"{self.path}: column {', '.join(missing)} missing. {MOVE}")
        for line, record in records:
            if any(record[name] is None for name in (*COLUMNS, *OWN)):
                raise ReviewError(f"{self.path} line {line}: too few columns. {MOVE}")
        return {tuple(record[name] for name in KEY): record for _, record in records}


MOVE = "Correct it, or move it elsewhere to begin a new one."


def _key(row: ScoreRow) -> Key:
    return tuple(_text(getattr(row, name)) for name in KEY)


def _text(value: object) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
