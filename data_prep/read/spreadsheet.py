"""Rows of texts of a table: CSV, .xlsx (ECMA-376), .ods (OpenDocument 1.3) or .xls.

Values only: of a formula the value that the spreadsheet has saved. Nothing is calculated or run.
"""

import csv
import datetime
import io
import re
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from data_prep.datalist import DataError
from data_prep.errors import HealthyGANError, MissingData, NotInstalled
from data_prep.work.kept import decode

Rows = list[list[str]]
OFFICE = (".xlsx", ".xlsm")
BOOKS = (*OFFICE, ".ods", ".xls")  # files with sheets
MOST_CELLS = 10_000_000
SEPARATOR = re.compile(r'"?sep=([,;\t])"?', re.IGNORECASE)
HIDDEN = {("hidden", "1"), ("hidden", "true"), ("visibility", "filter"), ("visibility", "collapse")}
# the number format of ids such as 007 and P007: quoted or escaped letters, then zeros
PADDED = re.compile(r'((?:"[^"]*"|\\.)*)(0+)')
DIGITS = 15  # of a number, that a spreadsheet keeps
PACKAGES = {"python_calamine": "python-calamine"}  # module -> package, where they differ


def is_book(path: Path) -> bool:
    """Tell whether a file has sheets, by its ending."""
    return path.suffix.lower() in BOOKS


def read_rows(path: Path, sheet: str = "") -> Rows:
    """Return the rows of a CSV file, or of the named or else the first visible sheet.

    Raises:
        DataError: the file is unreadable.
        NotInstalled: its reader is missing.
    """
    if is_book(path):
        sheets = read_sheets(path)
        return sheets.get(sheet) or next(iter(sheets.values()), [])
    try:
        return _csv(path)
    except FileNotFoundError:
        raise MissingData(f"{path}: no such file.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from None


def read_sheets(path: Path) -> dict[str, Rows]:
    """Return the visible sheets that hold anything: name -> rows, the first row is row 1.

    20.0 becomes "20", a day 2024-05-03, an error such as #N/A "". A number that an .xlsx file shows
    with leading zeros keeps them. Of merged cells the first has the value. The file is decoded in a
    guarded child.

    Raises:
        DataError: the file is unreadable, over ``MOST_CELLS``, or an .xlsx file with a formula
            whose value is not saved.
        NotInstalled: its reader is missing.
    """
    if not path.is_file():
        raise MissingData(f"{path}: no such file.")
    try:
        return decode(sheets_of, (path,))
    except NotInstalled:
        raise
    except HealthyGANError as error:
        raise error if isinstance(error, DataError) else _unreadable(path, error) from None


def require_shown(path: Path, sheet: str) -> None:
    """Refuse a sheet of .xlsx or .ods with hidden rows that hold something: a filter in a
    spreadsheet program hides rows, and does not take them out. Raises DataError.
    """
    kind = path.suffix.lower()
    hidden = decode(hidden_rows, (path, sheet)) if kind in (*OFFICE, ".ods") else 0
    if hidden:
        rows = "1 row is" if hidden == 1 else f"{hidden:,} rows are"
        raise DataError(
            f"{path}: {rows} hidden in the sheet with the table, and would be used like the "
            "others. Delete what is not meant, or show all rows (clear the filter), and save it."
        )


def hidden_rows(path: Path, sheet: str) -> int:
    """How many rows of a sheet of an .xlsx or .ods file hold something and are hidden; call it in a
    guard. ECMA-376, 18.3.1.73, hidden; OpenDocument 1.3, 19.749, table:visibility.
    """
    office = path.suffix.lower() in OFFICE
    part = _part_of(path, sheet) if office else "content.xml"
    hidden, inside = 0, office
    with zipfile.ZipFile(path) as parts, parts.open(part) as content:
        for event, element in ElementTree.iterparse(content, ("start", "end")):
            name = element.tag.rpartition("}")[2]
            if event == "start" and name == "table":
                inside = sheet in element.attrib.values()
            if event == "start" or name not in ("row", "table-row"):
                continue
            # a cell that is only coloured is empty
            filled = any(len(cell) for cell in element) and inside
            hidden += filled and not HIDDEN.isdisjoint(
                (key.rpartition("}")[2], value) for key, value in element.attrib.items()
            )
            element.clear()
    return hidden


def _part_of(path: Path, sheet: str) -> str:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    part = book[sheet]._worksheet_path  # openpyxl does not tell it of a sheet that is only read
    book.close()
    return str(part)


def sheets_of(path: Path) -> dict[str, Rows]:
    """As `read_sheets`; call it in a guard."""
    kind = path.suffix.lower()
    try:
        found = _openpyxl(path) if kind in OFFICE else _calamine(path)
    except ImportError as error:
        package = PACKAGES.get(str(error.name), error.name)
        raise NotInstalled(
            f"{path}: a {kind} file is read by {package}, which is not installed. Install it "
            f"(pip install {package}), or save the sheet as CSV and give that."
        ) from None
    except HealthyGANError:
        raise
    except Exception as error:  # both readers raise many kinds for a damaged file
        raise _unreadable(path, error) from None
    return {name: rows for name, rows in found.items() if any(map(any, rows))}


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read ({type(error).__name__}). Save it as CSV in UTF-8.")


def table_text(path: Path) -> tuple[str, str, int]:
    """(text, delimiter, lines left out before it) of a CSV file in UTF-8, or of a pipe.

    A first line "sep=;", which spreadsheet programs understand, is left out.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        text = file.read()
    first, _, rest = text.partition("\n")
    if stated := SEPARATOR.fullmatch(first.strip()):
        return rest, stated[1], 1
    return text, max(",;\t", key=first.count), 0


def _csv(path: Path) -> Rows:
    text, delimiter, _ = table_text(path)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [[cell.strip() for cell in row] for row in rows]


def _openpyxl(path: Path) -> dict[str, Rows]:
    import openpyxl  # type: ignore[import-untyped]

    with ExitStack() as closing:
        values, formulas = (openpyxl.load_workbook(path, True, data_only=d) for d in (True, False))
        closing.callback(values.close)
        closing.callback(formulas.close)
        found = {}
        for page, written in zip(values.worksheets, formulas.worksheets, strict=True):
            if page.sheet_state == "visible":
                rows = zip(page.iter_rows(), written.iter_rows(), strict=True)
                found[page.title] = _bounded(path, (_row(path, *both) for both in rows))
        return found


def _row(path: Path, cells: Any, written: Any) -> list[str]:
    for cell, formula in zip(cells, written, strict=True):
        # A saved text may be empty; a formula that no spreadsheet program has calculated has no
        # type either.
        if formula.data_type == "f" and cell.value is None and cell.data_type != "str":
            raise DataError(
                f"{path}: the formula in {formula.coordinate} has no saved value. Open the file in "
                "a spreadsheet program and save it again, or save the sheet as CSV."
            )
    return [_padded(c) or ("" if c.data_type == "e" else _text(c.value)) for c in cells]


def _padded(cell: Any) -> str:
    """The text of a whole number that is shown with leading zeros, or letters before it."""
    if not isinstance(cell.value, int) or isinstance(cell.value, bool):
        return ""
    found = PADDED.fullmatch(cell.number_format or "")
    if found is None or (not found[1] and len(found[2]) < 2):
        return ""
    letters = re.sub(r'"([^"]*)"|\\(.)', r"\1\2", found[1])
    return f"{letters}{cell.value:0{len(found[2])}d}"


def _calamine(path: Path) -> dict[str, Rows]:
    import python_calamine as calamine  # type: ignore[import-not-found]

    with calamine.CalamineWorkbook.from_path(path) as book:
        visible = [
            page.name
            for page in book.sheets_metadata
            if page.visible == calamine.SheetVisibleEnum.Visible
            and page.typ == calamine.SheetTypeEnum.WorkSheet
        ]
        return {name: _bounded(path, _texts(book, name)) for name in visible}


def _texts(book: Any, name: str) -> Any:
    for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False):
        yield [_text(cell) for cell in row]


def _bounded(path: Path, rows: Any) -> Rows:
    """The rows, without the empty ones at the end."""
    kept: Rows = []
    cells = 0
    for row in rows:
        cells += len(row)
        if cells > MOST_CELLS:
            raise DataError(
                f"{path}: a sheet of over {MOST_CELLS:,} cells. Save the rows that count as CSV."
            )
        kept.append(row)
    while kept and not any(kept[-1]):
        kept.pop()
    return kept


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, (int, float)):
        # a spreadsheet program keeps 15 digits of a number, and fills up with zeros
        filled_up = abs(cell) >= 10**DIGITS and int(cell) % 10 == 0
        whole = float(cell).is_integer() and abs(cell) < 2**53 and not filled_up
        return str(int(cell)) if whole else f"{cell:.{DIGITS}g}"
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        cell = cell.date()
    return str(cell).strip()
