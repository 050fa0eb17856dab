"""Films that lie on their side, stand on their head or are mirrored: by EXIF and by DICOM."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from data_prep.errors import FilmError
from data_prep.film import FilmOptions, FilmRecipe, prepare, read_film
from data_prep.film.picture import TURNED_NOTE, read_mask_picture, read_picture
from data_prep.frame.boxes import LesionBox
from data_prep.frame.turn import Turn

RATIO = (0.2, 0.3)  # mm between rows, between columns
FRONTAL = [f"{a}{b}" for a in "LR" for b in "HF"] + [f"{a}{b}" for a in "HF" for b in "LR"]
LATERAL = [f"{a}{b}" for a in "AP" for b in "HF"] + [f"{a}{b}" for a in "HF" for b in "AP"]


def upright() -> np.ndarray:
    """uint16 (90, 70): no two quarter turns or mirror images of it are alike."""
    y, x = np.mgrid[:90, :70]
    grain = np.random.default_rng(0).integers(0, 200, (90, 70))
    values = 400 + 12 * x + 20 * y + grain
    values[60:75, 10:30] = 3900
    return values.astype(np.uint16)


def lying(picture: np.ndarray, letters: str, normal: str) -> np.ndarray:
    """The upright picture, whose rows run to normal, as it is stored with this orientation."""
    rows, columns = letters
    if rows in "HF":  # its columns are stored as rows
        return picture.T[:: 1 if columns == normal else -1, :: 1 if rows == "F" else -1]
    return picture[:: 1 if columns == "F" else -1, :: 1 if rows == normal else -1]


@pytest.fixture
def film(make_dicom):
    def make(values, orientation, **header):
        spacing = {"PixelSpacing": list(RATIO if values.shape == (90, 70) else RATIO[::-1])}
        rest = {"PatientOrientation": list(orientation), **spacing, **header}
        return make_dicom(np.ascontiguousarray(values), **rest).read_bytes()

    return make


def recipe(orient: str = "header", **options) -> FilmRecipe:
    return FilmRecipe(48, framing="square", options=FilmOptions(orient=orient, **options))


def mask_of(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(((values > 3800) * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def box_of(values: np.ndarray) -> LesionBox:
    rows, columns = np.nonzero(values > 3800)
    top, left = int(rows.min()), int(columns.min())
    return LesionBox(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top, "x")


@pytest.mark.parametrize("letters", FRONTAL)
def test_a_frontal_film_is_turned_upright_with_its_mask_boxes_and_map(film, letters):
    straight, stored = upright(), lying(upright(), letters, "L")
    (right,) = prepare(
        film(straight, "LF"), recipe(), mask=mask_of(straight), boxes=[box_of(straight)]
    )
    (found,) = prepare(
        film(stored, letters), recipe(), mask=mask_of(stored), boxes=[box_of(stored)]
    )
    assert np.abs(found.pixels.astype(int) - right.pixels).max() <= 1
    np.testing.assert_array_equal(found.mask, right.mask)
    np.testing.assert_allclose(found.boxes[0][:4], right.boxes[0][:4])
    values = np.random.default_rng(1).random((48, 48)).astype(np.float32)
    np.testing.assert_allclose(
        found.back(values), lying(right.back(values), letters, "L"), atol=1e-6
    )
    assert found.back(values).shape == stored.shape
    notes = [note for note in found.facts.get("notes", ()) if "Patient Orientation" in note]
    if letters == "LF":
        assert notes == []
    else:
        assert notes == [
            f"turned or mirrored by Patient Orientation {letters[0]}\\{letters[1]}; turned upright"
        ]


@pytest.mark.parametrize("letters", FRONTAL)
def test_a_film_is_left_as_it_is_with_a_note_unless_turning_was_asked_for(film, letters):
    stored = lying(upright(), letters, "L")
    (plain,) = prepare(film(stored, ""), recipe("keep"))
    (kept,) = prepare(film(stored, letters), recipe("keep"))
    np.testing.assert_array_equal(kept.pixels, plain.pixels)
    notes = [note for note in kept.facts.get("notes", ()) if "Patient Orientation" in note]
    said = f"turned or mirrored by Patient Orientation {letters[0]}\\{letters[1]}"
    assert notes == ([] if letters == "LF" else [f"{said}, which --orient header undoes"])


@pytest.mark.parametrize("letters", LATERAL)
def test_a_side_view_is_turned_head_up_but_never_mirrored(film, letters):
    stored = lying(upright(), letters, "A")
    (found,) = prepare(film(stored, letters, ViewPosition=""), recipe(views="any"))
    turned = [
        np.rot90(stored, k) for k in range(4) if np.rot90(stored, k).shape == (90, 70)
    ]  # no mirror image among them
    pictures = [next(prepare(film(values, "AF"), recipe(views="any"))) for values in turned]
    same = [np.abs(found.pixels.astype(int) - p.pixels).max() <= 1 for p in pictures]
    assert sum(same) == 1
    assert found.pixels[30:].mean() > found.pixels[:18].mean()  # the feet are brighter
    assert found.facts["view"] == "lateral"


@pytest.mark.parametrize(
    ("orientation", "read"),
    [
        (["LFP", "FR"], "LF"),
        ([" l", "f "], "LF"),
        (["RAH", "FLP"], "RF"),
        (["L", "F", "A"], None),
        (["L"], None),
        (["LR", "F"], None),
        (["LE", "CD"], None),  # of an animal
        (["L", ""], None),
        (["L", "L"], None),
        (["L", "P"], None),  # neither frontal nor lateral
    ],
)
@pytest.mark.filterwarnings("ignore:.*for VR CS")
def test_the_first_letter_of_a_compound_direction_counts(film, orientation, read):
    notes = read_film(film(upright(), orientation)).facts.get("notes", [])
    wanted = read is not None and read != "LF"
    assert any("Patient Orientation R\\F" in note for note in notes) == wanted


@pytest.mark.parametrize("orientation", range(0, 10))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_is_turned_as_a_viewer_turns_it(orientation, kind):
    grey = (upright() // 16).astype(np.uint8)
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(grey).save(file, kind, exif=exif)
    with Image.open(io.BytesIO(file.getvalue())) as picture:
        shown = np.asarray(ImageOps.exif_transpose(picture))
    film = read_picture(file.getvalue())
    np.testing.assert_array_equal(np.rint(film.image * 255), shown)
    assert (film.facts["rows"], film.facts["columns"]) == shown.shape
    assert film.facts.get("notes") == ([TURNED_NOTE] if 2 <= orientation <= 8 else None)
    least = shown.max() / 2 if kind == "JPEG" else 0
    np.testing.assert_array_equal(read_mask_picture(file.getvalue()), shown > least)


@pytest.mark.parametrize("mode", ["I;16", "LA", "RGB", "P"])
def test_a_png_of_any_mode_is_turned(mode):
    grey, file, exif = (upright() // 16).astype(np.uint8), io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    picture = deep if mode == "I;16" else Image.fromarray(grey).convert(mode)
    picture.save(file, "PNG", exif=exif)
    film = read_picture(file.getvalue())
    np.testing.assert_array_equal(np.rint(film.image * 255), np.rot90(grey, -1))


@pytest.mark.parametrize(
    "body", [b"", b"MM", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"x" * 40]
)
def test_broken_exif_turns_nothing(body):
    grey, file = (upright() // 16).astype(np.uint8), io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", exif=body)
    film = read_picture(file.getvalue())
    assert film.image.shape == grey.shape and "notes" not in film.facts


def test_a_mask_that_was_drawn_on_the_turned_picture_fits_it(tmp_path):
    grey, file, exif = (upright() // 16).astype(np.uint8), io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(grey).save(file, "PNG", exif=exif)
    turned = np.rot90(grey, -1)
    (frame,) = prepare(file.getvalue(), recipe(), mask=mask_of(turned.astype(int) * 16 + 10))
    assert frame.mask.any()
    with pytest.raises(FilmError, match="rows and columns"):
        next(prepare(file.getvalue(), recipe(), mask=mask_of(upright())))


def test_a_turn_and_its_way_back_are_inverse():
    values = np.arange(12).reshape(3, 4)
    for bits in range(8):
        turn = Turn(bool(bits & 1), bool(bits & 2), bool(bits & 4))
        np.testing.assert_array_equal(turn.back(turn(values)), values)
        box = LesionBox(1, 0, 2, 1)
        (moved,) = turn.boxes([box], (3, 4))
        drawn = np.zeros((3, 4), bool)
        drawn[0, 1:3] = True
        x, y, w, h = (int(v) for v in (moved.x, moved.y, moved.w, moved.h))
        wanted = np.zeros(turn(values).shape, bool)
        wanted[y : y + h, x : x + w] = True
        np.testing.assert_array_equal(turn(drawn), wanted)
