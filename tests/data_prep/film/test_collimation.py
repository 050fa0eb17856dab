import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from data_prep.film.collimation import MOST, Box, exposed_area, record
from data_prep.film.open import read_film
from data_prep.phantom.film import film

SIZE = 512


def phantom(seed: int = 3, size: int = SIZE) -> np.ndarray:
    """A drawn film whose air is a little above black, as scatter leaves it."""
    return 0.12 + 0.88 * film(np.random.default_rng(seed), size, None)[0]


def bordered(
    image: np.ndarray, widths: tuple[int, int, int, int], *, grey: float = 0.0, noise: float = 0.0
) -> np.ndarray:
    """Borders of top, left, bottom, right pixels laid over the film's own margin."""
    top, left, bottom, right = widths
    height, width = image.shape
    out = np.full_like(image, grey)
    inside = (slice(top, height - bottom), slice(left, width - right))
    out[inside] = image[inside]
    outside = np.ones(image.shape, bool)
    outside[inside] = False
    speckle = np.random.default_rng(0).standard_normal(image.shape, dtype=np.float32)
    out[outside] += noise * np.abs(speckle[outside])
    return out


def close(box: Box, widths: tuple[int, int, int, int], shape: tuple[int, int], within: int) -> bool:
    wanted = Box(widths[0], widths[1], shape[0] - widths[2], shape[1] - widths[3])
    return all(abs(a - b) <= within for a, b in zip(box, wanted, strict=True))


def crop(image: np.ndarray, box: Box) -> np.ndarray:
    return image[box.top : box.bottom, box.left : box.right]


@pytest.mark.parametrize("seed", range(6))
def test_a_film_without_a_border_stays_whole(seed):
    for image in (phantom(seed), film(np.random.default_rng(seed), SIZE, None)[0]):
        assert exposed_area(image) == (0, 0, SIZE, SIZE)


@pytest.mark.parametrize(
    "widths",
    [
        (40, 0, 0, 0),
        (0, 25, 0, 0),
        (0, 0, 60, 0),
        (0, 0, 0, 12),
        (30, 50, 20, 70),
        (0, 100, 0, 100),
    ],
)
@pytest.mark.parametrize("grey, noise", [(0.0, 0.0), (0.0, 0.01), (1.0, 0.0)])
def test_planted_borders_are_removed_to_within_one_and_a_half_per_cent(widths, grey, noise):
    image = bordered(phantom(), widths, grey=grey, noise=noise)
    box = exposed_area(image)
    assert close(box, widths, image.shape, within=8), box
    assert all(got >= cut for got, cut in zip(box[:2], widths[:2], strict=True))
    assert all(SIZE - got >= cut for got, cut in zip(box[2:], widths[2:], strict=True))


@pytest.mark.parametrize("size", [256, 700, 2048])
def test_borders_are_found_at_any_size_of_film(size):
    widths = tuple(int(share * size) for share in (0.05, 0.1, 0.08, 0.15))
    image = bordered(phantom(size=size), widths)
    assert close(exposed_area(image), widths, image.shape, within=round(0.02 * size))


@pytest.mark.parametrize("degrees", [-2.0, -1.0, 1.0, 2.0])
def test_a_collimator_that_leans_by_two_degrees_is_found(degrees):
    widths = (50, 60, 50, 60)
    mask = Image.fromarray(bordered(np.ones((SIZE, SIZE), np.float32), widths))
    turned = np.asarray(mask.rotate(degrees, Image.Resampling.BILINEAR))
    box = exposed_area(phantom() * turned)
    lean = SIZE / 2 * np.tan(np.radians(abs(degrees)))
    assert close(box, widths, (SIZE, SIZE), within=round(8 + lean)), box
    assert crop(turned, box).mean() > 0.995  # hardly a wedge of border is left


def test_a_marker_and_text_in_the_border_change_nothing():
    widths = (0, 80, 60, 0)
    image = bordered(phantom(), widths)
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    pen.text((15, 60), "R", fill=1.0, font=ImageFont.load_default(size=50))
    pen.text((150, SIZE - 45), "PORTABLE", fill=1.0, font=ImageFont.load_default(size=24))
    assert exposed_area(np.asarray(canvas)) == exposed_area(image)


def test_scatter_that_fades_into_the_border_is_border():
    widths = (0, 70, 0, 0)
    image = bordered(phantom(), widths)
    image[:, :70] += 0.05 * np.exp(-(70 - np.arange(70)) / 30)
    assert close(exposed_area(image), widths, image.shape, within=8)


def test_black_air_beside_the_chest_is_no_border():
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j].astype(np.float32)
    # rounded, no straight edge
    body = np.clip((0.62 + 0.18 * np.cos(1.4 * y) - np.abs(x)) * 4, 0, 1)
    noise = np.random.default_rng(0).standard_normal(body.shape, dtype=np.float32)
    for air in (0.0, 0.03):
        image = np.clip(air + 0.8 * body + 0.01 * noise, 0, 1)
        assert exposed_area(image) == (0, 0, SIZE, SIZE)


@pytest.mark.parametrize("widths", [(0, 0, 0, 0), (30, 50, 20, 70), (0, 12, 0, 0), (90, 0, 0, 130)])
@pytest.mark.parametrize("seed", range(4))
def test_a_second_pass_changes_nothing(widths, seed):
    image = bordered(phantom(seed), widths, noise=0.005)
    inner = crop(image, exposed_area(image))
    assert exposed_area(inner) == (0, 0, *inner.shape)


def test_the_box_does_not_depend_on_scale_or_type_of_the_grey_levels():
    image = np.rint(bordered(phantom(), (30, 50, 20, 70)) * 1000).astype(np.float32)
    box = exposed_area(image)
    assert exposed_area(image * 4 + 256) == box
    assert exposed_area(image.astype(np.uint16)) == box
    assert exposed_area(image / 1024) == box


def test_mirrors_and_turns_of_a_film_have_the_turned_box():
    image = bordered(phantom(), (30, 50, 20, 70))
    top, left, bottom, right = exposed_area(image)
    assert exposed_area(image[:, ::-1]) == (top, SIZE - right, bottom, SIZE - left)
    assert exposed_area(image[::-1]) == (SIZE - bottom, left, SIZE - top, right)
    assert exposed_area(image.T) == (left, top, right, bottom)


def test_a_border_of_more_than_the_most_leaves_the_film_whole():
    deep = int((MOST + 0.05) * SIZE)
    assert exposed_area(bordered(phantom(), (0, deep, 0, 0))) == (0, 0, SIZE, SIZE)
    fine = int((MOST - 0.05) * SIZE)
    assert abs(exposed_area(bordered(phantom(), (0, fine, 0, 0))).left - fine) <= 8


def test_padding_goes_exactly_and_an_all_padded_film_stays_whole():
    image = phantom()
    padding = np.zeros(image.shape, bool)
    padding[:17], padding[:, -23:] = True, True
    image = np.where(padding, 0, image)
    inner = crop(image, Box(17, 0, SIZE, SIZE - 23))
    assert exposed_area(inner) == (0, 0, *inner.shape)
    assert exposed_area(image, padding) == (17, 0, SIZE, SIZE - 23)
    assert exposed_area(image, np.ones_like(padding)) == (0, 0, SIZE, SIZE)


@pytest.mark.parametrize("shape", [(1, 1), (5, 700), (63, 63), (200, 90)])
def test_small_odd_and_constant_films_stay_whole(shape):
    for value in (0.0, 1.0, np.nan):
        assert exposed_area(np.full(shape, value, np.float32)) == (0, 0, *shape)


def test_invalid_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        exposed_area(np.zeros((8, 8, 3)))
    with pytest.raises(ValueError, match="one shape"):
        exposed_area(np.zeros((8, 8)), np.zeros((8, 9), bool))


def test_the_record_is_json():
    assert json.loads(json.dumps(record()))["most_of_a_side"] == MOST


def test_real_films_keep_their_middle_and_lose_little(real_data: Path):
    folder = real_data / "cxr_nih" / "test"
    if not folder.is_dir():
        pytest.skip("no cxr_nih")
    paths = sorted(folder.iterdir())[:40]
    cropped = 0
    for path in paths:
        image = read_film(path).image
        box = exposed_area(image)
        height, width = image.shape
        cropped += box != (0, 0, height, width)
        assert box.top <= 0.15 * height and box.bottom >= 0.9 * height, path.name
        assert box.left <= 0.12 * width and box.right >= 0.85 * width, path.name
        assert exposed_area(crop(image, box)) == (0, 0, *crop(image, box).shape), path.name
    assert 0.1 * len(paths) < cropped < 0.5 * len(paths)
