import numpy as np
import pytest

from data_prep.datalist import DataError, Dataset, Item, check, read, write
from data_prep.frame.boxes import LesionBox, framed_boxes
from data_prep.frame.framing import PAPER_TOP, Framing
from data_prep.frame.png import save

WHOLE = LesionBox(0, 0, 1024, 1024, "Mass", 1024, 1024)


def test_a_box_follows_the_paper_crop_by_hand():
    """1024 x 1024: 81 rows off the top, then a square of 943 from column 40."""
    top, side, left = int(1024 * PAPER_TOP), 943, 40
    assert (top, side) == (81, 1024 - 81)
    (box,) = framed_boxes(
        [LesionBox(240, 281, 94.3, 188.6, "Mass")], Framing("paper", 128), (1024, 1024)
    )
    expected = ((240 - left) * 128 / side, (281 - top) * 128 / side, 12.8, 25.6)
    assert box[:4] == pytest.approx(expected, abs=0.01) and box[4] == "Mass"


def test_a_box_that_is_cut_at_one_side_is_measured_by_its_own_area():
    # 36 x 30 pixels, of which the frame shows 6 x 30
    assert framed_boxes([LesionBox(-30, 10, 36, 30)], Framing("square", 64), (64, 64)) == ()
    (box,) = framed_boxes([LesionBox(-30, 10, 36, 30)], Framing("square", 64), (64, 64), least=0.1)
    assert box[:4] == (0, 10, 6, 30)


@pytest.mark.parametrize("policy", ["paper", "square", "centre", "none"])
@pytest.mark.parametrize("shape", [(96, 64), (64, 96), (80, 80)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 1.0)])
def test_a_box_and_the_mask_of_its_inside_agree_in_every_frame(policy, shape, spacing):
    framing = Framing(policy, 64)
    mask = np.zeros(shape, bool)
    mask[30:50, 25:45] = True
    (box,) = framed_boxes([LesionBox(25, 30, 20, 20)], framing, shape, spacing)
    rows, columns = np.nonzero(framing.mask(mask, spacing))
    x, y, w, h, _ = box
    assert columns.min() == pytest.approx(x, abs=1) and rows.min() == pytest.approx(y, abs=1)
    assert columns.max() + 1 == pytest.approx(x + w, abs=1)
    assert rows.max() + 1 == pytest.approx(y + h, abs=1)


def test_a_smaller_copy_of_the_picture_gives_the_same_framed_box():
    box = LesionBox(300, 400, 200, 100, "Nodule", 1024, 1024)
    whole = framed_boxes([box], Framing("square", 128), (1024, 1024))
    assert framed_boxes([box], Framing("square", 128), (256, 256)) == whole


@pytest.mark.parametrize("policy", ["paper", "square", "centre", "none"])
def test_a_box_follows_a_part_of_the_film_that_was_cut_out_first(policy):
    crop = (20, 10, 90, 60)
    inside = LesionBox(25 - 10, 50 - 20, 20, 20)
    there = framed_boxes([LesionBox(25, 50, 20, 20)], Framing(policy, 64), (96, 64), crop=crop)
    assert there == framed_boxes([inside], Framing(policy, 64), (70, 50)) != ()


def test_a_box_is_clipped_and_dropped_where_less_than_half_is_left():
    framing = Framing("centre", 100)  # of 200 rows and 100 columns: rows 50 to 150
    (kept,) = framed_boxes([LesionBox(10, 40, 20, 20)], framing, (200, 100))
    assert kept[:4] == (10, 0, 20, 10)  # half of it
    assert framed_boxes([LesionBox(10, 39, 20, 20)], framing, (200, 100)) == ()
    assert framed_boxes([LesionBox(10, 39, 20, 20)], framing, (200, 100), least=0.1) != ()
    assert framed_boxes([LesionBox(10, 0, 20, 20)], framing, (200, 100), least=0) == ()


@pytest.mark.parametrize("values", [[1, 2, 3], [1, 2, 0, 4], ["a", 2, 3, 4], [1, 2, 3, 4, "", 5]])
def test_what_is_no_box_is_refused(values):
    with pytest.raises(ValueError, match="box is"):
        LesionBox.of(values)


def test_a_box_survives_the_way_through_a_table():
    assert LesionBox.of(WHOLE.to_json()) == WHOLE
    assert LesionBox.of([1, 2, 3, 4]) == LesionBox(1, 2, 3, 4)


@pytest.fixture
def one_image(tmp_path):
    save(np.zeros((16, 16), np.uint8), tmp_path / "a.png")

    def make(**known) -> Dataset:
        section = known.pop("section", "test")
        item = Item("a.png", "p", label=1 if section == "test" else None, **known)
        return Dataset("x", 16, sections={section: [item]}, root=tmp_path)

    return make


def test_boxes_are_written_and_read_again(one_image, tmp_path):
    boxes = ((1.5, 2.0, 3.0, 4.0, "Mass"),)
    write(one_image(boxes=boxes), tmp_path)
    (item,) = read(tmp_path).sections["test"]
    assert item.boxes == boxes and check(read(tmp_path), deep=True) == []
    assert '"boxes": [[1.5, 2.0, 3.0, 4.0, "Mass"]]' in (tmp_path / "dataset.json").read_text(
        "utf-8"
    )


def test_an_item_without_boxes_has_no_such_key(one_image, tmp_path):
    write(one_image(), tmp_path)
    assert "boxes" not in (tmp_path / "dataset.json").read_text("utf-8")


def test_a_box_outside_the_image_and_one_in_training_are_problems(one_image):
    assert any("does not lie" in p for p in check(one_image(boxes=((10.0, 2.0, 8.0, 4.0, ""),))))
    boxes = ((1.0, 2.0, 3.0, 4.0, ""),)
    assert any("lesion" in p for p in check(one_image(boxes=boxes, section="training_mixed")))


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), 16.5])
def test_a_number_that_cannot_be_of_a_box_is_a_problem(one_image, place, value):
    box = [1.0, 2.0, 3.0, 4.0, ""]
    assert not any("box" in p for p in check(one_image(boxes=(tuple(box),))))
    box[place] = value
    assert any("does not lie" in p for p in check(one_image(boxes=(tuple(box),))))


def test_a_box_may_fill_the_image(one_image):
    assert check(one_image(boxes=((0.0, 0.0, 16.0, 16.0, ""),))) == []


def test_boxes_of_another_shape_are_refused_by_the_reader(one_image, tmp_path):
    path = write(one_image(boxes=((1.0, 2.0, 3.0, 4.0, ""),)), tmp_path)
    path.write_text(path.read_text("utf-8").replace("[[1.0, ", "[["), "utf-8")
    with pytest.raises(DataError, match=r"test\[0\]: key 'boxes'"):
        read(tmp_path)
