import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from data_prep.film.burned_in import TextLine, annotation_flags, find_text
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions
from data_prep.phantom.film import film


def phantom(size: int = 512, seed: int = 3) -> np.ndarray:
    return film(np.random.default_rng(seed), size, None)[0]


def write(
    image: np.ndarray,
    text: str,
    at: tuple[float, float],
    *,
    share: float = 0.03,
    grey: float = 1.0,
    turned: bool = False,
) -> tuple[np.ndarray, TextLine]:
    """Antialiased text: capitals of `share` of the film's height, corner at (y, x) in [0, 1]."""
    font = ImageFont.load_default(size=share * image.shape[0] / 0.72)
    left, top, right, bottom = font.getbbox(text)
    stamp = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(stamp).text((1 - left, 1 - top), text, fill=255, font=font)
    alpha = np.asarray(stamp, np.float32) / 255
    alpha = np.rot90(alpha) if turned else alpha
    y, x = int(at[0] * image.shape[0]), int(at[1] * image.shape[1])
    height, width = alpha.shape
    assert y + height <= image.shape[0] and x + width <= image.shape[1]
    out = image.copy()
    out[y : y + height, x : x + width] *= 1 - alpha
    out[y : y + height, x : x + width] += alpha * grey
    return out, TextLine(y, x, y + height, x + width, len(text))


def covers(line: TextLine, truth: TextLine, slack: int) -> bool:
    """The line lies on the text and spans most of it."""
    inside = (
        line.top >= truth.top - slack
        and line.bottom <= truth.bottom + slack
        and line.left >= truth.left - slack
        and line.right <= truth.right + slack
    )
    long = max(truth.bottom - truth.top, truth.right - truth.left)
    return inside and max(line.bottom - line.top, line.right - line.left) >= 0.5 * long


@pytest.mark.parametrize("seed", range(6))
def test_a_film_without_text_is_not_flagged(seed):
    assert find_text(phantom(seed=seed)) == []


@pytest.mark.parametrize("text", ["PORTABLE", "AP ERECT", "Mustermann, E", "1953-12-24"])
@pytest.mark.parametrize("share", [0.014, 0.03, 0.06])
def test_words_names_and_dates_are_found_where_they_stand(text, share):
    image, truth = write(phantom(), text, (0.02, 0.05), share=share)
    lines = find_text(image)
    assert any(covers(line, truth, slack=6) for line in lines), lines


@pytest.mark.parametrize("size", [256, 700, 1024, 2048])
def test_text_is_found_at_any_size_of_film(size):
    image, truth = write(phantom(size), "SMITH JOHN", (0.02, 0.05), share=0.035)
    assert any(covers(line, truth, slack=size // 60) for line in find_text(image))


def test_black_text_on_white_is_found():
    image = 1 - 0.1 * phantom()
    image, truth = write(image, "SMITH JOHN", (0.9, 0.4), grey=0.0)
    assert any(covers(line, truth, slack=6) for line in find_text(image))


def test_text_turned_by_ninety_degrees_is_found():
    image, truth = write(phantom(), "ST ELSEWHERE", (0.2, 0.02), turned=True)
    found = [line for line in find_text(image) if covers(line, truth, slack=6)]
    assert found and found[0].bottom - found[0].top > 4 * (found[0].right - found[0].left)


def test_grey_text_of_five_letters_is_found_and_white_text_in_a_black_border():
    dark = np.pad(phantom()[60:], ((60, 0), (0, 0)))
    for grey in (0.65, 1.0):
        image, truth = write(dark, "SMITH 4711", (0.03, 0.1), grey=grey)
        assert any(covers(line, truth, slack=6) for line in find_text(image))


def test_text_survives_jpeg():
    image, truth = write(phantom(), "PORTABLE", (0.02, 0.05), share=0.02)
    buffer = io.BytesIO()
    Image.fromarray((image * 255).astype(np.uint8)).save(buffer, "JPEG", quality=75)
    assert any(covers(line, truth, slack=6) for line in find_text(np.asarray(Image.open(buffer))))


@pytest.mark.parametrize("dtype, top", [("uint8", 255), ("uint16", 4095), ("float32", 1)])
def test_the_type_of_the_pixels_does_not_matter(dtype, top):
    image, truth = write(phantom(), "PORTABLE", (0.02, 0.05))
    lines = find_text((image * top).astype(dtype))
    assert any(covers(line, truth, slack=6) for line in lines)


@pytest.mark.parametrize("marker", ["R", "L", "AP", "PA"])
@pytest.mark.parametrize("share", [0.03, 0.08])
def test_a_side_marker_is_no_text(marker, share):
    assert find_text(write(phantom(), marker, (0.05, 0.8), share=share)[0]) == []


def things() -> dict[str, np.ndarray]:
    """What a chest film may hold besides the patient."""
    drawn = {}
    for name in ("wires", "grid", "blobs", "arrow"):
        layer = Image.new("L", (2048, 2048))
        pen = ImageDraw.Draw(layer)
        if name == "wires":
            for k in range(5):
                points = [
                    (x, 900 + 150 * k + 300 * np.sin(x / (260 + 40 * k))) for x in range(0, 2048, 8)
                ]
                pen.line(points, fill=255, width=9)
        elif name == "grid":
            for k in range(100, 2048, 200):
                pen.line([(k, 0), (k, 2047)], fill=255, width=5)
                pen.line([(0, k), (2047, k)], fill=255, width=5)
        elif name == "blobs":  # a pacemaker with its lead, electrodes
            pen.rounded_rectangle((1450, 350, 1750, 600), 60, fill=255)
            pen.line([(1500, 600), (1300, 900), (1100, 1300)], fill=255, width=14)
            for x, y in ((300, 500), (350, 1400), (1700, 1450)):
                pen.ellipse((x - 40, y - 40, x + 40, y + 40), fill=255)
        else:
            arrow = (300, 100, 220, 220, 270, 220, 270, 330, 330, 330, 330, 220, 380, 220)
            pen.polygon(arrow, 255)
        drawn[name] = np.asarray(layer.resize((512, 512), Image.Resampling.BOX), np.float32) / 255
    return drawn


@pytest.mark.parametrize("name", ["wires", "grid", "blobs", "arrow"])
def test_what_patients_wear_is_no_text(name):
    image = np.maximum(phantom(), things()[name])
    assert find_text(image) == []


def test_soft_letters_of_lead_are_no_burned_in_text_unless_they_are_a_long_word():
    image, _ = write(phantom(1024), "L DG", (0.05, 0.8), share=0.04, grey=0.9)
    assert find_text(image) == []


@pytest.mark.parametrize("spread", [0.03, 0.1])
def test_the_noise_of_a_film_is_no_text(spread):
    noise = np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)
    assert find_text(0.5 + spread * noise) == []
    assert find_text(phantom() + spread / 3 * noise) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (16, 16), (130, 4000)])
def test_odd_shapes_and_constant_pictures_are_answered(shape):
    for value in (0.0, 0.5, 1.0, np.nan):
        assert find_text(np.full(shape, value, np.float32)) == []


def test_a_colour_picture_is_refused():
    with pytest.raises(ValueError, match="one channel"):
        find_text(np.zeros((8, 8, 3), np.uint8))


def test_the_picture_is_left_as_it_was():
    image = write(phantom(), "PORTABLE", (0.02, 0.05))[0]
    before = image.copy()
    assert find_text(image) == find_text(image)
    assert (image == before).all()


@pytest.mark.parametrize("value, flagged", [("YES", 1), ("yes ", 1), ("NO", 0), ("", 0), (None, 0)])
def test_the_header_flags_what_it_admits(value, flagged):
    assert annotation_flags({"BurnedInAnnotation": value}) == ["burned-in annotation"] * flagged
    seen = annotation_flags({"RecognizableVisualFeatures": value})
    assert seen == ["recognizable visual features"] * flagged


def test_a_broken_header_element_flags_nothing():
    class Broken:
        def get(self, keyword: str) -> str:
            raise ValueError(keyword)

    assert annotation_flags(Broken()) == []


def test_the_film_with_burned_in_text_is_found_and_its_like_without_are_not(real_data: Path):
    path = real_data / "dicom" / "manifest.csv"
    if not path.is_file():
        pytest.skip("no DICOM manifest")
    with path.open(newline="", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file) if row["expected_png"]]
    # PORTABLE stands in these, 5 pixels high
    legible = ("10_rle", "11_j2k_lossless", "12_jpegls_lossless", "14_deflated", "16_implicit")
    for name in paths:
        lines = find_text(
            read_film(
                real_data / name, FilmOptions(views="any", colour="equal", modalities="any")
            ).image
        )
        if "burned_in_text" in name:
            assert len(lines) == 2  # PORTABLE AP ERECT, and L 12:34
        elif not any(word in name for word in legible):
            assert lines == [], name
