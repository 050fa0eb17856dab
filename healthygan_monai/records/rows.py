"""Tables of a run folder, row by row."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from healthygan_monai.errors import ModelError

T = TypeVar("T")


def read_rows(path: Path, row_of: Callable[[Mapping[str, str]], T], what: str) -> list[T]:
    """Return the rows of a CSV file; empty where there is none.

    Args:
        row_of: makes one of the cells by their names; KeyError, TypeError or ValueError if broken.
        what: a row is, for the message.

    Raises:
        ModelError: a row is broken; names its line.
    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        rows = csv.DictReader(stream)
        try:
            return [row_of(row) for row in rows]
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise ModelError(
                f"{path}: line {rows.line_num} is not {what} ({type(error).__name__}). Copy the "
                "run folder again."
            ) from error
