"""Any text comes back from a table, and none of its cells is a formula."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.errors import HealthyGANError
from data_prep.files import cell, plain, read_csv, write_csv
from data_prep.inputs.table_columns import read_table

characters = st.characters(codec="utf-8", exclude_characters="\0")  # of a NUL: test_files.py
texts = st.text(characters, max_size=20) | st.text("=-+@'\"; \t\r\n,1.ae(＝－", max_size=8)
DELIMITERS = ",;\t"
delimiters = st.sampled_from(DELIMITERS)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """The names of columns, all different, and rows of texts."""
    names = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    return names, draw(st.lists(st.lists(texts, min_size=len(names), max_size=len(names))))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "t.csv"


@given(tables(), delimiters)
def test_what_is_written_is_read_again(path, table, delimiter):
    names, rows = table
    write_csv(path, names, rows, delimiter=delimiter)
    with path.open(newline="", encoding="utf-8") as file:
        columns, records = read_csv(file, delimiter)
    assert [plain(column) for column in columns] == names
    assert [list(record.values()) for _, record in records] == rows


@given(texts)
def test_a_cell_is_the_text_or_the_text_behind_a_quote_and_never_a_formula(text):
    written = cell(text)
    assert plain(written) == text
    assert written.replace("'", "") == text.replace("'", "")
    for part in re.split(r"[;\t\r\n]", written):
        start = part.lstrip()
        number = r"[+-]?\d*\.?\d+(e[+-]?\d+)?%?( [(±].*)?"
        assert start[:1] not in set("=+-@＝＋－＠") or re.fullmatch(number, written, re.I | re.S)


@given(tables(), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_a_table_of_a_hospital_is_read_with_any_delimiter(path, table, delimiter, marked):
    """As a spreadsheet exports it: another delimiter, a byte order mark, Windows line ends."""
    _, rows = table
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["image", "subject", "note", "group"])
    lines = [[f"{k}.png", f"P{k}", row[0], "healthy"] for k, row in enumerate(rows)]
    writer.writerows(lines)
    path.write_text(stream.getvalue(), encoding="utf-8-sig" if marked else "utf-8", newline="")
    if not rows:
        with pytest.raises(HealthyGANError, match="no rows"):
            read_table(path, {}, {})
        return
    read, names, header = read_table(path, {}, {})
    assert header == ["image", "subject", "note", "group"]
    assert names == {name: name for name in ("image", "subject", "group")}
    assert [list(record.values()) for _, record in read] == [
        [plain(value) for value in line] for line in lines
    ]
    kept, *_ = read_table(path, {}, {"subject": "P0|PX"})
    assert [record["image"] for _, record in kept] == ["0.png"]


@given(st.binary(max_size=200) | texts.map(lambda text: text.encode("utf-8")))
def test_a_damaged_table_is_read_or_refused_with_its_name(path, damage):
    head = b"image,subject,section\na.png,P1,test\n"
    path.write_bytes(head + damage)
    try:
        rows, names, _ = read_table(path, {}, {})
    except HealthyGANError as error:
        assert str(path) in str(error)
        return
    assert rows[0][0] == 2 and names["image"] == "image"
