"""What of a header decides the grey levels: blanks, commas and contradictions in it."""

import numpy as np
import pytest
from dcmtk import require_equal, shown

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.display import SHAPE_NOTE
from data_prep.read.dicom.header import COMMA_NOTE
from data_prep.read.dicom.voi import apply_window

WINDOW = {"WindowCenter": "300", "WindowWidth": "401"}


def rewritten(path, old: bytes, new: bytes):
    """The film with other bytes of the same length in its header."""
    whole = path.read_bytes()
    assert len(old) == len(new) and whole.count(old) >= 1
    path.write_bytes(whole.replace(old, new))
    return path


@pytest.mark.parametrize("shape", ["", "IDENTITY", "INVERSE", "LIN OD", " INVERSE", " IDENTITY "])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_shape_decides_what_is_white_where_it_contradicts_the_photometric_interpretation(
    make_dicom, ramp, photometric, shape
):
    term = shape.strip()
    header = {"PresentationLUTShape": shape} if shape else {}
    path = make_dicom(ramp, PhotometricInterpretation=photometric, **header, **WINDOW)
    film = read_film(path)
    inverted = term == "INVERSE" if term in ("INVERSE", "IDENTITY") else photometric[-1] == "1"
    plain = apply_window(ramp, 300, 401, "LINEAR")
    np.testing.assert_allclose(film.image, 1 - plain if inverted else plain, atol=1e-6)
    noted = SHAPE_NOTE in film.facts.get("notes", [])
    assert noted == (inverted != (photometric[-1] == "1"))
    if shape == term:  # dcmtk takes a blank for a letter
        require_equal(film.image, shown(path, "+Wi", "1"))


@pytest.mark.filterwarnings("ignore:.*for VR CS")
@pytest.mark.parametrize("blanks", [" {}", "  {} ", "{}\0", "\t{}", " {}\0 "])
def test_blanks_around_a_term_are_not_significant(make_dicom, ramp, blanks):
    plain = {
        "PhotometricInterpretation": "MONOCHROME1",
        "PresentationLUTShape": "INVERSE",
        "VOILUTFunction": "SIGMOID",
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
        "PresentationIntentType": "FOR PRESENTATION",
    }
    expected = read_film(make_dicom(ramp, "plain.dcm", **plain, **WINDOW))
    padded = {keyword: blanks.format(value) for keyword, value in plain.items()}
    numbers = {keyword: f" {value} " for keyword, value in WINDOW.items()}
    film = read_film(make_dicom(ramp, "padded.dcm", **padded, **numbers))
    np.testing.assert_array_equal(film.image, expected.image)
    assert film.facts == expected.facts and "notes" not in film.facts


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"ViewPosition": " LL"}, "a lateral film"),
        ({"BodyPartExamined": " HAND"}, "body part HAND: not a chest film"),
        ({"Modality": " MG"}, "not a radiograph: MG (mammography)"),
        ({"PresentationIntentType": " FOR PROCESSING"}, "raw detector data: FOR PROCESSING"),
    ],
)
def test_blanks_do_not_let_a_film_in_that_is_not_wanted(make_dicom, ramp, header, reason):
    with pytest.raises(FilmError) as error:
        read_film(make_dicom(ramp, **header))
    assert error.value.reason == reason


def test_colour_is_seen_behind_a_blank(make_dicom, ramp):
    grey = np.repeat((ramp // 4).astype(np.uint8)[..., None], 3, axis=2)
    header = {"PhotometricInterpretation": " RGB ", "PlanarConfiguration": 0}
    path = make_dicom(grey, **header)
    with pytest.raises(FilmError, match="Interpretation RGB: a screenshot"):
        read_film(path)
    film = read_film(path, FilmOptions(colour="equal"))
    np.testing.assert_allclose(film.image, grey[..., 0] / 255, atol=1e-6)


@pytest.mark.parametrize("text", ["0.5", "0.50", "-0.5"])
def test_a_decimal_comma_is_a_decimal_point_and_is_noted(make_dicom, ramp, text):
    header = {"RescaleSlope": text, "RescaleIntercept": "10.25", **WINDOW}
    header |= {"PixelSpacing": ["0.143", "0.286"], "WindowCenter": "99.5"}
    expected = read_film(make_dicom(ramp, "point.dcm", **header))
    path = make_dicom(ramp, "comma.dcm", **header)
    for number in (text, "10.25", "0.143", "0.286", "99.5"):
        rewritten(path, number.encode(), number.replace(".", ",").encode())
    film = read_film(path)
    np.testing.assert_array_equal(film.image, expected.image)
    assert film.spacing == expected.spacing == (0.143, 0.286)
    assert film.facts["notes"] == [COMMA_NOTE] and "notes" not in expected.facts


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("text", ["1,0.5", "1,0,5", "a,5.5", "1;0.5"])
def test_a_number_that_is_none_is_refused_where_pixels_hang_on_it(make_dicom, ramp, keyword, text):
    header = {"RescaleSlope": "1", "RescaleIntercept": "0", keyword: "9.999"}
    path = rewritten(make_dicom(ramp, **header), b"9.999", text.ljust(5).encode())
    with pytest.raises(FilmError, match="rescale values"):
        read_film(path)


@pytest.mark.parametrize("keyword", ["WindowCenter", "WindowWidth"])
def test_a_window_that_is_no_number_is_never_left_out_without_a_word(make_dicom, ramp, keyword):
    path = make_dicom(ramp, **{**WINDOW, keyword: "9.999"})
    film = read_film(rewritten(path, b"9.999", b"1;999"))
    assert film.facts["notes"] == ["invalid window; the full range was taken"]
    only = rewritten(make_dicom(ramp, **{keyword: "9.999"}), b"9.999", b"1;999")
    assert read_film(only).facts["notes"] == ["invalid window; the full range was taken"]
