"""GANomaly: the published networks, Eq. 2 to 6, and who learns from what."""

import math

import pytest
import torch
from tiny_gans import count, films, moved, networks, noise, published, tiny

from healthygan_monai.baselines.gan.ganomaly import (
    Ganomaly,
    GanomalySettings,
    discriminator_loss,
    generator_loss,
)

HEALTHY = films(8)


class TestPublishedNetworks:
    def test_weights_of_the_authors_32_pixel_networks(self):
        gan = published(Ganomaly, 32, 3)
        body = 3 * 64 * 16 + 64 * 128 * 16 + 2 * 128 + 128 * 256 * 16 + 2 * 256
        encoder = body + 256 * 100 * 16
        weights = 100 * 256 + 256 * 128 + 128 * 64 + 64 * 3
        decoder = 16 * weights + 2 * (256 + 128 + 64)
        assert count(gan.generator) == 2 * encoder + decoder == 3_206_528
        assert count(gan.discriminator) == body + 256 * 16 == 663_296

    @pytest.mark.parametrize(("side", "widest"), [(32, 256), (64, 512), (128, 1024), (256, 2048)])
    def test_halvings_go_down_to_4_pixels_and_double_the_channels(self, side, widest):
        with torch.device("meta"):
            gan = published(Ganomaly, side, 1)
            _, features = gan.discriminator(torch.zeros(2, 1, side, side))
            rebuilt, z, z_hat = gan.generator(torch.zeros(2, 1, side, side))
        assert features.shape == (2, widest, 4, 4)
        assert rebuilt.shape == (2, 1, side, side) and z.shape == z_hat.shape == (2, 100)

    def test_published_settings(self):
        found = GanomalySettings()
        assert (found.batch_size, found.epochs, found.learning_rate) == (64, 15, 2e-4)
        assert (found.w_adv, found.w_con, found.w_enc) == (1, 50, 1)
        assert found.betas == (0.5, 0.999) and found.latent == 100 and found.features == 64

    def test_weights_are_drawn_as_published(self):
        gan = published(Ganomaly, 32, 1)
        assert float(gan.generator.encoder1[2].weight.detach().std()) == pytest.approx(
            0.02, rel=0.02
        )
        scales = gan.generator.encoder1[3].weight.detach()
        assert float(scales.mean()) == pytest.approx(1, abs=0.01) and scales.std() == pytest.approx(
            0.02, rel=0.3
        )

    @pytest.mark.parametrize("side", [48, 8])
    def test_a_side_that_cannot_be_halved_is_refused(self, side):
        with pytest.raises(ValueError, match=f"image_size is {side}; expected a power of two"):
            published(Ganomaly, side, 1)


class TestLosses:
    def test_eq_2_to_5_in_closed_form(self):
        ones, zeros = torch.ones(2, 3), torch.zeros(2, 3)
        terms = generator_loss(
            GanomalySettings(), (ones, 2 * ones, zeros), (-ones, zeros, 3 * ones)
        )
        assert terms["g_con"] == 2 and terms["g_enc"] == 4 and terms["g_adv"] == 9
        assert terms["loss_g"] == 9 + 50 * 2 + 4

    def test_an_undecided_discriminator_costs_log_2(self):
        assert discriminator_loss(torch.zeros(5), torch.zeros(3)) == pytest.approx(math.log(2))

    def test_the_discriminator_s_loss_is_half_of_two_cross_entropies(self):
        real, fake = torch.tensor([0.3, -1.0]), torch.tensor([2.0, 0.1])
        bce = torch.nn.functional.binary_cross_entropy
        expected = (bce(real.sigmoid(), torch.ones(2)) + bce(fake.sigmoid(), torch.zeros(2))) / 2
        torch.testing.assert_close(discriminator_loss(real, fake), expected)

    def test_the_discriminator_learns_from_what_was_before_the_generator_s_step(self):
        """Its update is that of a loss on the detached image of the generator not yet moved."""
        gan, twin = networks(Ganomaly), networks(Ganomaly)
        gan.step(HEALTHY, 0, noise())
        twin.train()
        with torch.no_grad():
            rebuilt = twin.generator(HEALTHY)[0]
        loss = discriminator_loss(twin.discriminator(HEALTHY)[0], twin.discriminator(rebuilt)[0])
        twin.update(discriminator=loss)
        for one, other in zip(
            gan.discriminator.parameters(), twin.discriminator.parameters(), strict=True
        ):
            torch.testing.assert_close(one, other)

    def test_a_step_moves_both_networks(self):
        gan = networks(Ganomaly)
        names = ["generator", "discriminator"]
        assert moved(gan, names, lambda: gan.step(HEALTHY, 0, noise())) == names

    def test_a_discriminator_that_has_won_is_drawn_anew(self):
        gan = networks(Ganomaly)
        for parameter in gan.generator.parameters():
            parameter.data.zero_()  # black is drawn, so that the fakes are easily told

        def win(module, inputs, output):
            sign = 1 if inputs[0] is HEALTHY else -1
            return sign * 100 + 0 * output[0], output[1]

        gan.discriminator.classifier.weight.data.fill_(7.0)
        gan.discriminator.register_forward_hook(win)
        assert gan.step(HEALTHY, 0, noise())["loss_d"] < 1e-5
        assert gan.discriminator.classifier.weight.abs().max() < 1


class TestScore:
    def test_eq_6_as_coded(self):
        detector = tiny(Ganomaly)
        detector.fit(lambda: [HEALTHY])
        with torch.no_grad():
            _, z, z_hat = detector.gan.eval().generator(HEALTHY)
        torch.testing.assert_close(detector.score(HEALTHY), (z - z_hat).pow(2).sum(1) / 3)

    def test_networks_that_are_each_other_s_inverse_score_zero(self):
        gan = networks(Ganomaly)
        gan.generator.encoder1 = torch.nn.Flatten()
        gan.generator.decoder = torch.nn.Unflatten(1, (1, 16, 16))
        gan.generator.encoder2 = torch.nn.Flatten()
        assert torch.equal(gan.image_scores(HEALTHY), torch.zeros(8))

    def test_no_score_is_scaled_by_the_others(self):
        """The published code scales to the test set's range: 0 and 1 would always be there."""
        detector = tiny(Ganomaly)
        detector.fit(lambda: [HEALTHY])
        assert detector.score(HEALTHY).min() != 0 and detector.score(HEALTHY).max() != 1
