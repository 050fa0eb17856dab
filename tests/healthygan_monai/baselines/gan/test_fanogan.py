"""f-AnoGAN: the published networks, the two stages, and the score."""

import pytest
import torch
from tiny_gans import count, films, moved, networks, noise, published, tiny

from healthygan_monai.baselines.gan.fanogan import FAnoGAN, FAnoGANSettings
from healthygan_monai.baselines.gan.fanogan_networks import ResidualBlock, layer_norm

HEALTHY = films(8)
NAMES = ["generator", "critic", "encoder"]


def block(inputs, outputs, up):
    """Weights of a residual block: two norms, 3 x 3 without bias, 3 x 3, 1 x 1."""
    middle = outputs if up else inputs
    norms = 2 * inputs + 2 * middle
    return norms + inputs * middle * 9 + middle * outputs * 9 + outputs + inputs * outputs + outputs


class TestPublishedNetworks:
    def test_weights_of_the_authors_64_pixel_networks(self):
        gan = published(FAnoGAN, 64, 1)
        up = sum(block(i, o, True) for i, o in ((512, 512), (512, 256), (256, 128), (128, 64)))
        down = sum(block(i, o, False) for i, o in ((64, 128), (128, 256), (256, 512), (512, 512)))
        start = 9 * 64 + 64
        assert count(gan.generator) == 129 * 8192 + up + 2 * 64 + 64 * 9 + 1 == 8_539_329
        assert count(gan.critic) == start + down + 8193 == 7_490_689
        assert count(gan.encoder) == start + down + 8193 * 128 == 8_531_200

    def test_the_critic_has_8192_features(self):
        gan = published(FAnoGAN, 64, 1)
        with torch.no_grad():
            assert gan.critic.features(torch.zeros(1, 1, 64, 64)).shape == (1, 8192)

    def test_published_settings(self):
        found = FAnoGANSettings()
        assert (found.batch_size, found.epochs, found.latent, found.n_critic) == (64, 7, 128, 5)
        assert found.betas == (0.0, 0.9) and found.lambda_gp == 10 and found.kappa == 1
        assert (found.learning_rate, found.encoder_learning_rate) == (1e-4, 5e-5)

    def test_seven_epochs_then_fifty_thousand_iterations(self):
        found = FAnoGANSettings().resolved(6400, (1, 64, 64))
        assert found.encoder_iterations == 50_000 and found.max_iterations == 700 + 50_000

    def test_half_of_a_set_number_trains_the_encoder(self):
        found = FAnoGANSettings(max_iterations=9).resolved(6400, (1, 64, 64))
        assert (
            found.encoder_iterations == 4
            and networks(FAnoGAN, max_iterations=9).gan_iterations == 5
        )

    def test_resolved_settings_resolve_to_themselves(self):
        once = FAnoGANSettings().resolved(6400, (1, 64, 64))
        assert once.resolved(6400, (1, 64, 64)) == once

    def test_the_critic_s_norm_is_that_of_one_image(self):
        x = torch.randn(3, 4, 5, 5)
        expected = (x - x.mean((1, 2, 3), keepdim=True)) / x.var(
            (1, 2, 3), keepdim=True, correction=0
        ).sqrt()
        torch.testing.assert_close(layer_norm(4)(x), expected, rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize(("up", "side"), [(True, 16), (False, 4)])
    def test_a_block_doubles_or_halves(self, up, side):
        assert ResidualBlock(3, 5, up)(torch.zeros(2, 3, 8, 8)).shape == (2, 5, side, side)

    def test_a_block_whose_convolutions_are_zero_is_its_shortcut(self):
        made = ResidualBlock(3, 5, up=False)
        made.conv2.weight.data.zero_()
        made.conv2.bias.data.zero_()
        x = torch.randn(2, 3, 8, 8)
        torch.testing.assert_close(made(x), torch.nn.functional.avg_pool2d(made.shortcut(x), 2))


class TestStages:
    def test_which_network_each_iteration_moves(self):
        gan = networks(FAnoGAN, max_iterations=6, encoder_iterations=2, n_critic=2)
        found = [
            moved(gan, NAMES, lambda i=i: gan.train().step(HEALTHY, i, noise(i))) for i in range(6)
        ]
        critic, both, encoder = ["critic"], ["generator", "critic"], ["encoder"]
        assert found == [critic, both, critic, both, encoder, encoder]

    def test_the_encoder_s_stage_leaves_the_generator_s_statistics(self):
        gan = networks(FAnoGAN, max_iterations=2, encoder_iterations=1).train()
        before = [b.clone() for b in gan.generator.buffers()]
        gan.step(HEALTHY, 1, noise())
        assert all(torch.equal(a, b) for a, b in zip(before, gan.generator.buffers(), strict=True))

    def test_the_critic_s_loss_in_closed_form(self):
        """A linear critic of slope w: penalty 10 (||w|| - 1)^2, the rest a difference of means."""
        gan = networks(FAnoGAN, max_iterations=2, encoder_iterations=1)

        class Linear(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.w = torch.nn.Parameter(torch.full((256,), 0.25))  # norm 4

            def forward(self, x):
                return x.flatten(1) @ self.w

        gan.critic = Linear()
        gan.optimizers["critic"] = torch.optim.SGD(gan.critic.parameters(), 0.0)
        gan.generator = torch.nn.Sequential(
            torch.nn.Linear(3, 256), torch.nn.Unflatten(1, (1, 16, 16))
        )
        for parameter in gan.generator.parameters():
            parameter.data.zero_()
        terms = gan.critic_step(HEALTHY, noise())
        real = 0.25 * float(HEALTHY.flatten(1).sum(1).mean())
        assert float(terms["gp"].detach()) == pytest.approx(9, rel=1e-4)
        assert float(terms["loss_d"].detach()) == pytest.approx(0 - real + 90, rel=1e-4)

    def test_the_encoder_s_loss_is_the_mean_score_of_the_batch(self):
        gan = networks(FAnoGAN, max_iterations=2, encoder_iterations=1, kappa=3.0)
        gan.train().generator.eval()
        expected = gan.image_scores(HEALTHY).mean()
        torch.testing.assert_close(gan.encoder_step(HEALTHY)["loss_e"], expected)

    def test_codes_stay_within_one(self):
        gan = networks(FAnoGAN)
        assert gan.encoder(100 * HEALTHY).abs().max() <= 1

    def test_more_encoder_iterations_than_iterations_are_refused(self):
        with pytest.raises(
            ValueError, match=r"encoder_iterations is 5; expected .* fewer than max_iterations"
        ):
            FAnoGAN(max_iterations=5, encoder_iterations=5)


class TestScore:
    def test_residual_of_pixels_and_kappa_times_that_of_features(self):
        detector = tiny(FAnoGAN, kappa=2.0)
        detector.fit(lambda: [HEALTHY])
        gan = detector.gan.eval()
        with torch.no_grad():
            rebuilt = gan.generator(gan.encoder(HEALTHY))
            f, g = gan.critic.features(HEALTHY), gan.critic.features(rebuilt)
        pixels = (HEALTHY - rebuilt).pow(2).sum((1, 2, 3)) / 256
        features = (f - g).pow(2).sum(1) / f.shape[1]
        torch.testing.assert_close(detector.score(HEALTHY), pixels + 2 * features)
