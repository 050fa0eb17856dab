"""The filled review.csv: which of the films set aside a person allows."""

import csv
from collections.abc import Iterable
from pathlib import Path

from data_prep.errors import DataError, MissingData
from data_prep.files import read_csv

YES, NO = {"yes", "y", "x", "1", "true"}, {"no", "n", "0", "false", ""}
SHOWN = 5


def read(path: Path) -> dict[str, bool]:
    """SHA-256 of a film -> whether it may be used; an empty cell means no.

    Only the columns film and allow count, so whatever a spreadsheet made of the paths does not.
    Raises MissingData: no file; DataError: no such table, or a cell that is neither yes nor no.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            first = file.readline()
            file.seek(0)
            columns, rows = read_csv(file, max(",;\t", key=first.count))
    except FileNotFoundError:
        raise MissingData(
            f"{path}: no such file. Save it from review.html, or fill in review.csv."
        ) from None
    except (OSError, csv.Error):
        raise DataError(f"{path}: cannot be read as CSV. Save it again as CSV.") from None
    names = {column.strip().lower(): column for column in columns}
    if not {"film", "allow"} <= set(names):
        raise DataError(f"{path}: no table with the columns film and allow. Give review.csv.")
    found, unclear = {}, []
    for line, row in rows:
        film, word = ((row[names[name]] or "").strip() for name in ("film", "allow"))
        if word.lower() not in YES | NO or (word and not film):
            unclear.append(line)
        if film:
            found[film] = word.lower() in YES
    if unclear:
        raise DataError(
            f"{path}: {_lines(unclear)}: no film, or allow is neither yes nor no. Correct them."
        )
    return found


def _lines(numbers: Iterable[int]) -> str:
    shown = list(numbers)
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return f"lines {', '.join(map(str, shown[:SHOWN]))}{more}"
