"""A small cohort table as CSV, .xlsx and .ods, and its pictures."""

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from PIL import Image

MANIFEST = """<manifest:manifest manifest:version="1.3"
 xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>"""
ROWS = [
    ["image", "subject", "group", "age", "site"],
    ["a.png", "007", "healthy", "41.5", "north"],
    ["b.png", "P2", "diseased", "20", ""],
    [],
    ["c.png", "P3", "mixed", "", "south"],
]
FILTERED = " table:visibility='filter'"
OF = "urn:oasis:names:tc:opendocument:xmlns:"
SPACES = " ".join(f'xmlns:{name}="{OF}{name}:1.0"' for name in ("office", "table", "text", "style"))


def write_csv(path: Path, rows=ROWS) -> Path:
    path.write_text("\n".join(",".join(row) for row in rows if row) + "\n", "utf-8")
    return path


def write_xlsx(path: Path, *sheets: list[list], hidden: tuple[int, ...] = ()) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for number, rows in enumerate(sheets or (ROWS,)):
        page = book.active if number == 0 else book.create_sheet()
        page.title = f"Sheet{number}"
        for row in rows:
            page.append([number_or_text(cell) for cell in row])
        page.sheet_state = "hidden" if number in hidden else "visible"
    book.save(path)
    return path


def number_or_text(cell):
    return float(cell) if isinstance(cell, str) and cell[:1] in tuple("1234") else cell or None


def write_ods(
    path: Path, *sheets: list[list], hidden: tuple[int, ...] = (), filtered: tuple[int, ...] = ()
) -> Path:
    """As LibreOffice writes it: a million empty rows at the end, a formula with its value.

    filtered: rows of the first sheet that a filter hides, from 0.
    """
    pytest.importorskip("python_calamine")
    tables = []
    for number, rows in enumerate(sheets or (ROWS,)):
        lines = "".join(
            f"<table:table-row{FILTERED * (number == 0 and k in filtered)}>"
            f"{''.join(map(ods_cell, row)) or '<table:table-cell/>'}</table:table-row>"
            for k, row in enumerate(rows)
        )
        style = "hidden" if number in hidden else "shown"
        end = "<table:table-row table:number-rows-repeated='1048000'><table:table-cell "
        end += "table:number-columns-repeated='16000'/></table:table-row>"
        name = f"<table:table table:name='Sheet{number}' table:style-name='{style}'>"
        tables.append(f"{name}{lines}{end}</table:table>")
    styles = "".join(
        f"<style:style style:name='{name}' style:family='table'>"
        f"<style:table-properties table:display='{shown}'/></style:style>"
        for name, shown in (("hidden", "false"), ("shown", "true"))
    )
    content = (
        f"<?xml version='1.0' encoding='UTF-8'?><office:document-content {SPACES}>"
        f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>"
        f"<office:spreadsheet>{''.join(tables)}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", MANIFEST)
    return path


def ods_cell(cell: str) -> str:
    if isinstance(number_or_text(cell), float):
        attributes = f"office:value-type='float' office:value='{cell}' table:formula='of:=1+1'"
    else:
        attributes = "office:value-type='string'"
    return f"<table:table-cell {attributes}><text:p>{escape(cell)}</text:p></table:table-cell>"


WRITERS = {".xlsx": write_xlsx, ".ods": write_ods}


def pictures(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate("abc"):
        pixels = np.arange(24 * 24).reshape(24, 24) + number
        Image.fromarray((pixels % 256).astype(np.uint8)).save(folder / f"{name}.png")
    return folder
