"""Eq. 1 and Eq. 2: the mask shares out an image and its intermediate image; nothing is lost."""

import pytest
import torch
from torch.testing import assert_close

from healthygan_monai.composition import (
    CHANGED,
    compose_healthy,
    compose_reconstruction,
    output_names,
    output_range,
    output_words,
    split_output,
    translate,
)
from healthygan_monai.networks import make_generator


@pytest.fixture
def parts() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    image, intermediate = torch.rand(2, 3, 2, 5, 7, generator=random, dtype=torch.float64) * 2 - 1
    mask = torch.rand(3, 1, 5, 7, generator=random, dtype=torch.float64)
    return image, intermediate, mask


def test_eq1_and_eq2_share_out_the_two_images(parts):
    image, intermediate, _ = parts
    assert_close(compose_healthy(*parts) + compose_reconstruction(*parts), image + intermediate)


def test_a_shut_mask_keeps_the_image_and_an_open_one_takes_the_intermediate_image(parts):
    image, intermediate, mask = parts
    shut, opened = torch.zeros_like(mask), torch.ones_like(mask)
    assert torch.equal(compose_healthy(image, intermediate, shut), image)
    assert torch.equal(compose_healthy(image, intermediate, opened), intermediate)
    assert torch.equal(compose_reconstruction(image, intermediate, shut), intermediate)
    assert torch.equal(compose_reconstruction(image, intermediate, opened), image)


def test_eq2_is_eq1_with_the_mask_turned_over(parts):
    image, intermediate, mask = parts
    assert_close(
        compose_reconstruction(image, intermediate, mask),
        compose_healthy(image, intermediate, 1 - mask),
    )


def test_both_stay_between_the_two_images_pixel_by_pixel(parts):
    image, intermediate, _ = parts
    low, high = torch.minimum(image, intermediate), torch.maximum(image, intermediate)
    for composed in (compose_healthy(*parts), compose_reconstruction(*parts)):
        assert (composed >= low - 1e-12).all() and (composed <= high + 1e-12).all()


def test_a_healthy_image_of_a_perfect_generator_is_left_alone(parts):
    image, _, mask = parts
    assert_close(compose_healthy(image, image, mask), image)


def test_the_mask_of_one_pixel_changes_that_pixel_only(parts):
    image, intermediate, mask = parts
    one = torch.zeros_like(mask)
    one[1, 0, 3, 2] = 0.25
    changed = compose_healthy(image, intermediate, one) - image
    assert_close(changed[1, :, 3, 2], 0.25 * (intermediate - image)[1, :, 3, 2])
    changed[1, :, 3, 2] = 0
    assert not changed.any()


def test_the_mask_is_the_last_channel_of_the_output():
    output = torch.arange(4.0).view(1, 4, 1, 1).expand(2, 4, 3, 3)
    intermediate, mask = split_output(output)
    assert intermediate.shape == (2, 3, 3, 3) and mask.shape == (2, 1, 3, 3)
    assert intermediate[0, :, 0, 0].tolist() == [0, 1, 2] and (mask == 3).all()


@pytest.mark.parametrize("translation", ["masked", "additive"])
def test_what_a_card_says_of_the_output_is_what_a_generator_draws(translation):
    generator = make_generator(2, 4, 1, translation).train()
    with torch.no_grad():  # as loud as it can be
        generator.main[-1].weight *= 1e4
        drawn = generator(torch.randn(2, 2, 16, 16, generator=torch.Generator().manual_seed(0)))
    names = output_names(["image 0", "image 1"], translation)
    assert len(names) == drawn.shape[1] and len(set(names)) == len(names)
    images = drawn[:, : 2 if translation == "masked" else None]
    low, high = output_range(translation)
    assert images.min().item() == pytest.approx(low, abs=1e-3)
    assert images.max().item() == pytest.approx(high, abs=1e-3)
    assert f"[{low}, {high}]" in output_words(translation)
    assert ("mask" in output_words(translation)) == ("mask" in names) == (translation == "masked")


def test_a_change_of_just_the_threshold_is_none():
    change = torch.tensor([2 * CHANGED, 2.1 * CHANGED], dtype=torch.float64).view(1, 1, 1, 2)
    assert translate(torch.zeros_like(change), change).mask.flatten().tolist() == [0, 1]
