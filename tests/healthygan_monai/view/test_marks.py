import os

import pytest
import viewed

from healthygan_monai.view.marks import Review, ReviewError

ROWS = viewed.rows(4)


def test_marks_and_remarks_survive_a_restart(tmp_path):
    Review(tmp_path, ROWS).mark(2, True, "tube, not disease")
    Review(tmp_path, ROWS).mark(0, False, "ask again")
    Review(tmp_path, ROWS).mark(2, True, "")
    assert Review(tmp_path, ROWS).marks() == [
        (0, {"seen": False, "remark": "ask again"}),
        (2, {"seen": True, "remark": ""}),
    ]


@pytest.mark.parametrize("remark", ["=HYPERLINK(1)", "a;@b", "-2+3", "line\nline", 'ü, "quoted"'])
def test_a_remark_is_no_formula_in_the_file_and_comes_back_as_it_was(tmp_path, remark):
    review = Review(tmp_path, ROWS)
    review.mark(1, True, remark)
    assert review.marks() == [(1, {"seen": True, "remark": remark})]
    cells = review.path.read_text(encoding="utf-8").split("\n", 1)[1]
    assert ",=" not in cells and ";@" not in cells and ",-2" not in cells


def test_the_marks_of_other_scores_stay_in_the_file(tmp_path):
    Review(tmp_path, ROWS).mark(3, True, "of the whole list")
    shorter = Review(tmp_path, ROWS[:2])
    assert shorter.marks() == []
    shorter.mark(0, True, "")
    assert [index for index, _ in Review(tmp_path, ROWS).marks()] == [0, 3]


def test_what_another_viewer_wrote_stays(tmp_path):
    first, second = Review(tmp_path, ROWS), Review(tmp_path, ROWS)
    first.mark(0, True, "first")
    second.mark(1, True, "second")
    first.mark(2, True, "first again")
    assert [index for index, _ in second.marks()] == [0, 1, 2]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"section;image\n1;2\n", b""])
def test_a_file_that_is_no_review_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "review.csv"
    path.write_bytes(content)
    review = Review(tmp_path, ROWS)
    with pytest.raises(ReviewError, match=r"review\.csv"):
        review.mark(0, True, "")
    assert path.read_bytes() == content


def test_a_write_that_fails_leaves_the_file_of_before(tmp_path, monkeypatch):
    review = Review(tmp_path, ROWS)
    review.mark(0, True, "before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        review.mark(1, True, "after")
    assert review.marks() == [(0, {"seen": True, "remark": "before"})]
    assert os.listdir(tmp_path) == ["review.csv"]
