import numpy as np
import pytest

from healthygan_monai.evaluation.pointing import box_hit, brightest_place


def spot(row: int, column: int, shape=(40, 80)) -> np.ndarray:
    values = np.zeros(shape)
    values[row, column] = 1
    return values


def test_the_brightest_place_of_one_pixel_is_that_pixel():
    assert brightest_place(spot(10, 60)) == (10, 60)
    assert brightest_place(np.full((8, 8), 0.3)) is None


@pytest.mark.parametrize(
    ("box", "hit"),
    [
        ([0.5, 0.0, 0.5, 0.5], True),  # columns 40 to 79, rows 0 to 19
        ([0.0, 0.0, 0.5, 0.5], False),
        ([0.75, 0.25, 1 / 80, 1 / 40], True),  # pixel (10, 60) alone
        ([0.75 + 1 / 80, 0.25, 1 / 80, 1 / 40], False),  # its neighbour to the right
    ],
)
def test_x_runs_along_columns_and_y_along_rows(box, hit):
    assert box_hit(spot(10, 60), [box]).box_hit is hit


def test_any_of_several_boxes_counts_and_chance_is_what_they_cover_together():
    boxes = [[0.0, 0.0, 0.5, 1.0], [0.25, 0.0, 0.5, 1.0]]
    found = box_hit(spot(10, 50), boxes)
    assert found.box_hit and found.box_share == 0.75


def test_a_flat_map_hits_no_box():
    assert not box_hit(np.ones((8, 8)), [[0, 0, 1, 1]]).box_hit
