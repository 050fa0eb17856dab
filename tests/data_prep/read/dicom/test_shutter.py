"""What a display shutter covers is black and counts as no image; a broken shutter is told."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from data_prep.errors import FilmError
from data_prep.film.open import read_film, stored_picture
from data_prep.read.dicom.shutter import NOTE, covered

SHAPE = (8, 10)
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterUpperHorizontalEdge": "2",
    "ShutterLowerHorizontalEdge": "6",
    "ShutterLeftVerticalEdge": "3",
    "ShutterRightVerticalEdge": "9",
}
HALF = RECTANGLE | {"ShutterLowerHorizontalEdge": "14", "ShutterRightVerticalEdge": "19"}
CIRCLE = {"CenterOfCircularShutter": ["4", "5"], "RadiusOfCircularShutter": "2"}
TRIANGLE = {"VerticesOfThePolygonalShutter": ["1", "1", "1", "7", "7", "1"]}


def header(**elements) -> Dataset:
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def hidden(**elements) -> np.ndarray | None:
    notes: list[str] = []
    found = covered(header(**elements), SHAPE, notes)
    assert notes == []
    return found


def test_a_rectangle_shows_its_edges_counted_from_1():
    shown = ~hidden(**RECTANGLE)
    rows, columns = np.nonzero(shown)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 5, 2, 8)
    assert shown.sum() == 5 * 7


def test_a_circle_has_its_centre_in_row_and_column():
    shown = ~hidden(ShutterShape="CIRCULAR", **CIRCLE)
    assert shown[3, 4] and shown[1, 4] and shown[5, 4] and shown[3, 2] and shown[3, 6]
    assert shown.sum() == 13  # the whole points within 2 of one


def test_a_polygon_is_given_by_row_and_column_of_its_corners():
    shown = ~hidden(ShutterShape="POLYGONAL", **TRIANGLE)
    assert shown[0, :7].all() and not shown[0, 7:].any()
    assert shown[:7, 0].all() and not shown[7:].any() and not shown[6, 1:].any()


def test_of_several_shapes_only_what_all_show_is_shown():
    both = {**RECTANGLE, **CIRCLE, "ShutterShape": ["RECTANGULAR", "CIRCULAR"]}
    one, two = hidden(**RECTANGLE), hidden(ShutterShape="CIRCULAR", **CIRCLE)
    np.testing.assert_array_equal(hidden(**both), one | two)


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"ShutterShape": ""},
        {**RECTANGLE, "ShutterUpperHorizontalEdge": "0", "ShutterLowerHorizontalEdge": "9",
         "ShutterLeftVerticalEdge": "-3", "ShutterRightVerticalEdge": "11"},
    ],
)  # fmt: skip
def test_no_shutter_or_one_around_the_whole_picture_covers_nothing(elements):
    assert hidden(**elements) is None


@pytest.mark.parametrize(
    "elements",
    [
        {"ShutterShape": "RECTANGULAR"},
        {"ShutterShape": "HEART"},
        {**RECTANGLE, "ShutterLowerHorizontalEdge": "1"},
        {**RECTANGLE, "ShutterLeftVerticalEdge": "50", "ShutterRightVerticalEdge": "60"},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": ["4", "5"]},
        {**RECTANGLE, "ShutterLowerHorizontalEdge": "2", "ShutterRightVerticalEdge": "9"},
        {"ShutterShape": "CIRCULAR", **CIRCLE, "RadiusOfCircularShutter": "1"},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": ["1", "1", "2", "2"]},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": ["1", "1", "2", "2", "3"]},
    ],
)
def test_a_shutter_that_shows_nothing_or_is_no_shape_is_told_and_not_followed(elements):
    notes: list[str] = []
    assert covered(header(**elements), SHAPE, notes) is None and notes == [NOTE]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_film_is_black_outside_and_the_rest_does_not_change(make_dicom, ramp, photometric):
    bare = read_film(make_dicom(ramp, PhotometricInterpretation=photometric))
    path = make_dicom(ramp, "covered.dcm", PhotometricInterpretation=photometric, **HALF)
    film = read_film(path)
    shown = np.zeros(ramp.shape, bool)
    shown[1:14, 2:19] = True
    np.testing.assert_array_equal(film.image[shown], bare.image[shown])
    assert (film.image[~shown] == 0).all()
    np.testing.assert_array_equal(film.padding, ~shown)
    assert film.digest == bare.digest  # of what is stored
    import pydicom

    np.testing.assert_array_equal(stored_picture(pydicom.dcmread(path)), film.image)


def test_padding_and_shutter_are_both_no_image(make_dicom, ramp):
    film = read_film(make_dicom(ramp, PixelPaddingValue=int(ramp[3, 4]), **HALF))
    assert film.padding[3, 4] and film.padding[0, 0] and not film.padding[3, 5]


def test_a_film_of_one_grey_level_under_its_shutter_is_constant(make_dicom, ramp):
    pixels = ramp.copy()
    pixels[1:14, 2:19] = 7
    with pytest.raises(FilmError, match="constant"):
        read_film(make_dicom(pixels, **HALF))
