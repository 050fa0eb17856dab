"""Which column of a table is which: one that two could be is refused, never guessed."""

from pathlib import Path

import pytest
from sheets import WRITERS, pictures, write_csv

from data_prep.cli.main import main
from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.inputs.find import find
from data_prep.inputs.table import sources_of_table
from data_prep.inputs.table_columns import NAMES

BOX = '"[[1, 1, 2, 2]]"'
SAMPLE = {"image": "a.png", "subject": "P1", "section": "test", "group": "healthy", "label": "0"}


def rows(*more: tuple[str, str]) -> list[list[str]]:
    cells = [("image", "a.png"), ("subject", "P1"), *more]
    return [[name for name, _ in cells], [cell for _, cell in cells]]


def sources(folder: Path, table: Path, where: dict[str, str] | None = None, **columns: str) -> list:
    return sources_of_table(table, folder, find(folder), columns, where or {})


@pytest.mark.parametrize("ours", NAMES)
def test_two_columns_for_one_thing_are_refused_until_one_is_chosen(tmp_path, ours):
    raw = pictures(tmp_path / "raw")
    cells = {**dict.fromkeys(("image", "subject"), ""), **SAMPLE}
    other = ours.upper()
    one = [(ours, cells.get(ours, ""))] if ours not in ("image", "subject") else []
    table = write_csv(tmp_path / "t.csv", rows(*one, (other, cells.get(ours, ""))))
    with pytest.raises(UsageError) as caught:
        sources(raw, table)
    message = str(caught.value)
    assert f"'{ours}' and '{other}' would both be taken for {ours}" in message
    assert f"--columns {ours}={other}" in message
    for name in (ours, other):
        assert len(sources(raw, table, **{ours: name})) == 1


@pytest.mark.parametrize("suffix", [".csv", *WRITERS])
@pytest.mark.parametrize("second", ["group", "group "])
def test_two_columns_of_one_name_are_refused_though_none_is_needed_last(tmp_path, suffix, second):
    raw = pictures(tmp_path / "raw")
    write = WRITERS.get(suffix, write_csv)
    twice = rows(("group", "healthy"), (second, "diseased"))
    table = write(tmp_path / f"t{suffix}", twice)
    for columns in ({}, {"group": "group"}):
        with pytest.raises(UsageError, match=r"'group' and 'group' would both .* rename one"):
            sources(raw, table, **columns)


def test_two_columns_to_filter_by_are_refused(tmp_path):
    table = write_csv(tmp_path / "t.csv", rows(("set", "x"), ("set", "y")))
    with pytest.raises(UsageError, match="two columns 'set' to filter by"):
        sources(pictures(tmp_path / "raw"), table, where={"set": "y"})


def test_a_name_with_blanks_around_it_is_the_column(tmp_path):
    (tmp_path / "t.csv").write_text("image, subject , group\na.png,P1,diseased\n", encoding="utf-8")
    (found,) = sources(pictures(tmp_path / "raw"), tmp_path / "t.csv")
    assert (found.who.subject, found.truth.group) == ("P1", "diseased")


def test_a_section_and_a_group_that_name_two_groups_are_refused(tmp_path):
    raw = pictures(tmp_path / "raw")
    table = write_csv(tmp_path / "t.csv", rows(("section", "diseased"), ("group", "healthy")))
    with pytest.raises(DataError, match=r"line 2: .*section and group .*--columns section="):
        sources(raw, table)
    (found,) = sources(raw, table, section="section", group="section")
    assert found.truth.group == "diseased"
    alike = write_csv(tmp_path / "s.csv", rows(("section", "diseased"), ("group", "diseased")))
    assert sources(raw, alike)[0].truth.group == "diseased"


def test_the_command_says_both_columns_in_one_line(tmp_path, capsys):
    raw = pictures(tmp_path / "raw")
    table = write_csv(tmp_path / "t.csv", rows(("group", "healthy"), ("Group", "mixed")))
    assert main(["films", str(raw), str(tmp_path / "out"), "--table", str(table)]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "'group' and 'Group'" in line and "--columns group=Group" in line


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"group": "healthy", "label": "1"}, "label 1 and group healthy"),
        ({"section": "training_healthy", "label": "1"}, "label 1 and section healthy"),
        ({"group": "diseased", "label": "0"}, "label 0 and group diseased"),
        ({"section": "test", "label": "0", "boxes": BOX}, "lesion boxes and label 0"),
        ({"group": "healthy", "label": "0"}, None),
        ({"section": "training_mixed", "label": "1"}, None),
        ({"section": "test", "label": "1", "boxes": BOX}, None),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_by_its_line(tmp_path, cells, told):
    raw = pictures(tmp_path / "raw")
    table = write_csv(tmp_path / "t.csv", rows(*cells.items()))
    if told is None:
        assert len(sources(raw, table)) == 1
        return
    with pytest.raises(DataError, match=rf"line 2: {told}\. Correct one of them"):
        sources(raw, table)


def test_a_row_with_more_cells_than_the_header_is_refused(tmp_path):
    """A decimal comma without quotes moves the label out of its column."""
    table = tmp_path / "t.csv"
    table.write_text("image,subject,age,label\na.png,P1,45,0,1\nb.png,P2,50,0\n")
    with pytest.raises(DataError, match="line 2: 5 cells, the header has 4"):
        sources(pictures(tmp_path / "raw"), table)


@pytest.mark.parametrize("again", ["./a.png", "a.png ", "x/../a.png"])
def test_an_image_that_stands_twice_in_other_words_is_refused(tmp_path, again):
    raw = pictures(tmp_path / "raw")
    (raw / "x").mkdir()
    lines = [["image", "subject", "label"], ["a.png", "P1", "0"], [again, "P1", "1"]]
    with pytest.raises(DataError, match="line 3: the same image as line 2"):
        sources(raw, write_csv(tmp_path / "t.csv", lines))


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        ("Pleural_Thickening", "Pleural_Thickening"),
        ("Nodule/Mass 2", "Nodule/Mass 2"),
        ("", ""),
        ("Anna Meier 12.3.1961", "other"),
        ("mass seen by Meier", "other"),
        ("4711", "other"),
    ],
)
def test_the_label_of_a_box_is_a_known_finding_or_other(tmp_path, label, kept):
    cell = f'"[[1, 1, 2, 2, ""{label}""]]"'
    table = write_csv(tmp_path / "t.csv", rows(("label", "1"), ("boxes", cell)))
    (source,) = sources(pictures(tmp_path / "raw"), table)
    assert [box.label for box in source.truth.boxes] == [kept]
