"""Sec. 2.3: what a generator says of an image, as one tensor and as named parts."""

import pytest
import torch
from monai.data import MetaTensor
from torch.testing import assert_close

from healthygan_monai.inferer import HealthyGANInferer, Translationd, split_translation
from healthygan_monai.networks import Generator


class Says(torch.nn.Module):
    """A network that answers the same to every image."""

    def __init__(self, intermediate: float, mask: float) -> None:
        super().__init__()
        self.answer = (intermediate, mask)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        intermediate, mask = self.answer
        return torch.cat([0 * image + intermediate, 0 * image[:, :1] + mask], dim=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_by_hand(channels):
    images = torch.full((2, channels, 4, 6), 0.5)
    pred = HealthyGANInferer()(images, Says(-0.5, 0.25))
    assert pred.shape == (2, 2 * channels + 1, 4, 6)
    healthy, mask, difference = split_translation(pred)
    assert_close(healthy, torch.full_like(images, 0.25))  # -0.5 / 4 + 0.5 * 3 / 4
    assert (mask == 0.25).all() and mask.shape == (2, 1, 4, 6)
    assert_close(difference, torch.full_like(images, 0.125))  # half of 0.25: white on black is 1


def test_the_difference_is_zero_wherever_the_mask_is():
    torch.manual_seed(0)
    pred = HealthyGANInferer()(torch.rand(2, 1, 16, 16) * 2 - 1, Generator(1, 2, 0))
    healthy, mask, difference = split_translation(pred)
    assert (difference <= mask + 1e-6).all()  # |x - x_int| * M / 2, and |x - x_int| is at most 2
    assert healthy.abs().max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_the_parts_of_one_image_are_grey_pictures_and_a_score(channels):
    image = torch.zeros(1, channels, 4, 4)
    image[..., :2] = -1
    pred = HealthyGANInferer()(image, Says(1, 0.5))[0]
    parts = Translationd()({"pred": pred, "image": image[0], "other": "kept"})
    for name in ("healthy", "mask", "difference"):
        assert parts[name].shape == (1, 4, 4)
        assert parts[name].min() >= 0 and parts[name].max() <= 1
    assert_close(parts["healthy"][0, 0], torch.tensor([0.5, 0.5, 0.75, 0.75]))  # shown in [0, 1]
    assert_close(parts["difference"][0, 0], torch.tensor([0.5, 0.5, 0.25, 0.25]))
    assert parts["score"] == pytest.approx(0.375) and isinstance(parts["score"], float)
    assert parts["result"] == {"anomaly_score": parts["score"]}
    assert torch.equal(parts["pred"], parts["difference"])
    assert parts["other"] == "kept" and parts["image"] is not None


def test_the_score_of_three_equal_channels_is_that_of_one():
    torch.manual_seed(0)
    grey = torch.rand(1, 1, 8, 8) * 2 - 1
    one, three = (
        Translationd()({"pred": HealthyGANInferer()(x, Says(0.1, 0.7))[0]})["score"]
        for x in (grey, grey.expand(-1, 3, -1, -1))
    )
    assert one == pytest.approx(three, abs=1e-6)


def test_where_an_image_came_from_survives_for_the_writers():
    image = MetaTensor(torch.zeros(1, 1, 4, 4))
    image.meta["filename_or_obj"] = "p1/0.png"
    pred = HealthyGANInferer()(image, Says(1, 1))
    assert isinstance(pred, MetaTensor)
    assert pred.meta["filename_or_obj"] == "p1/0.png"
