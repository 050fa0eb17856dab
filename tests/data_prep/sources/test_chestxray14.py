from collections import Counter

import pytest
from generated import BOXED, HEADER_2020, text_hash, write_chestxray14

from data_prep.datalist import DataError
from data_prep.sources import chestxray14
from data_prep.sources.chestxray14 import Options
from data_prep.sources.chestxray14_tables import age_years, eligible, read_boxes, read_entries

PAPER = {
    "training_mixed": (5000, 3195),
    "training_healthy": (10000, 0),
    "validation": (4000, 4000),
    "test": (10000, 10000),
}


@pytest.fixture(scope="module")
def cohort(chest_folder):
    return chestxray14.cohort(chest_folder, Options())


def test_pa_films_with_one_finding_are_eligible(chest_folder):
    entries = read_entries(chest_folder / "Data_Entry_2017_v2020.csv")
    assert len(entries) == 112_120 and len({e.patient for e in entries}) == 30_805
    chosen = eligible(entries)
    assert Counter(bool(e.findings) for e in chosen) == {False: 39_302, True: 17_828}
    assert {e.view for e in chosen} == {"PA"}


def test_the_paper_counts_are_reached_by_whole_patients(cohort):
    assert cohort.counts() == PAPER
    homes: dict[str, set[str]] = {}
    for row in cohort.rows:
        homes.setdefault(row.subject, set()).add(row.section)
    assert all(len(sections) == 1 for sections in homes.values())
    assert len({row.image for row in cohort.rows}) == len(cohort.rows)


def test_a_patient_with_a_diseased_film_is_not_known_healthy(chest_folder, cohort):
    entries = eligible(read_entries(chest_folder / "Data_Entry_2017_v2020.csv"))
    sick = {f"NIH{e.patient.zfill(8)}" for e in entries if e.findings}
    assert not sick & {r.subject for r in cohort.rows if r.section == "training_healthy"}


def test_boxed_films_are_all_in_test_with_their_boxes(cohort):
    boxed = [row for row in cohort.rows if row.boxes]
    assert {row.section for row in boxed} == {"test"}
    assert Counter(box.label for row in boxed for box in row.boxes) == BOXED
    assert cohort.facts["boxes_in_test"] == 144


def test_both_published_tables_give_the_same_split_on_any_machine(cohort, tmp_path):
    older = chestxray14.cohort(write_chestxray14(tmp_path, "2017"), Options())
    assert older.rows == cohort.rows
    told = text_hash(cohort.rows, tmp_path / "split.csv")
    assert told == "8042535fe32f4f2a408288384451873f17dcb30b2a6a3db65ef9ba0ccce7093e"


def test_the_seed_decides(chest_folder, cohort):
    other = chestxray14.cohort(chest_folder, Options(seed=1))
    assert other.counts() == PAPER and other.rows != cohort.rows


def test_a_split_by_images_says_that_patients_are_torn(chest_folder):
    cohort = chestxray14.cohort(chest_folder, Options(split="images"))
    assert cohort.counts() == PAPER
    assert cohort.facts["split"]["patients_in_two_sections"] > 1000
    assert "patients have films in more than one section" in cohort.warnings[0]
    assert {row.section for row in cohort.rows if row.boxes} == {"test"}


@pytest.mark.parametrize(
    ("text", "years"),
    [("58", 58), ("058Y", 58), ("006M", 0.5), ("0", 0), ("412", None), ("", None), ("x", None)],
)
def test_ages_in_both_forms(text, years):
    assert age_years(text) == years


def test_the_training_rows_of_the_table_hold_no_truth(cohort, tmp_path):
    text_hash(cohort.rows, tmp_path / "split.csv")
    lines = (tmp_path / "split.csv").read_text("utf-8").splitlines()[1:]
    for line in lines:
        image, _, section, label, mask, *_ = line.split(",")
        assert (label == "") is section.startswith("training"), image
        assert mask == ""


def test_boxes_are_read_with_the_other_word_for_infiltration(tmp_path):
    path = tmp_path / "BBox_List_2017.csv"
    path.write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,Infiltrate,1,2.5,3,4,,,\n", "utf-8"
    )
    (box,) = read_boxes(path)["a.png"]
    assert (box.x, box.y, box.w, box.h, box.label) == (1, 2.5, 3, 4, "Infiltration")
    assert box.width == box.height == 1024
    path.write_text("head\na.png,Mass,1,2,3\n", "utf-8")
    with pytest.raises(DataError, match="line 2"):
        read_boxes(path)


def test_missing_and_short_tables_are_refused_helpfully(tmp_path):
    with pytest.raises(DataError, match=r"no file Data_Entry_2017\*.csv .*nihcc.app.box.com"):
        chestxray14.cohort(tmp_path, Options())
    assert len(chestxray14.verify(tmp_path, Options())) == 2
    path = tmp_path / "Data_Entry_2017_v2020.csv"
    row = "{0}.png,No Finding,0,{0},40,M,PA,2682,2749,0.1,0.1"
    path.write_text("\n".join([HEADER_2020, *(row.format(k) for k in range(50))]), "utf-8")
    with pytest.raises(DataError, match=r"29,000 healthy and 17,195 diseased .*50 and 0 are there"):
        chestxray14.cohort(tmp_path, Options())
    path.write_text(HEADER_2020 + "\na.png,No Finding\n", "utf-8")
    with pytest.raises(DataError, match="1 rows are cut short"):
        chestxray14.cohort(tmp_path, Options())
    path.write_text("a,b\n", "utf-8")
    with pytest.raises(DataError, match="no column 'Image Index'"):
        chestxray14.cohort(tmp_path, Options())


def test_small_sizes_need_no_full_data_set(tmp_path):
    rows = [f"{k}.png,No Finding,0,{k},40,M,PA,1,1,1,1" for k in range(40)]
    rows += [f"{k}.png,Mass,0,{k},40,F,PA,1,1,1,1" for k in range(40, 70)]
    (tmp_path / "Data_Entry_2017.csv").write_text("\n".join([HEADER_2020, *rows]), "utf-8")
    small = Options(counts="healthy=10,mixed=5+5,validation=5+5,test=10+10")
    cohort = chestxray14.cohort(tmp_path, small)
    assert cohort.counts()["test"] == (10, 10)
    assert cohort.facts["auc_alone"]["test"]["sex"] == 1.0
    assert any("no boxes" in warning for warning in cohort.warnings)
