"""Views of images: the same for real and translated ones, differentiable, drawn by nobody."""

import math

import pytest
import torch

from healthygan_monai.pretrained.augmentation import STRENGTHS, TARGET, adapted, view

MIDDLE = torch.full((1, 6), 0.5)  # no turn, no scale, no shift, no flip


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_numbers_in_the_middle_leave_the_image_as_it_is(image):
    torch.testing.assert_close(view(image, MIDDLE, 1.0), image, rtol=0, atol=1e-5)


def test_a_low_fifth_number_mirrors_it(image):
    numbers = MIDDLE.clone()
    numbers[0, 4] = 0.1
    torch.testing.assert_close(view(image, numbers, 1.0), image.flip(-1), rtol=0, atol=1e-5)


def test_what_comes_in_from_outside_is_black():
    white, numbers = torch.ones(1, 1, 32, 32), MIDDLE.clone()
    numbers[0, 2] = 1.0
    moved = view(white, numbers, 2.0)
    assert moved.min() == -1 and moved[..., 16].min() == 1


def test_a_view_moves_real_and_translated_images_alike(image):
    numbers = torch.rand(1, 6)
    both = view(torch.cat([image, image]), numbers.expand(2, -1), 1.5)
    assert torch.equal(both[0], both[1])


def test_strength_0_turns_nothing_and_more_turns_more(image):
    numbers = torch.full((1, 6), 0.9)
    moved = [(view(image, numbers, s) - image).abs().mean() for s in (0.0, 0.2, 1.0)]
    assert moved[0] < 1e-5 < moved[1] < moved[2]
    numbers[:, 4] = 0.1  # a number that flips
    torch.testing.assert_close(view(image, numbers, 0.0), image)
    torch.testing.assert_close(view(image, numbers, torch.zeros(())), image)


def test_gradients_pass_through(image):
    view(image.requires_grad_(), torch.rand(1, 6), 1.0).sum().backward()
    assert image.grad.abs().sum() > 0


def test_the_strength_rises_while_the_critic_is_too_sure_and_stays_in_its_range():
    one = torch.ones(())
    assert adapted(one, torch.tensor(TARGET + 0.1)) > one > adapted(one, torch.tensor(0.0))
    for _ in range(1000):
        one = adapted(one, torch.ones(()))
    assert one == STRENGTHS[1] == 2
    for _ in range(1000):
        one = adapted(one, -torch.ones(()))
    assert one == STRENGTHS[0] == 0.5


def test_the_strength_moves_by_a_hundredth_and_stays_at_the_target():
    two = torch.tensor(1.0)
    assert adapted(two, torch.tensor(1.0)).item() == pytest.approx(1.01)
    assert adapted(two, torch.tensor(-1.0)).item() == pytest.approx(0.99)
    assert adapted(two, torch.tensor(TARGET)) == two


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("flip", [False, True])
def test_each_pixel_shows_the_place_that_its_numbers_say(strength, flip):
    """Two ramps say where a pixel was, in half sides from the middle: up to 10 degrees, 10 % and
    0.075 of a half side, either way, at strength 1.
    """
    side = 32
    at = (torch.arange(side, dtype=torch.float64) + 0.5) * 2 / side - 1
    y, x = torch.meshgrid(at, at, indexing="ij")
    drawn = [0.9, 0.2, 1.0, 0.3, 0.4 if flip else 0.5, 0.7]
    turn, scale, right, down = ((2 * number - 1) * strength for number in drawn[:4])
    angle, scale = turn * math.radians(10), 1 + 0.1 * scale
    mirrored = -x if flip else x
    was_x = scale * (math.cos(angle) * mirrored - math.sin(angle) * y) + 0.075 * right
    was_y = scale * (math.sin(angle) * mirrored + math.cos(angle) * y) + 0.075 * down
    numbers = torch.tensor([drawn], dtype=torch.float64)
    found = view(torch.stack([x, y])[None], numbers, strength)[0]
    inside = torch.maximum(was_x.abs(), was_y.abs()) < 1 - 1 / side
    assert inside.float().mean() > 0.7
    torch.testing.assert_close(found[0][inside], was_x[inside])
    torch.testing.assert_close(found[1][inside], was_y[inside])
