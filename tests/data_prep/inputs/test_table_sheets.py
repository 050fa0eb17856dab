"""A table as .xlsx and .ods gives what the same table gives as CSV."""

import datetime
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sheets import ROWS, WRITERS, pictures, write_csv, write_ods, write_xlsx

from data_prep.cli.main import main
from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.inputs.find import find
from data_prep.inputs.table import sources_of_table
from data_prep.inputs.table_columns import explained, read_table
from data_prep.read.spreadsheet import read_rows, read_sheets

each = pytest.mark.parametrize("suffix", WRITERS)


def sources(folder: Path, table: Path, **columns: str) -> list:
    return sources_of_table(table, folder, find(folder), columns, {})


@each
def test_a_sheet_gives_what_the_same_table_gives_as_csv(tmp_path, suffix):
    raw = pictures(tmp_path / "raw")
    plain = sources(raw, write_csv(tmp_path / "t.csv"))
    read = sources(raw, WRITERS[suffix](tmp_path / f"t{suffix}"))
    assert [(s.path, s.who, s.truth) for s in read] == [(s.path, s.who, s.truth) for s in plain]
    assert [s.line for s in read] == [2, 3, 5]  # as the spreadsheet numbers its rows
    assert read[0].who.subject == "007" and read[0].who.age == 41.5


@each
def test_hidden_and_other_sheets_do_not_count_and_two_tables_are_refused(tmp_path, suffix):
    raw = pictures(tmp_path / "raw")
    notes = [["Notes"], ["nothing"]]
    write, table = WRITERS[suffix], tmp_path / f"t{suffix}"
    write(table, notes, [ROWS[0], ["c.png", "Meier", "healthy"]], ROWS, hidden=(1,))
    assert [s.who.subject for s in sources(raw, table)] == ["007", "P2", "P3"]
    write(table, ROWS, ROWS)
    with pytest.raises(DataError, match="2 visible sheets have the columns image and subject"):
        sources(raw, table)
    write(table, notes)
    with pytest.raises(UsageError, match="no column 'image'"):
        sources(raw, table)


@each
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"image,subject\n"])
def test_a_damaged_file_is_one_clear_error(tmp_path, suffix, content):
    pytest.importorskip({".xlsx": "openpyxl", ".ods": "python_calamine"}[suffix])
    path = tmp_path / f"t{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read .*Save it as CSV"):
        read_sheets(path)


def test_cells_of_xlsx_read_as_csv_has_them(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    page = book.active
    page.append([7, 0.1 + 0.2, datetime.datetime(2024, 5, 3), True, None, " x "])
    page["A1"].number_format = "000"  # shown as 007, which CSV holds
    page["A2"], page["B2"] = "merged", "#N/A"
    page["B2"].data_type = "e"
    page.merge_cells("A2:A3")
    page["B3"] = "beside"
    book.save(tmp_path / "t.xlsx")
    first, second, third = read_rows(tmp_path / "t.xlsx")
    assert first == ["007", "0.3", "2024-05-03", "TRUE", "", "x"]
    assert (second[:2], third[:2]) == (["merged", ""], ["", "beside"])


@pytest.mark.parametrize(
    ("saved", "kind", "read"),
    [("<v>2</v>", "", "2"), ("<v></v>", ' t="str"', ""), ("<v></v>", "", None), ("", "", None)],
)
def test_a_formula_gives_its_saved_value_and_is_refused_without_one(tmp_path, saved, kind, read):
    path = write_xlsx(tmp_path / "t.xlsx", [["image", "group"], ["a.png", "GROUP"]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    start = sheet.index('<c r="B2"')
    end = sheet.index("</c>", start)
    parts["xl/worksheets/sheet1.xml"] = (
        f'{sheet[:start]}<c r="B2"{kind}><f>1+1</f>{saved}{sheet[end:]}'.encode()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    if read is None:
        with pytest.raises(DataError, match="formula in B2 has no saved value"):
            read_rows(path)
    else:
        assert read_rows(path)[1] == ["a.png", read]


def test_an_entity_bomb_ends_in_the_child(tmp_path):
    """XML entities that unfold to gigabytes: refused by the parser, or by the limits."""
    pytest.importorskip("openpyxl")
    path = write_xlsx(tmp_path / "t.xlsx")
    bomb = "<!DOCTYPE x [<!ENTITY a0 'aaaaaaaaaa'>"
    bomb += "".join(f"<!ENTITY a{k} '{f'&a{k - 1};' * 10}'>" for k in range(1, 10)) + "]>"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            if name == "xl/worksheets/sheet1.xml":
                data = f"{bomb}<worksheet>&a9;</worksheet>".encode()
            archive.writestr(name, data)
    with pytest.raises(DataError, match="cannot be read"):
        read_sheets(path)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (["image", "Mustermann Erika", "group", "Smith John"], "image, group, 2 more"),
        (["file", "Smith John", "gesund"], "file, gesund, 1 more"),
        (["Kowalski Jan", "Rossi", "Garcia"], "there are 3 (names that may be a patient's)"),
        (["Study of Dr Rossi", "", ""], "there are 1 (names"),
        (["Findings", "MySex", "view_position"], "there are Findings, view_position, 1 more"),
    ],
)
def test_a_line_that_may_be_a_patients_is_not_quoted(tmp_path, header, told):
    table = write_csv(tmp_path / "t.csv", [header, ["a.png", "P1", "healthy", ""][: len(header)]])
    with pytest.raises(UsageError) as caught:
        read_table(table, {}, {})
    said = str(caught.value)
    assert told in said
    for name in ("Mustermann", "Smith", "Kowalski", "Rossi", "Garcia"):
        assert name not in said


def test_columns_are_known_in_any_case_and_a_dry_run_explains_them(tmp_path, capsys):
    raw = pictures(tmp_path / "raw")
    rows = [["Image", "PatID", "Group", "Label", "Remark"], ["a.png", "P1", "healthy", "maybe", ""]]
    table = write_csv(tmp_path / "t.csv", rows)
    told = explained(table, {"subject": "PatID"}, {})
    assert told[1:] == [
        "  image    <- Image: path of the image (1 filled)",
        "  subject  <- PatID: who it shows; a keyed pseudonym takes its place (1 filled)",
        "  group    <- Group: healthy, mixed or diseased; the split is drawn (1 filled)",
        "  label    <- Label: 0 healthy, 1 diseased (1 filled, 1 not understood)",
        "  not used: Remark",
    ]
    odd = [[*row, "", ""] for row in rows]
    odd[0][-2:] = "MEIER^ANNA", "Mustermann Erika"
    told = explained(write_csv(tmp_path / "odd.csv", odd), {"subject": "PatID"}, {})
    assert told[-1] == "  not used: Remark, 2 more (names that may be a patient's)"
    words = [str(raw), str(tmp_path / "out"), "--table", str(table), "--columns", "subject=PatID"]
    assert main(["films", *words, "--dry-run", "--jobs", "0"]) == 1  # of the label
    said = capsys.readouterr()
    assert "  not used: Remark" in said.out and "maybe" not in said.out
    assert not (tmp_path / "out").exists()


def test_rows_that_a_filter_hides_are_refused_not_used(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    legend = [["colour", "means"], ["red", "asked"]]
    path = write_xlsx(tmp_path / "t.xlsx", ROWS, legend, ROWS, hidden=(2,))
    book = openpyxl.load_workbook(path)
    first, second, third = book.worksheets
    for sheet in (second, third):  # another sheet, and one that is not read
        sheet.row_dimensions[2].hidden = True
    first["A4"].fill = openpyxl.styles.PatternFill("solid", fgColor="FF0000")
    first.row_dimensions[4].hidden = True  # it holds a colour alone
    book.save(path)
    assert len(read_table(path, {}, {})[0]) == 3
    for row in (2, 3):
        first.row_dimensions[row].hidden = True
        book.save(path)
        with pytest.raises(DataError, match=f"{row - 1} rows? (is|are) hidden in the sheet"):
            read_table(path, {}, {})


def test_rows_that_a_filter_hides_are_refused_in_ods_too(tmp_path):
    path = tmp_path / "t.ods"
    write_ods(path, ROWS, filtered=(3,))  # an empty row
    assert len(read_table(path, {}, {})[0]) == 3
    write_ods(path, ROWS, filtered=(1, 4))
    with pytest.raises(DataError, match="2 rows are hidden in the sheet"):
        read_table(path, {}, {})
    write_ods(path, [["a"], ["b"]], ROWS, filtered=(0, 1))  # of another sheet
    assert len(read_table(path, {}, {})[0]) == 3


@each
def test_a_long_number_keeps_its_digits_and_one_that_lost_some_is_refused(tmp_path, suffix):
    raw = pictures(tmp_path / "raw")
    longest, longer = "2024050300000012", "20240503000000100"  # 2**53 has 16 digits
    rows = [ROWS[0], ["a.png", longest, "healthy"], ["b.png", f"{longest[:-1]}1", "mixed"]]
    found = sources(raw, WRITERS[suffix](tmp_path / f"t{suffix}", rows))
    assert [s.who.subject for s in found] == [longest, f"{longest[:-1]}1"]
    for lost in (longer, f"{longest[:-1]}0"):  # the program kept 15 digits, and filled up
        rows[1][1] = lost
        with pytest.raises(DataError, match="line 2: the subject is a number in scientific"):
            sources(raw, WRITERS[suffix](tmp_path / f"t{suffix}", rows))


def test_a_rounded_number_in_csv_is_refused_too(tmp_path):
    raw = pictures(tmp_path / "raw")
    for text in ("1.23457E+15", "1,23457E+15", "2e16"):
        table = write_csv(tmp_path / "t.csv", [ROWS[0], ["a.png", f'"{text}"', "healthy"]])
        with pytest.raises(DataError, match="its last digits are lost"):
            sources(raw, table)
    table = write_csv(tmp_path / "t.csv", [ROWS[0], ["a.png", "case2e", "healthy"]])
    assert [s.who.subject for s in sources(raw, table)] == ["case2e"]


def test_a_table_may_come_through_a_pipe_and_name_its_separator(tmp_path):
    raw = pictures(tmp_path / "raw")
    text = write_csv(tmp_path / "t.csv").read_text()
    plain = sources(raw, tmp_path / "t.csv")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as writer:
        writer.submit(pipe.write_text, text)
        found = sources(raw, pipe)
    assert [(s.who, s.truth) for s in found] == [(s.who, s.truth) for s in plain]
    for first in ("sep=;", '"sep=;"'):
        (tmp_path / "s.csv").write_text(first + "\r\n" + text.replace(",", ";"))
        found = sources(raw, tmp_path / "s.csv")
        assert [(s.who, s.truth) for s in found] == [(s.who, s.truth) for s in plain]
        assert [s.line for s in found] == [s.line + 1 for s in plain]
        assert read_rows(tmp_path / "s.csv") == read_rows(tmp_path / "t.csv")


def test_blanks_around_what_where_asks_for_do_not_count(tmp_path):
    rows = [
        ROWS[0],
        *(
            [f"{name}.png", name, cell, "", ""]
            for name, cell in zip("abc", ("mixed", "mixed ", "healthy"), strict=True)
        ),
    ]
    table = write_csv(tmp_path / "t.csv", rows)
    assert [line for line, _ in read_table(table, {}, {"group": " mixed"})[0]] == [2, 3]


def test_subjects_that_differ_by_capitals_are_told_and_invisible_signs_go(tmp_path, caplog):
    raw = pictures(tmp_path / "raw")
    rows = [
        ROWS[0],
        ["a.png", "P1", "mixed"],
        ["b.png", "p1", "mixed"],
        ["c.png", "P\u200b2", "mixed"],
    ]
    found = sources(raw, write_csv(tmp_path / "t.csv", rows))
    assert [s.who.subject for s in found] == ["P1", "p1", "P2"]
    assert "2 subjects differ from others by capitals alone" in caplog.text


@pytest.mark.parametrize(
    ("columns", "row", "told"),
    [
        ("image,subject,group,boxes", 'a.png,p,healthy,"[[1,2,3,4]]"', "boxes and group healthy"),
        (
            "image,subject,section,boxes",
            'a.png,p,healthy,"[[1,2,3,4]]"',
            "boxes and section healthy",
        ),
        ("image,subject,label,boxes", 'a.png,p,0,"[[1,2,3,4]]"', "boxes and label 0"),
    ],
)
def test_boxes_on_a_healthy_image_are_refused(tmp_path, columns, row, told):
    raw = pictures(tmp_path / "raw")
    (tmp_path / "t.csv").write_text(f"{columns}\n{row}\n")
    with pytest.raises(DataError, match=told):
        sources(raw, tmp_path / "t.csv")


def test_letters_of_a_number_format_belong_to_the_subject(tmp_path):
    import openpyxl

    raw, book = pictures(tmp_path / "raw"), openpyxl.Workbook()
    sheet = book.active
    for line in (["image", "subject", "section"], ["a.png", "P007", "test"], ["b.png", 7, "test"]):
        sheet.append(line)
    sheet["B3"].number_format = '"P"000'
    book.save(tmp_path / "t.xlsx")
    assert {s.who.subject for s in sources(raw, tmp_path / "t.xlsx")} == {"P007"}
