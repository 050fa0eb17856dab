"""The rows of a table that are used, and which of its columns is which."""

import csv
import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from data_prep.datalist import DataError
from data_prep.errors import MissingData, UsageError, nearest
from data_prep.files import Record, plain, read_csv
from data_prep.inputs.sections import GROUPS, LABELS, section_of
from data_prep.inputs.table_people import SEXES
from data_prep.privacy.pseudonyms import BLANKS
from data_prep.privacy.scrubbing import BLANK, safe_name
from data_prep.privacy.words import is_of_a_column
from data_prep.read.dicom.terms import view_of_text
from data_prep.read.spreadsheet import is_book, read_sheets, require_shown, table_text

NEEDED = ("image", "subject")
PEOPLE = ("site", "age", "sex", "boxes", "view")  # read by table_people.py
NAMES = (*NEEDED, "section", "group", "label", "mask", "session", *PEOPLE)
# What no column is called: a file, a number, a date, a name as DICOM writes it
VALUE = re.compile(r"\.[a-z]{2,5}$|\^|\d{3}|^\W*\d[\d\W]*$", re.IGNORECASE)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # of names_like_this and LikeThis
MOST_TOLD = 12
MOST_SHOWN = 5  # lines in one message
MEANINGS: dict[str, tuple[str, Callable[[str], object]]] = {  # what it is, which cells are known
    "image": ("path of the image", bool),
    "subject": ("who it shows; a keyed pseudonym takes its place", bool),
    "section": ("where it belongs", lambda cell: section_of(cell) or cell.lower() in GROUPS),
    "group": ("healthy, mixed or diseased; the split is drawn", lambda c: c.lower() in GROUPS),
    "label": ("0 healthy, 1 diseased", lambda cell: cell.lower() in LABELS),
    "mask": ("path of the mask of its lesions", bool),
    "session": ("not used: sessions are numbered in order", bool),
    "site": ("hospital or scanner", bool),
    "age": ("age in years", lambda cell: re.fullmatch(r"\d+(\.\d+)?[yY]?", cell)),
    "sex": ("sex", lambda cell: cell.lower() in SEXES),
    "boxes": ("boxes of its lesions", lambda cell: cell.startswith("[")),
    "view": ("view of the film", view_of_text),
}
Rows = list[tuple[int, Record]]


def read_table(
    table: Path, columns: dict[str, str], where: dict[str, str]
) -> tuple[Rows, dict[str, str], list[str]]:
    """Return the rows that `where` keeps with their lines, our names -> the table's, its header.

    CSV with comma, semicolon or tab; of .xlsx, .ods and .xls the only visible sheet that has the
    columns. Raises DataError, UsageError.
    """
    rows, header = _sheet(table, columns) if is_book(table) else _read(table)
    names = _names(table, header, columns)
    return _filtered(table, rows, header, where), names, header


def explained(table: Path, columns: dict[str, str], where: dict[str, str]) -> list[str]:
    """Return one line a column: what it was taken for, and how many of its cells are understood.

    It quotes the names of columns that are used, others only if they are made of ordinary words,
    and never a cell: the first line of a table may be that of a patient.
    """
    rows, names, header = read_table(table, columns, where)
    lines = [f"{table}: {len(rows):,} rows. Its columns were taken for:"]
    for ours, theirs in names.items():
        what, known = MEANINGS[ours]
        cells = [cell for _, row in rows if (cell := (row.get(theirs) or "").strip())]
        strange = sum(not known(cell) for cell in cells)
        counts = [f"{len(cells):,} filled", *[f"{strange:,} not understood"] * (strange > 0)]
        lines.append(f"  {ours:<8} <- {theirs}: {what} ({', '.join(counts)})")
    unused = [name for name in header if name and name not in names.values()]
    if unused:
        lines.append(f"  not used: {_told(unused)}")
    if not {"section", "group", "label"} & set(names):
        lines.append("  no section, group or label: every image is for test")
    return lines


def _sheet(table: Path, columns: dict[str, str]) -> tuple[Rows, list[str]]:
    """The rows and the header of the sheet that has the columns; empty rows are no rows."""
    found = {name: _records(rows) for name, rows in read_sheets(table).items()}
    if not found:
        raise DataError(f"{table}: no visible sheet holds anything.")
    wanted = [columns.get(name, name) for name in NEEDED]
    fitting = [n for n, sheet in found.items() if all(_alike(name, sheet[1]) for name in wanted)]
    if len(fitting) > 1:
        raise DataError(
            f"{table}: {len(fitting)} visible sheets have the columns {' and '.join(wanted)}. "
            "Hide those that are not meant, or save the one that is as CSV."
        )
    name = (fitting or list(found))[0]
    require_shown(table, name)
    return found[name]


def _records(rows: Iterable[list[str]]) -> tuple[Rows, list[str]]:
    filled = [(line, row) for line, row in enumerate(rows, start=1) if any(row)]
    header = filled[0][1]
    return [
        (line, {name: plain(cell) for name, cell in zip(header, row, strict=False)})
        for line, row in filled[1:]
    ], header


def _alike(name: str, header: Iterable[str]) -> list[str]:
    """The columns of that name, in capitals or not."""
    return [column for column in header if column.lower() == name.lower()]


def _read(table: Path) -> tuple[Rows, list[str]]:
    """Rows with their line numbers, and the header; comma, semicolon or tab."""
    try:
        text, delimiter, skipped = table_text(table)
        header, rows = read_csv(io.StringIO(text, newline=""), delimiter)
        _refuse_long_rows(table, header, rows, skipped)
        stripped = {name: name.strip() for name in header}
        rows = [
            (line + skipped, {stripped.get(name, name): cell for name, cell in row.items()})
            for line, row in rows
        ]
        return rows, list(map(str.strip, header))
    except FileNotFoundError:
        raise MissingData(f"{table}: no such table. Correct --table.") from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError(
            f"{table}: not a CSV file in UTF-8. Export it again as CSV UTF-8."
        ) from None


def _refuse_long_rows(table: Path, header: list[str], rows: Rows, skipped: int) -> None:
    """Refuse rows with more cells than the header (RFC 4180, 2.4): a comma in a number or a text
    without quotes moves all cells behind it.
    """
    extra = [
        (line + skipped, cells) for line, row in rows if (cells := dict[Any, Any](row).get(None))
    ]
    if extra:
        told = [
            f"line {line}: {len(header) + len(cells)} cells, the header has {len(header)}"
            for line, cells in extra[:MOST_SHOWN]
        ]
        more = f" (and {len(extra) - MOST_SHOWN} more)" if len(extra) > MOST_SHOWN else ""
        raise DataError(
            f"{table}: {'; '.join(told)}{more}. Put texts and numbers with a comma in quotes, or "
            "save the table with semicolons."
        )


def _names(table: Path, header: list[str], columns: dict[str, str]) -> dict[str, str]:
    """Our names -> the table's, for those it has; refuses what a typo would silently drop."""
    for ours, theirs in columns.items():
        if ours not in NAMES:
            raise UsageError(f"--columns {ours}=...: expected one of {', '.join(NAMES)}.")
        if theirs not in header:
            raise UsageError(f"{table}: no column '{theirs}'{_columns(theirs, header)}")
    names: dict[str, str] = {}
    for ours in NAMES:
        chosen = columns.get(ours)
        found = [n for n in header if n == chosen] if chosen else _alike(ours, header)
        if len(found) > 1:
            raise UsageError(_both(table, ours, found))
        if found:
            names[ours] = found[0]
    for name in NEEDED:
        if name not in names:
            there = _columns(name, header)
            raise UsageError(
                f"{table}: no column '{name}'. Name yours: --columns {name}=...{there}"
            )
    return names


def _both(table: Path, ours: str, found: list[str]) -> str:
    """Say that columns claim one role, and how to choose."""
    names = " and ".join(f"'{name}'" for name in found)
    choice = f"Say which: --columns {ours}={found[-1]}, or"
    if len(set(found)) < len(found):  # a name that names no one column
        choice = "Names must differ:"
    return f"{table}: the columns {names} would both be taken for {ours}. {choice} rename one."


def _filtered(table: Path, rows: Rows, header: list[str], where: dict[str, str]) -> Rows:
    for column, wanted in where.items():
        if column not in header:
            raise UsageError(f"{table}: no column '{column}' to filter{_columns(column, header)}")
        if header.count(column) > 1:
            raise UsageError(f"{table}: two columns '{column}' to filter by. Rename one.")
        allowed = {value.strip(BLANKS) for value in wanted.split("|")}
        cells = [(row.get(column) or "").strip(BLANKS) for _, row in rows]
        rows = [row for row, cell in zip(rows, cells, strict=True) if cell in allowed]
        if not rows:
            near = _values(wanted, set(cells))
            raise UsageError(f"{table}: no row has {column}={wanted}{near}")
    if not rows:
        raise DataError(f"{table}: the table has no rows.")
    return rows


def _told(header: list[str]) -> str:
    """Return the names of columns that are ordinary words, and how many others there are."""
    plain_ones = [name for name in header if _is_ordinary(name)]
    hidden = len(header) - len(plain_ones[:MOST_TOLD])
    more = f"{hidden:,} more" if plain_ones else f"{hidden:,}"
    return ", ".join(
        [*plain_ones[:MOST_TOLD], *[f"{more} (names that may be a patient's)"] * (hidden > 0)]
    )


def _is_ordinary(name: str) -> bool:
    """Whether a name is made of ordinary words alone, such as PatientAge or Image Index."""
    words = [word.lower() for word in WORD.findall(name)]
    known = words and all(word in NAMES or is_of_a_column(word) for word in words)
    return bool(known) and name.isascii() and not VALUE.search(name)


def _columns(name: str, header: list[str]) -> str:
    """Say which columns there are, unless the first line is that of a patient."""
    if any(
        section_of(cell) or cell.lower() in (*GROUPS, *LABELS) or VALUE.search(cell)
        for cell in header
    ):
        return "; its first line must hold the names of the columns."
    there = [cell for cell in header if cell]
    return nearest(name, header) or (f"; there are {_told(there)}." if there else ".")


def _values(wanted: str, present: set[str]) -> str:
    """Say which values a column has, those that name nobody."""
    known = sorted(value for value in present if value and shown(value) == value)
    return nearest(wanted, known) or (f"; there are {', '.join(known[:12])}." if known else ".")


def shown(text: str) -> str:
    """Return a cell as a message may quote it: it may be a patient's name or number in the wrong
    column.
    """
    return re.sub(r"\d{3,}", BLANK, safe_name(text, unread=True))
