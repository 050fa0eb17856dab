"""Slices are shown as a radiologist reads them and chosen by depth below the top of the head."""

import numpy as np
import pytest

from data_prep.brain.slices import SliceChoice, choose_slices, display, display_spacing


def marked() -> np.ndarray:
    """RAS+ (5, 6, 7) with 1 at the right, 2 at the anterior and 3 at the superior face's centre."""
    data = np.zeros((5, 6, 7), np.float32)
    data[4, 3, 3] = 1
    data[2, 5, 3] = 2
    data[2, 3, 6] = 3
    return data


def test_axial_shows_anterior_up_and_the_patients_right_on_the_left():
    image = display(marked(), "axial", 3)
    assert image.shape == (6, 5)
    assert image[0, 2] == 2  # top row
    assert image[2, 0] == 1  # left column


def test_coronal_shows_superior_up_and_the_patients_right_on_the_left():
    image = display(marked(), "coronal", 3)
    assert image.shape == (7, 5)
    assert image[0, 2] == 3
    assert image[3, 0] == 1


def test_sagittal_shows_superior_up_and_anterior_on_the_left():
    image = display(marked(), "sagittal", 2)
    assert image.shape == (7, 6)
    assert image[0, 2] == 3
    assert image[3, 0] == 2


def test_spacing_follows_rows_and_columns_of_each_plane():
    spacing = (1.0, 2.0, 3.0)  # R, A, S
    assert display_spacing(spacing, "axial") == (2.0, 1.0)
    assert display_spacing(spacing, "coronal") == (3.0, 1.0)
    assert display_spacing(spacing, "sagittal") == (3.0, 2.0)


def column(first: int = 10, last: int = 50, length: int = 60) -> np.ndarray:
    """A head of equal cross-sections from slice `first` to `last` of an axial stack."""
    head = np.zeros((8, 8, length), bool)
    head[2:6, 2:6, first : last + 1] = True
    return head


def indices(choice: SliceChoice, head: np.ndarray, mm: float = 2.0) -> list[int]:
    return [index for index, _ in choose_slices(head, (1.0, 1.0, mm), choice)]


def test_depth_in_mm_counts_from_the_top_of_the_head_not_of_the_scan():
    choice = SliceChoice(start="10mm", stop="20mm")
    assert indices(choice, column()) == [45, 44, 43, 42, 41, 40]
    taller = np.pad(column(), ((0, 0), (0, 0), (7, 30)))  # more air above, more below
    assert indices(choice, taller) == [52, 51, 50, 49, 48, 47]


def test_the_neck_a_scan_includes_does_not_move_the_slices():
    choice = SliceChoice(start="10mm", stop="20mm")
    assert indices(choice, column(first=0)) == indices(choice, column(first=30))


def test_per_cent_counts_along_the_head():
    assert indices(SliceChoice(start="0%", stop="100%"), column()) == list(range(50, 9, -1))
    assert indices(SliceChoice(start="50%", stop="55%"), column()) == [30, 29, 28]


def test_steps_in_slices_and_in_mm():
    assert indices(SliceChoice(start="0mm", stop="20mm", step="3"), column()) == [50, 47, 44, 41]
    assert indices(SliceChoice(start="0mm", stop="20mm", step="6mm"), column()) == [50, 47, 44, 41]
    coarse = SliceChoice(start="0mm", stop="9mm", step="1mm")  # finer than the slices: each once
    assert indices(coarse, column(), mm=3.0) == [50, 49, 48, 47]


def test_depth_is_reported_in_mm():
    choice = SliceChoice(start="10mm", stop="14mm")
    assert choose_slices(column(), (1, 1, 2.0), choice) == [(45, 10.0), (44, 12.0), (43, 14.0)]


def test_thin_cross_sections_are_left_out():
    head = column()
    head[:, :, 40:] = False
    head[3, 3:5, 40:51] = True  # 2 voxels where the others have 16: above a tenth
    assert min(indices(SliceChoice(least_foreground=0), head)) == 10
    assert indices(SliceChoice(least_foreground=0.5), head) == list(range(39, 9, -1))


def test_a_single_slice_is_taken_whatever_the_range():
    assert choose_slices(np.ones((4, 4, 1), bool), (1, 1, 1), SliceChoice(start="30mm")) == [(0, 0)]


def test_air_alone_gives_no_slices():
    assert choose_slices(np.zeros((4, 4, 4), bool), (1, 1, 1), SliceChoice()) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"plane": "transverse"},
        {"start": "30"},
        {"stop": "9cm"},
        {"step": "0"},
        {"step": "1.5"},
        {"least_foreground": 2},
    ],
)
def test_a_choice_that_says_nothing_is_refused(bad: dict):
    with pytest.raises(ValueError, match="expected"):
        SliceChoice(**bad)


def test_a_range_is_parsed_from_text():
    assert SliceChoice.parse("25mm:60%", plane="coronal") == SliceChoice("coronal", "25mm", "60%")
    with pytest.raises(ValueError, match="START:STOP"):
        SliceChoice.parse("25mm")


def at(text: str, step: str = "1", origin: float = -40.0, mm: float = 2.0) -> list[tuple]:
    choice = SliceChoice.parse(text, step=step)
    return choose_slices(column(), (1.0, 1.0, mm), choice, origin)


def test_mni_coordinates_choose_slices_by_where_they_lie_not_by_the_head():
    assert at("mni:-4:4") == [(22, -4.0), (21, -2.0), (20, 0.0), (19, 2.0), (18, 4.0)]
    assert [i for i, _ in at("mni:-4:4", step="4mm")] == [22, 20, 18]
    assert [i for i, _ in at("mni:-4:4", step="2")] == [22, 20, 18]
    assert at("mni:500:600") == [] and at("mni:-40:-30") == []  # no head there
    assert [i for i, _ in at("mni:-4:4", origin=-39.0)] == [22, 21, 20, 19, 18]  # the nearest


@pytest.mark.parametrize("text", ["mni:10:-10", "mni:a:b", "mni:10", "mni:20%:60%"])
def test_mni_ranges_that_say_nothing_are_refused(text: str):
    with pytest.raises(ValueError):
        SliceChoice.parse(text)
