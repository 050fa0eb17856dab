"""A small table as CSV, .xls or .xlsx: rows of texts. Readers of the latter two are optional."""

import csv
from pathlib import Path
from typing import Any

from data_prep.datalist import DataError
from data_prep.errors import MissingData, NotInstalled


def read_rows(path: Path, sheet: str = "") -> list[list[str]]:
    """Rows of the named or first sheet as text, 20.0 as "20"; DataError: unreadable, no reader."""
    kind = path.suffix.lower()
    try:
        if kind == ".xls":
            return _xls(path, sheet)
        if kind == ".xlsx":
            return _xlsx(path, sheet)
        return _csv(path)
    except ImportError as error:
        raise NotInstalled(
            f"{path}: a {kind} file is read by {error.name}, which is not installed. Install it "
            f"(pip install {error.name}), or save the sheet as CSV and give that."
        ) from None
    except FileNotFoundError:
        raise MissingData(f"{path}: no such file.") from None
    except DataError:
        raise
    except Exception as error:  # both readers raise many kinds for a damaged file
        raise DataError(
            f"{path}: cannot be read ({type(error).__name__}). Save it as CSV in UTF-8."
        ) from None


def _csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=first.count)
        return [[cell.strip() for cell in row] for row in csv.reader(file, delimiter=delimiter)]


def _xls(path: Path, sheet: str) -> list[list[str]]:
    import xlrd  # type: ignore[import-not-found]

    with xlrd.open_workbook(path, on_demand=True) as book:
        page = book.sheet_by_name(sheet) if sheet in book.sheet_names() else book.sheet_by_index(0)
        return [[_text(cell) for cell in page.row_values(k)] for k in range(page.nrows)]


def _xlsx(path: Path, sheet: str) -> list[list[str]]:
    import openpyxl  # type: ignore[import-untyped]

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        page = book[sheet] if sheet in book.sheetnames else book.worksheets[0]
        return [[_text(cell) for cell in row] for row in page.iter_rows(values_only=True)]
    finally:
        book.close()


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
