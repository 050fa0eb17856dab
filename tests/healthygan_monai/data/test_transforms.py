"""PNG on disk -> [-1, 1]: nothing turned, nothing stretched, and back again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from healthygan_monai.config.messages import root_cause
from healthygan_monai.data import image_transforms, to_display


def load(path: Path, size: int, **options) -> torch.Tensor:
    return image_transforms(size, **options)({"image": str(path)})["image"]


@pytest.fixture
def save(tmp_path):
    def write(pixels: np.ndarray, name: str = "a.png") -> Path:
        Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("depth", "dtype"), [(8, np.uint8), (16, np.uint16)])
def test_black_is_minus_one_and_white_is_one(save, depth, dtype):
    white = 2**depth - 1
    pixels = np.full((16, 16), white // 5, dtype)  # 255 and 65535 are multiples of 5
    pixels[0, 0], pixels[1, 1] = 0, white
    image = load(save(pixels), 16, bit_depth=depth)
    assert image.dtype == torch.float32 and image.shape == (1, 16, 16)
    assert image[0, 0, 0] == -1 and image[0, 1, 1] == 1
    assert image[0, 5, 5].item() == pytest.approx(-0.6, abs=1e-6)


def test_resizing_keeps_the_place_and_the_mean(save):
    pixels = np.zeros((64, 64), np.uint8)
    pixels[8:16, 40:56] = 255  # rows 2 to 3 and columns 10 to 13 of 16
    image = load(save(pixels), 16)
    assert (image > 0).nonzero()[:, 1:].tolist() == [[r, c] for r in (2, 3) for c in range(10, 14)]
    assert image.mean().item() == pytest.approx(pixels.mean() / 127.5 - 1, abs=1e-6)


@pytest.mark.parametrize(("before", "after"), [(64, 16), (48, 32), (16, 32)])
def test_resizing_draws_no_frame_around_a_plain_film(save, before, after):
    image = load(save(np.zeros((before, before), np.uint8)), after)
    assert (image + 1).abs().max() < 1e-6


def test_resizing_averages_instead_of_skipping_pixels(save):
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, ::4] = 255  # a quarter of the columns; every fourth one alone would be all or nothing
    image = load(save(pixels), 16)
    assert image[0, 4:12, 4:12].sub(-0.5).abs().max() < 0.2


def test_grey_becomes_equal_channels_where_a_network_wants_three(save):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    image = load(save(pixels), 16, image_channels=3)
    assert image.shape == (3, 16, 16)
    assert torch.equal(image[0], image[1]) and torch.equal(image[0], image[2])


def test_a_colour_picture_is_refused(save):
    path = save(np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(RuntimeError) as caught:
        load(path, 16)
    message = "a.png: image mode RGB; expected 8- or 16-bit greyscale"
    assert str(root_cause(caught.value)).startswith(message)


@pytest.mark.parametrize("keep", [0, 7, 40])
def test_a_broken_picture_is_refused_by_name(save, keep):
    path = save(np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RuntimeError) as caught:
        load(path, 16)
    assert str(root_cause(caught.value)).startswith("a.png: cannot be read as a picture")


def test_other_bit_depths_are_refused():
    with pytest.raises(ValueError, match="bit_depth is 12"):
        image_transforms(16, bit_depth=12)


def test_display_is_the_way_back(save):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    for channels in (1, 3):
        shown = to_display(load(save(pixels), 16, image_channels=channels))
        assert torch.equal((shown * 255).round().to(torch.uint8), torch.as_tensor(pixels))


def test_display_of_what_lies_outside_is_cut_off():
    assert to_display(torch.tensor([[[-3.0, 3.0]]])).tolist() == [[0, 1]]
