import numpy as np
import pytest

from data_prep.errors import PrepError
from data_prep.frame.framing import POLICIES, Framing
from data_prep.frame.intensity import Intensity


def test_paper_takes_the_top_eight_per_cent_off_and_then_the_centre_square():
    # 100 x 60: rows 8..100 are left, the centre 60 of them start at 8 + (92 - 60) / 2 = 24
    assert Framing("paper").box((100, 60)) == (0, 24, 60, 84)
    assert Framing("centre").box((100, 60)) == (0, 20, 60, 80)
    assert Framing("square").box((100, 60)) == (-20, 0, 80, 100)
    assert Framing("none").box((100, 60)) == (0, 0, 60, 100)


def test_pixels_twice_as_high_as_wide_show_the_same_square_of_anatomy():
    # 128 x 256 pixels of 2 x 1 mm are a 256 mm square; 8 % of 128 rows are 10 rows
    left, top, right, bottom = Framing("paper").box((128, 256), (2.0, 1.0))
    assert (right - left) * 1.0 == (bottom - top) * 2.0 == 236
    assert top == 10 and left == 10


def test_whole_pixels_are_for_square_ones_alone():
    # 61 columns of 1 mm beside 100 rows: as the authors crop, an offset is cut to a whole pixel
    assert Framing("paper").box((100, 61))[1] == Framing("paper").box((100, 60))[1] - 1
    # 51 rows of 2 mm, 4 of them off the top: the square of 61 mm starts at (94 - 61) / 2 mm
    assert Framing("paper").box((51, 61), (2.0, 1.0)) == (0, 4 + 16.5 / 2, 61, 4 + 16.5 / 2 + 30.5)


@pytest.mark.parametrize(("shape", "bars"), [((10, 20), 0), ((20, 10), 1)])
def test_what_a_frame_shows_beyond_the_image_is_not_covered(shape, bars):
    covered = Framing("square", 16).covered(shape)
    assert covered is not None and covered.mean() == 0.5
    outside = ~covered.all(1 - bars)  # rows above and below, or columns on both sides
    assert outside.tolist() == [True] * 4 + [False] * 8 + [True] * 4
    assert Framing("square", 16).covered((20, 20)) is None
    assert Framing("centre", 16).covered(shape) is None


def test_anisotropic_pixels_keep_a_disc_round():
    y, x = np.mgrid[:64, :128]
    disc = ((y - 31.5) * 2) ** 2 + (x - 63.5) ** 2 < 40**2
    framed = Framing("centre", 64).mask(disc, (2.0, 1.0))
    rows, columns = np.flatnonzero(framed.any(1)), np.flatnonzero(framed.any(0))
    assert abs((rows[-1] - rows[0]) - (columns[-1] - columns[0])) <= 2


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shape", [(90, 70), (64, 100), (80, 80)])
def test_image_and_mask_go_through_the_same_frame(policy, shape):
    mask = np.zeros(shape, bool)
    mask[30:52, 20:48] = True
    framing = Framing(policy, 96)
    image = framing.image(mask.astype(np.float32))
    framed = framing.mask(mask)
    assert image.shape == framed.shape == (96, 96)
    assert framed.any()
    assert np.abs((image > 0.5).astype(int) - framed).mean() < 0.01


def test_padding_is_filled_and_the_centre_untouched():
    framed = Framing("square", 40).image(np.ones((40, 20), np.float32), fill=0.25)
    assert np.allclose(framed[:, :9], 0.25) and np.allclose(framed[:, 11:29], 1)


@pytest.mark.parametrize("policy", ["paper", "square", "centre"])
@pytest.mark.parametrize("shape", [(2604, 2822), (2812, 1490)])
@pytest.mark.parametrize("spacing", [(0.139, 1.2), (0.1868, 0.143)])
def test_an_error_of_rounding_makes_no_dark_edge(policy, shape, spacing):
    """Such a box ended 1e-12 of a pixel beyond the image, and a row of `fill` was added for it."""
    left, top, right, bottom = Framing(policy).box(shape, spacing)
    if policy != "square":
        assert min(left, top) >= 0 and right <= shape[1] and bottom <= shape[0]
        assert Framing(policy, 256).image(np.ones(shape, np.float32), spacing).min() > 0.9999
    assert {left, top, right - shape[1], bottom - shape[0]} & {0.0}  # one side fits to the bit


def test_the_resize_is_antialiased():
    checkerboard = (np.indices((128, 128)).sum(0) % 2).astype(np.float32)
    assert np.abs(Framing("none", 16).image(checkerboard) - 0.5).max() < 0.05


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="paper"):
        Framing("papr")


def test_policies_of_grey_levels_on_a_ramp():
    ramp = np.linspace(-2, 8, 1001, dtype=np.float32).reshape(7, 143)
    assert Intensity("minmax").apply(ramp, 8).min() == 0
    assert Intensity("minmax").apply(ramp, 16).max() == 65535
    window = Intensity("window").apply(ramp, 8, value_range=(0.0, 1.0))
    assert (window[ramp <= 0] == 0).all() and (window[ramp >= 1] == 255).all()
    percentile = Intensity.parse("percentile:10,90").apply(ramp, 8)
    assert np.mean(percentile == 0) == pytest.approx(0.1, abs=0.01)
    assert np.mean(percentile == 255) == pytest.approx(0.1, abs=0.01)


def test_the_foreground_alone_sets_the_percentiles():
    image = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10)
    padded = np.pad(image, 5)
    inside = np.pad(np.ones((10, 10), bool), 5)
    alone = Intensity("percentile", 1, 99).apply(image, 8)
    framed = Intensity("percentile", 1, 99).apply(padded, 8, foreground=inside)
    assert (framed[5:-5, 5:-5] == alone).all()


def test_a_constant_image_and_nan_are_errors_not_black_squares():
    for bad in (np.full((8, 8), 3.0), np.full((8, 8), np.nan)):
        with pytest.raises(PrepError):
            Intensity("minmax").apply(bad, 8)


@pytest.mark.parametrize("text", ["gamma", "percentile:5", "percentile:90,10", "percentile:a,b"])
def test_an_intensity_that_cannot_be_meant_is_refused(text):
    with pytest.raises(ValueError):
        Intensity.parse(text)


def test_grey_levels_are_of_8_bits_unless_said():
    levels = Intensity("minmax").apply(np.array([[0.0, 1.0]]))
    assert levels.dtype == np.uint8 and levels.tolist() == [[0, 255]]


def test_an_image_whose_percentiles_are_one_value_is_constant_within_them():
    image = np.zeros((40, 40))
    image[0, 0] = 1.0
    with pytest.raises(PrepError, match="constant image within the chosen grey range"):
        Intensity.parse("percentile:1,99").apply(image)
