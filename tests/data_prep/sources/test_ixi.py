import csv
import sys

import pytest
from generated import ixi_names, ixi_table, text_hash

from data_prep.datalist import DataError
from data_prep.errors import NotInstalled, UsageError
from data_prep.read.spreadsheet import sheets_of
from data_prep.sources import ixi
from data_prep.sources.ixi import Options
from data_prep.sources.ixi_people import read_people


def test_all_566_names_are_subjects_with_sites(ixi_folder, tmp_path):
    cohort = ixi.cohort(ixi_folder, Options())
    assert len(cohort.rows) == len({row.subject for row in cohort.rows}) == 566
    assert {row.section for row in cohort.rows} == {"training_healthy"}
    assert {row.site for row in cohort.rows} == {"Guys", "HH", "IOP"}
    told = text_hash(cohort.rows, tmp_path / "split.csv")
    assert told == "934a241fa5dfa14637b1d3acbe877b2d429d9afbd083aeceb681311a47c7b39f"


def test_the_quirks_of_the_spreadsheet_are_met_and_counted(ixi_folder):
    people, quirks = read_people(ixi_folder / "IXI.csv")
    several = {"subjects_with_several_rows": 3, "subjects_whose_rows_disagree": 1}
    assert quirks == {"rows": 648, **several}
    assert people["IXI219"] == ("F", 59.5)  # one of its rows has no age
    assert people["IXI237"] == ("F", 77.5)  # its rows agree
    assert people["IXI251"][1] is None  # its rows disagree
    assert people["IXI029"][1] is None and people["IXI031"][0] == ""  # empty, and 0
    facts = ixi.cohort(ixi_folder, Options()).facts
    assert facts["rows_without_image"] == 93 and facts["images_without_row"] == 14


def test_sites_and_ages_filter_and_unknown_ages_are_reported(ixi_folder):
    cohort = ixi.cohort(ixi_folder, Options(sites=("HH",), ages=(30, 50)))
    assert {row.site for row in cohort.rows} == {"HH"}
    assert all(row.age is not None and 30 <= row.age <= 50 for row in cohort.rows)
    assert cohort.facts["left_out_for_unknown_age"] > 0
    assert any("unknown age" in warning for warning in cohort.warnings)
    with pytest.raises(UsageError, match="none of 566"):
        ixi.cohort(ixi_folder, Options(ages=(100, 110)))


def test_filters_that_cannot_be_meant_are_refused(tmp_path):
    with pytest.raises(ValueError, match="--sites Guy: expected some of Guys, HH, IOP"):
        Options(sites=("Guy",))
    with pytest.raises(ValueError, match="--ages"):
        Options(ages=(60, 20))
    (tmp_path / ixi_names()[0]).touch()
    with pytest.raises(UsageError, match=r"--ages needs IXI.xls"):
        ixi.cohort(tmp_path, Options(ages=(20, 60)))


def test_a_folder_without_heads_says_where_to_get_them(tmp_path):
    with pytest.raises(DataError, match="healthygan fetch ixi"):
        ixi.cohort(tmp_path, Options())
    assert len(ixi.verify(tmp_path, Options())) == 2


def test_names_of_copies_are_understood_and_others_left(tmp_path):
    for name in ("IXI013-HH-1212-T1_2mm.nii.gz", "IXI013-HH-1212-T2.nii.gz", "IXI1-HH-1-T1.nii"):
        (tmp_path / name).touch()
    (row,) = ixi.cohort(tmp_path, Options()).rows
    assert (row.subject, row.site, row.age, row.sex) == ("IXI013", "HH", None, "")


def test_xlsx_is_read_where_its_package_is_installed(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "codes"
    page = book.create_sheet("Table")
    for cells in ixi_table():
        page.append([float(c) if c.replace(".", "").isdigit() else c or None for c in cells])
    book.save(tmp_path / "IXI.xlsx")
    with (tmp_path / "IXI.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows(ixi_table())
    assert read_people(tmp_path / "IXI.xlsx") == read_people(tmp_path / "IXI.csv")


def test_xls_is_read_where_its_package_is_installed(tmp_path):
    pytest.importorskip("python_calamine")
    xlwt = pytest.importorskip("xlwt")
    book = xlwt.Workbook()
    book.add_sheet("codes")
    page = book.add_sheet("Table")
    for i, cells in enumerate(ixi_table()):
        for j, cell in enumerate(cells):
            page.write(i, j, float(cell) if cell.replace(".", "").isdigit() else cell)
    book.save(str(tmp_path / "IXI.xls"))
    people, quirks = read_people(tmp_path / "IXI.xls")
    assert people["IXI237"] == ("F", 77.5) and quirks["rows"] == 648


@pytest.mark.parametrize(
    ("suffix", "package"), [(".ods", "python-calamine"), (".xlsx", "openpyxl")]
)
def test_a_missing_package_is_named_with_the_way_round_it(tmp_path, monkeypatch, suffix, package):
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    path = tmp_path / f"IXI{suffix}"
    path.write_bytes(b"no matter")
    with pytest.raises(NotInstalled, match=rf"pip install {package}\), or save the sheet as CSV"):
        sheets_of(path)
