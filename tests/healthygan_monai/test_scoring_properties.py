"""scores.csv: what is written comes back to the bit, and damage is a ScoresError."""

import struct
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthygan_monai.scoring import (
    FIELDS,
    SCORE_RULES,
    SECTIONS,
    ScoreRow,
    ScoresError,
    read_scores,
    subject_rows,
    write_scores,
)

# with what a spreadsheet would run, quotes, line ends and letters of any script
letters = st.characters(codec="utf-8", exclude_characters="\0")  # of a NUL: test_files.py
texts = st.text(letters, min_size=1, max_size=20) | st.text(
    "=-+@'\"; \t\r\n,1aä＝", min_size=1, max_size=8
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
slices = st.none() | st.integers(0, 10**6) | texts.filter(lambda text: not text.isdecimal())
rows = st.builds(
    ScoreRow,
    section=st.sampled_from(SECTIONS),
    image=texts,
    subject=texts,
    score=numbers | numbers.map(np.float64) | st.floats(width=32, allow_nan=False,
                                                        allow_infinity=False).map(np.float32),
    slice=slices,
    label=st.sampled_from([0, 1, None]),
    method=texts,
    seed=st.integers(-(2**31), 2**31),
    backbone=st.just("") | texts,
    runtime=texts,
    critic_score=st.none() | numbers,
    score_by=st.sampled_from([*SCORE_RULES]),
)  # fmt: skip
tables = st.lists(rows, max_size=6, unique_by=lambda r: (r.section, r.image, r.method, r.seed))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scores") / "scores.csv"


def bits(row: ScoreRow) -> tuple:
    """All of a row, numbers as their 64 bits."""
    return tuple(
        struct.pack("<d", value) if isinstance(value, (float, np.floating)) else value
        for value in (getattr(row, field.name) for field in fields(ScoreRow))
    )


@given(tables)
def test_rows_come_back_to_the_bit(path, table):
    write_scores(path, table)
    assert [bits(row) for row in read_scores(path)] == [bits(row) for row in table]


cells = st.text(max_size=12) | st.sampled_from(
    ["nan", "inf", "-1e999", "1e400", "9" * 5000, "0x1", "1_0", "١", "None", "1.0", '"', "\0", "\r"]
)


@given(tables.filter(len), st.data())
def test_a_damaged_cell_is_read_as_what_it_says_or_refused(path, table, data):
    """No other error, whatever stands in one cell, quoted or not."""
    write_scores(path, table)
    lines = [[str(value) for value in line] for line in cells_of(table)]
    line, column = (data.draw(st.integers(0, len(x) - 1)) for x in (lines, FIELDS))
    lines[line][column] = data.draw(cells)
    raw = data.draw(st.booleans())
    quoted = [
        ",".join(cell if raw else '"' + cell.replace('"', '""') + '"' for cell in one)
        for one in lines
    ]
    text = "\n".join([",".join(FIELDS), *quoted]) + "\n"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    read_or_refused(path)


@given(tables.filter(len), st.data())
def test_a_damaged_byte_is_read_as_what_it_says_or_refused(path, table, data):
    write_scores(path, table)
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    read_or_refused(path)


def cells_of(table: list[ScoreRow]) -> list[list[object]]:
    plain = ("section", "image", "subject", "slice", "label", "method", "seed", "score")
    more = ("backbone", "runtime", "critic_score", "score_by")
    found = [[getattr(row, name) for name in (*plain, *more)] for row in table]
    return [["" if value is None else value for value in line] for line in found]


def read_or_refused(path: Path) -> None:
    try:
        read = read_scores(path)
    except ScoresError as error:
        assert str(error).startswith(path.name)
        return
    for row in read:
        assert row.section in SECTIONS and row.label in (0, 1, None) and row.image and row.subject
        assert np.isfinite(row.score) and row.score_by in SCORE_RULES
    write_scores(path, read)  # what was taken can be written
    assert read_scores(path) == read


@given(tables.filter(len), st.sampled_from(["mean", "max"]))
def test_the_rows_of_subjects_hold_all_images_and_are_diseased_where_one_is(table, how):
    table = [replace(row, subject=row.subject[:1], score=float(row.score) / 1e3) for row in table]
    found = subject_rows(table, how)
    assert len(found) == len({(r.section, r.subject, r.method, r.seed) for r in table})
    for subject in found:
        key = (subject.section, subject.subject, subject.method, subject.seed)
        images = [r for r in table if (r.section, r.subject, r.method, r.seed) == key]
        scores = [r.score for r in images]
        assert min(scores) - 1e-9 * abs(min(scores)) <= subject.score
        assert subject.score <= max(scores) + 1e-9 * abs(max(scores))
        if how == "max":
            assert subject.score == max(scores)
        else:
            np.testing.assert_allclose(subject.score, np.mean(scores))
        assert (subject.label == 1) == any(r.label == 1 for r in images)
        assert (subject.label is None) == (
            subject.label != 1 and any(r.label is None for r in images)
        )
        assert (subject.critic_score is None) == any(r.critic_score is None for r in images)
        assert (subject.image, subject.slice) == ("", None)
