"""ALOCC: the published networks, both forms of L_R, one step of D to two of R."""

import math

import pytest
import torch
from tiny_gans import count, films, moved, networks, noise, published, tiny
from torch.nn import functional

from healthygan_monai.baselines.gan.alocc import Alocc, AloccSettings, refinement_loss
from healthygan_monai.baselines.gan.alocc_networks import depth, sides
from healthygan_monai.baselines.gan.blocks import (
    SameConv2d,
    SameConvTranspose2d,
    rmsprop,
    same_padding,
)

HEALTHY = films(8)


def conv(inputs, outputs, norm=True):
    """Weights, biases, scales and offsets of a 5 x 5 layer."""
    return inputs * outputs * 25 + outputs + (2 * outputs if norm else 0)


class TestPublishedNetworks:
    pairs = ((1, 32), (32, 64), (64, 128), (128, 32), (32, 16))
    refiner = sum(conv(*pair) for pair in pairs) + conv(16, 1, False)

    @pytest.mark.parametrize(("side", "left"), [(45, 3), (28, 2)])
    def test_weights_of_the_authors_networks(self, side, left):
        gan = published(Alocc, side, 1)
        body = conv(1, 16, False) + conv(16, 32) + conv(32, 64) + conv(64, 128)
        assert count(gan.refiner) == self.refiner == 373_217
        assert count(gan.discriminator) == body + 128 * left * left + 1

    def test_a_patch_of_45_pixels_comes_back_as_45(self):
        assert sides(45, 4) == [45, 23, 12, 6, 3]
        gan = published(Alocc, 45, 1).eval()
        with torch.no_grad():
            assert gan.rebuilt(torch.zeros(1, 1, 45, 45)).shape == (1, 1, 45, 45)

    @pytest.mark.parametrize(
        ("side", "halvings"), [(28, 3), (32, 3), (45, 3), (64, 3), (128, 4), (256, 5)]
    )
    def test_larger_images_are_narrowed_to_8_pixels_too(self, side, halvings):
        assert depth(side) == halvings

    def test_published_settings(self):
        found = AloccSettings()
        assert (found.batch_size, found.epochs, found.learning_rate) == (128, 40, 0.002)
        assert found.weight == 0.2 and found.noise / 2 == pytest.approx(0.155)
        norm = published(Alocc, 28, 1).refiner.norms[0]
        assert (norm.eps, norm.momentum) == (1e-5, 0.1)


class TestTensorFlowsLayers:
    @pytest.mark.parametrize(
        ("side", "pads"), [(32, (1, 2)), (45, (2, 2)), (28, (1, 2)), (23, (2, 2))]
    )
    def test_the_odd_pixel_of_padding_comes_at_the_end(self, side, pads):
        assert same_padding(side, 5, 2) == pads

    @pytest.mark.parametrize("side", [16, 23])
    def test_the_transposed_convolution_is_the_adjoint(self, side):
        """<conv(x), y> = <x, transposed(y)> for the same weight."""
        down = SameConv2d(2, 3, 5, 2, bias=False)
        up = SameConvTranspose2d(3, 2, 5, 2, bias=False)
        up.weight.data = down.weight.data
        x, y = torch.randn(1, 2, side, side), torch.randn(1, 3, -(-side // 2), -(-side // 2))
        torch.testing.assert_close(
            (down(x) * y).sum(), (x * up(y, (side, side))).sum(), rtol=1e-4, atol=1e-4
        )

    def test_rmsprop_begins_with_a_mean_square_of_1(self):
        weight = torch.nn.Parameter(torch.tensor([1.0]))
        optimizer = rmsprop(iter([weight]), 0.1)
        weight.grad = torch.tensor([2.0])
        optimizer.step()
        assert float(weight.detach()) == pytest.approx(1 - 0.1 * 2 / math.sqrt(0.9 + 0.1 * 4))


class TestLosses:
    def test_the_paper_s_refinement_in_closed_form(self):
        assert refinement_loss(torch.full((2, 1, 4, 4), 0.5), torch.zeros(2, 1, 4, 4), "l2") == 0.25

    def test_the_code_s_refinement_is_not_least_at_the_image(self):
        """Why it is not the default: an image that is all there would be rebuilt as another."""
        target = torch.full((1, 1, 2, 2), 0.5)
        exact, brighter = (
            refinement_loss(torch.full_like(target, v), target, "cross_entropy")
            for v in (0.5, 0.99)
        )
        assert brighter < exact
        p = torch.sigmoid(torch.tensor(0.5))
        assert exact == pytest.approx(float(-(0.75 * p.log() + 0.25 * (1 - p).log())))

    def test_r_s_loss_is_the_sum_of_its_parts(self):
        gan = networks(Alocc, weight=3.0)
        terms = gan.refiner_losses(HEALTHY, HEALTHY)
        torch.testing.assert_close(terms["loss_g"], terms["g_adv"] + 3 * terms["g_refine"])
        logits = gan.discriminator(gan.refiner(HEALTHY))
        bce = functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        torch.testing.assert_close(terms["g_adv"], bce)

    @pytest.mark.parametrize("refine_to", ["clean", "noisy"])
    def test_the_target_is_the_one_asked_for(self, refine_to):
        gan, seen = networks(Alocc, refine_to=refine_to), []
        losses = gan.refiner_losses
        gan.refiner_losses = lambda noisy, target: (
            seen.append((noisy, target)) or losses(noisy, target)
        )
        gan.step(HEALTHY, 0, noise())
        noisy, target = seen[0]
        assert torch.equal(target, HEALTHY if refine_to == "clean" else noisy)
        assert not torch.equal(noisy, HEALTHY) and noisy.abs().max() <= 1

    def test_two_steps_of_r_for_one_of_d(self):
        gan, steps = networks(Alocc), []
        for name, optimizer in gan.optimizers.items():
            optimizer.register_step_post_hook(lambda *_, name=name: steps.append(name))
        gan.step(HEALTHY, 0, noise())
        assert steps == ["discriminator", "refiner", "refiner"]

    def test_each_loss_moves_its_own_network(self):
        gan = networks(Alocc)
        names = ["refiner", "discriminator"]
        assert moved(gan, names, lambda: gan.step(HEALTHY, 0, noise())) == names
        loss = gan.refiner_losses(HEALTHY, HEALTHY)["loss_g"]
        assert moved(gan, names, lambda: gan.update(refiner=loss)) == ["refiner"]

    def test_unknown_kinds_are_refused(self):
        with pytest.raises(
            ValueError, match=r"refinement is 'l3'; expected one of .*refine_to is 'it'"
        ):
            Alocc(refinement="l3", refine_to="it")


class TestScore:
    def test_one_minus_d_of_r_of_x(self):
        detector = tiny(Alocc)
        detector.fit(lambda: [HEALTHY])
        gan = detector.gan.eval()
        with torch.no_grad():
            probability = torch.sigmoid(gan.discriminator(gan.refiner(HEALTHY))).flatten()
        torch.testing.assert_close(detector.score(HEALTHY), 1 - probability)

    def test_or_the_mean_of_the_map_where_that_is_asked_for(self):
        detector = tiny(Alocc, score_by="refinement")
        detector.fit(lambda: [HEALTHY])
        with torch.no_grad():
            refined = detector.gan.eval().refiner(HEALTHY)
        torch.testing.assert_close(
            detector.score(HEALTHY), (HEALTHY - refined).abs().flatten(1).mean(1)
        )

    def test_a_confident_d_does_not_make_ties(self):
        gan = networks(Alocc)
        gan.discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 1))
        gan.refiner = torch.nn.Identity()
        gan.discriminator[1].weight.data.zero_()
        scores = []
        for logit in (30.0, 31.0):
            gan.discriminator[1].bias.data.fill_(logit)
            scores.append(float(gan.image_scores(HEALTHY[:1]).detach()))
        assert scores[0] > scores[1] > 0
