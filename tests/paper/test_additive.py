"""The additive translation: B' = x + m(x), its price, and what scoring leaves out of it."""

import pytest
import torch

from data_prep.errors import UsageError
from healthygan_monai.composition import CHANGED, Added, Translated, translate
from healthygan_monai.inferer import HealthyGANInferer, scores_and_maps, split_translation
from healthygan_monai.losses import HealthyGANLoss, hinge_critic_loss
from healthygan_monai.networks import AdditiveGenerator, generator_sizes, make_generator


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


class TestTranslate:
    def test_as_many_channels_as_the_image_are_a_change_and_one_more_is_eq_1(self, image):
        assert type(translate(image, torch.zeros(2, 1, 16, 16))) is Added
        assert type(translate(image, torch.zeros(2, 2, 16, 16))) is Translated

    def test_an_added_change_is_the_whole_difference(self, image):
        change = torch.randn(2, 1, 16, 16)
        torch.testing.assert_close(translate(image, change).healthy - image, change)

    def test_the_mask_marks_what_changes_visibly(self, image):
        change = torch.zeros_like(image)
        change[:, :, :8] = 2.1 * CHANGED
        change[:, :, 8:] = 1.9 * CHANGED
        assert translate(image, change).mask.mean() == 0.5


class TestGenerator:
    def test_starts_as_good_as_without_a_change(self, image):
        assert AdditiveGenerator(1, 4, 1)(image).abs().max() < 0.1

    def test_brainomalys_form_stays_within_black_and_white(self, image):
        translated = image + make_generator(1, 4, 1, "brainomaly")(image)
        assert translated.abs().max() <= 1

    def test_scoring_counts_a_small_change_for_a_twentieth_and_keeps_the_order(self, image):
        torch.manual_seed(0)
        generator = AdditiveGenerator(1, 4, 1)
        with torch.no_grad():
            generator.main[-1].weight *= 5
            raw, scored = generator.train()(image), generator.eval()(image)
        small = raw.abs() <= 0.04
        assert 0.01 < small.float().mean() < 0.99
        torch.testing.assert_close(scored[small], raw[small] / 20)
        torch.testing.assert_close(scored[~small].abs(), raw[~small].abs() - 0.038)
        order = raw.flatten().argsort()
        assert (scored.flatten()[order].diff() >= 0).all()

    def test_a_mirrored_one_scores_the_mean_of_both_sides(self, image):
        torch.manual_seed(0)
        generator = AdditiveGenerator(1, 4, 1, mirrored=True)
        generator.dead_zone.zero_()
        with torch.no_grad():
            generator.main[-1].weight *= 5
            raw, other = generator.train()(image), generator(image.flip(-1)).flip(-1)
            scored = generator.eval()(image)
            torch.testing.assert_close(generator(image.flip(-1)), scored.flip(-1))
        torch.testing.assert_close(scored, (raw + other) / 2)
        assert (raw - other).abs().max() > 1e-3

    def test_only_an_additive_one_is_mirrored_and_its_weights_say_so(self):
        for mirrored in (False, True):
            weights = make_generator(1, 4, 1, "additive", mirrored=mirrored).state_dict()
            assert generator_sizes(weights)["mirrored"] is mirrored
        for translation in ("masked", "brainomaly"):
            with pytest.raises(UsageError, match=f"additive's alone, not {translation}'s"):
                make_generator(1, 4, 1, translation, mirrored=True)

    @pytest.mark.parametrize("translation", ["masked", "additive", "brainomaly"])
    def test_its_weights_say_which_translation_they_are_of(self, translation, image):
        generator = make_generator(1, 4, 1, translation).eval()
        again = make_generator(**generator_sizes(generator.state_dict())).eval()
        again.load_state_dict(generator.state_dict())
        assert torch.equal(generator(image), again(image))

    def test_an_unknown_translation_is_refused_with_the_nearest(self):
        with pytest.raises(UsageError, match=r"'aditive', did you mean 'additive'\?"):
            make_generator(translation="aditive")


class TestPrice:
    def test_is_paid_for_each_grey_level_and_more_on_healthy_images(self, image):
        mixed = translate(image, torch.full_like(image, 0.5))
        healthy = translate(image, torch.full_like(image, -0.25))
        loss = HealthyGANLoss(price=3.0, price_healthy=10.0, lambda_adv_healthy=0)
        terms = loss.generator_objective(lambda x: x * 0, mixed, healthy)
        assert terms["loss_g"].item() == pytest.approx(3 * (0.5 + 10 * 0.25))

    def test_none_is_free(self, image):
        mixed = translate(image, torch.full_like(image, 0.5))
        loss = HealthyGANLoss(price=None, lambda_adv_healthy=0)
        assert loss.generator_objective(lambda x: x * 0, mixed, mixed)["loss_g"] == 0

    @pytest.mark.parametrize("price", [0, -1.0, float("inf"), float("nan"), "auto", True])
    def test_others_are_refused(self, price):
        with pytest.raises(UsageError, match=r"price is .*; expected a number above 0, or auto"):
            HealthyGANLoss(price=price)

    @pytest.mark.parametrize("iterations", [-1, 1.5])
    def test_a_warm_up_that_is_no_number_of_iterations_is_refused(self, iterations):
        with pytest.raises(UsageError, match=r"price_warmup is .*; expected iterations"):
            HealthyGANLoss(price_warmup=iterations)


def test_the_hinge_loss_is_zero_for_a_critic_that_is_sure_by_one():
    assert hinge_critic_loss(torch.tensor([1.0, 2.0]), torch.tensor([-1.0, -3.0])) == 0
    assert hinge_critic_loss(torch.tensor([0.0]), torch.tensor([0.5])) == 2.5


def test_inference_treats_both_translations_alike(image):
    for translation in ("masked", "additive"):
        pred = HealthyGANInferer()(image, make_generator(1, 4, 1, translation).eval())
        healthy, mask, difference = split_translation(pred)
        assert healthy.shape == mask.shape == difference.shape == image.shape
        torch.testing.assert_close(difference, (image - healthy).abs() / 2)
        scores, maps = scores_and_maps(pred)
        assert set(maps) == {"difference", "mask", "healthy"} and scores.shape == (2,)
