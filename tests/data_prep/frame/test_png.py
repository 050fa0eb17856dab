import numpy as np
import pytest
from PIL import Image

from data_prep.frame import png


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_come_back_as_they_were(dtype, tmp_path):
    pixels = np.array([[0, 1], [2, np.iinfo(dtype).max]], dtype)
    png.save(pixels, tmp_path / "a.png")
    read = png.load(tmp_path / "a.png")
    assert read.dtype == dtype and np.array_equal(read, pixels)


def test_a_mask_is_black_and_white(tmp_path):
    png.save(np.array([[False, True]]), tmp_path / "a.png")
    assert png.load(tmp_path / "a.png").tolist() == [[0, 255]]


def test_a_reader_that_gives_16_bit_as_32_changes_nothing(tmp_path, monkeypatch):
    """As an older Pillow does."""
    png.save(np.array([[0, 65535]], np.uint16), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        wide = picture.convert("I")
    monkeypatch.setattr(png.Image, "open", lambda _: wide)
    read = png.load(tmp_path / "a.png")
    assert read.dtype == np.uint16 and read.tolist() == [[0, 65535]]


@pytest.mark.parametrize("pixels", [np.zeros((2, 2)), np.zeros((2, 2, 3), np.uint8)])
def test_what_is_no_grey_png_is_refused_and_leaves_no_file(pixels, tmp_path):
    with pytest.raises(ValueError, match=r"expected uint8/16 \(H, W\)"):
        png.save(pixels, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
