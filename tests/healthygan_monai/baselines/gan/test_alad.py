"""ALAD: the published networks, the six cross-entropies, averaged weights, and the four scores."""

import math

import pytest
import torch
from tiny_gans import count, films, moved, networks, noise, published, tiny
from torch.nn import functional
from torch.nn.utils import parametrize

from healthygan_monai.baselines.gan.alad import Alad, AladSettings
from healthygan_monai.baselines.gan.alad_networks import DiscriminatorXX
from healthygan_monai.baselines.gan.blocks import Dropout, draw_from

HEALTHY = films(8)
NAMES = ["encoder", "generator", "xz", "xx", "zz"]


class Constant(torch.nn.Module):
    """A discriminator with one logit for pairs of equals, and another for all other pairs."""

    def __init__(self, same, other):
        super().__init__()
        self.values = torch.nn.Parameter(torch.tensor([same, other]))

    def forward(self, first, second):
        equal = first.shape == second.shape and torch.equal(first, second)
        return self.values[0 if equal else 1].expand(len(first)), first.flatten(1)


class TestPublishedNetworks:
    def test_weights_of_the_authors_32_pixel_networks(self):
        gan = published(Alad, 32, 3, concatenate="height")
        convs = 3 * 128 * 16 + 128 * 256 * 16 + 256 * 512 * 16
        biases, norms = 128 + 256 + 512, 2 * (128 + 256 + 512)
        assert count(gan.encoder) == convs + biases + norms + 512 * 100 * 16 + 100 == 3_449_572
        assert count(gan.generator) == 100 * 512 * 16 + convs + biases + 3 + norms == 3_449_475
        of_z = 100 * 512 + 512 + 512 * 512 + 512
        joint = (512 * 16 + 512) * 1024 + 1024 + 1025
        assert count(gan.xz) == convs + biases + norms - 2 * 128 + of_z + joint
        xx = 3 * 64 * 25 + 64 + 64 * 128 * 25 + 128
        assert count(gan.xx) == xx + 16 * 8 * 128 + 1  # an image of twice the height
        assert count(gan.zz) == 200 * 64 + 64 + 64 * 32 + 32 + 33

    def test_along_channels_the_first_layer_sees_both_images_at_once(self):
        gan = published(Alad, 32, 3)
        assert gan.xx.features[0].in_channels == 6
        _, features = gan.xx(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32))
        assert features.shape == (1, 8192)

    @pytest.mark.parametrize("side", [64, 128, 256])
    def test_the_feature_layer_has_8192_values_at_any_size(self, side):
        xx = DiscriminatorXX(side, 1, AladSettings().features, "channels")
        with torch.no_grad():
            _, features = xx(*[torch.zeros(1, 1, side, side)] * 2)
        assert features.shape == (1, 8192)

    def test_spectral_norm_everywhere_but_in_the_generator_and_in_last_layers(self):
        gan = published(Alad, 32, 1)

        def normed(network) -> list[bool]:
            kinds = (torch.nn.Conv2d, torch.nn.Linear, torch.nn.ConvTranspose2d)
            layers = [m for m in network.modules() if isinstance(m, kinds)]
            return [parametrize.is_parametrized(m) for m in layers]

        assert not any(normed(gan.generator))
        for network in (gan.encoder, gan.xz, gan.xx, gan.zz):
            *others, last = normed(network)
            assert all(others) and not last

    def test_a_normed_layer_s_largest_singular_value_comes_to_1(self):
        layer = published(Alad, 32, 1).zz.features[0]
        for _ in range(50):
            layer(torch.zeros(1, 200))
        assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) == pytest.approx(
            1, rel=1e-3
        )

    def test_weights_are_drawn_as_published(self):
        gan = published(Alad, 32, 1)
        original = gan.encoder[3].parametrizations.weight.original
        assert float(original.detach().std()) == pytest.approx(0.01, rel=0.02)

    def test_published_settings(self):
        found = AladSettings()
        assert (found.batch_size, found.latent, found.learning_rate) == (32, 100, 2e-4)
        assert found.betas == (0.5, 0.999) and found.ema_decay == 0.999
        assert found.patience == 10 and found.validation_share == 0.25 and found.score == "fm"


class TestLosses:
    def losses(self, gan):
        z = torch.zeros(8, 3)
        return gan.discriminator_losses(HEALTHY, z), gan.generator_losses(HEALTHY, z)

    def test_undecided_discriminators_cost_2_log_2_each(self):
        gan = networks(Alad)
        gan.xz = gan.xx = gan.zz = Constant(0.0, 0.0)
        of_d, of_g = self.losses(gan)
        for loss in of_d.values():
            assert float(loss.detach()) == pytest.approx(2 * math.log(2))
        assert float(of_g["loss_g"].detach()) == pytest.approx(5 * math.log(2))
        assert float(of_g["loss_e"].detach()) == pytest.approx(5 * math.log(2))

    def test_a_sure_d_xx_pays_nothing_and_g_pays_for_both_kinds(self):
        gan = networks(Alad)
        gan.xz, gan.zz, gan.xx = Constant(0.0, 0.0), Constant(0.0, 0.0), Constant(20.0, -20.0)
        of_d, of_g = self.losses(gan)
        assert float(of_d["xx"].detach()) == pytest.approx(0, abs=1e-6)
        assert float(of_g["g_cycle"].detach()) == pytest.approx(40 + 2 * math.log(2), rel=1e-5)

    def test_d_zz_can_be_left_out(self):
        gan = networks(Alad, d_zz=False)
        of_d, _ = self.losses(gan)
        assert list(of_d) == ["xz", "xx"] and "zz" not in gan.optimizers
        assert moved(gan, NAMES, lambda: gan.step(HEALTHY, 0, noise())) == NAMES[:-1]

    def test_logits_match_cross_entropies_of_the_pairs(self):
        gan = networks(Alad).eval()
        z = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
        losses = gan.generator_losses(HEALTHY, z)
        bce = functional.binary_cross_entropy_with_logits
        drawn, code = gan.generator(z), gan.encoder(HEALTHY)
        pairs = {
            "xx": ((HEALTHY, HEALTHY), (HEALTHY, gan.generator(code))),
            "zz": ((z, z), (z, gan.encoder(drawn))),
        }
        cycle = torch.zeros(())
        for name, (same, rebuilt) in pairs.items():
            network = getattr(gan, name)
            cycle = (
                cycle
                + bce(network(*same)[0], torch.zeros(8))
                + bce(network(*rebuilt)[0], torch.ones(8))
            )
        torch.testing.assert_close(losses["g_cycle"], cycle)
        of_g = bce(gan.xz(drawn, z)[0], torch.ones(8)) + cycle
        of_e = bce(gan.xz(HEALTHY, code)[0], torch.zeros(8)) + cycle
        torch.testing.assert_close(losses["loss_g"], of_g)
        torch.testing.assert_close(losses["loss_e"], of_e)

    def test_each_loss_moves_its_own_network(self):
        gan = networks(Alad)
        assert moved(gan, NAMES, lambda: gan.step(HEALTHY, 0, noise())) == NAMES
        of_d, of_g = self.losses(gan)
        assert moved(gan, NAMES, lambda: gan.update(**of_d)) == ["xz", "xx", "zz"]
        _, of_g = self.losses(gan)
        both = {"generator": of_g["loss_g"], "encoder": of_g["loss_e"]}
        assert moved(gan, NAMES, lambda: gan.update(**both)) == ["encoder", "generator"]


class TestAverages:
    def test_they_begin_at_the_weights_and_follow_with_the_decay(self):
        gan = networks(Alad, ema_decay=0.75)
        before = [p.clone() for p in gan.generator.parameters()]
        gan.step(HEALTHY, 0, noise())
        for mean, old, new in zip(
            gan.mean_generator.parameters(), before, gan.generator.parameters(), strict=True
        ):
            torch.testing.assert_close(mean, 0.75 * old + 0.25 * new)

    def test_scores_come_from_them(self):
        gan = networks(Alad).eval()
        before = gan.image_scores(HEALTHY)
        for network in (gan.encoder, gan.generator, gan.xx):
            for parameter in network.parameters():
                parameter.data.add_(1)
        assert torch.equal(gan.image_scores(HEALTHY), before)


@pytest.fixture(scope="module")
def gan():
    """A few steps old, so that its averages are not its weights."""
    made = networks(Alad)
    for iteration in range(3):
        made.train().step(HEALTHY, iteration, noise(iteration))
    return made.eval()


class TestScores:
    def scores(self, gan, kind):
        object.__setattr__(gan.settings, "score", kind)
        with torch.no_grad():
            return gan.image_scores(HEALTHY)

    def test_fm_is_the_l1_distance_of_features(self, gan):
        rebuilt = gan.mean_generator(gan.mean_encoder(HEALTHY))
        same, other = gan.mean_xx(HEALTHY, HEALTHY)[1], gan.mean_xx(HEALTHY, rebuilt)[1]
        torch.testing.assert_close(self.scores(gan, "fm"), (same - other).detach().abs().sum(1))

    def test_l1_and_l2_are_norms_of_the_difference(self, gan):
        difference = (HEALTHY - gan.mean_generator(gan.mean_encoder(HEALTHY))).flatten(1)
        torch.testing.assert_close(self.scores(gan, "l1"), difference.abs().sum(1))
        torch.testing.assert_close(self.scores(gan, "l2"), difference.pow(2).sum(1).sqrt())

    def test_ch_is_the_cross_entropy_to_being_the_same(self, gan):
        logits = gan.mean_xx(HEALTHY, gan.mean_generator(gan.mean_encoder(HEALTHY)))[0]
        torch.testing.assert_close(self.scores(gan, "ch"), -torch.sigmoid(logits).log())

    def test_a_perfect_cycle_scores_zero(self, gan):
        perfect = networks(Alad)
        perfect.mean_encoder = torch.nn.Flatten()
        perfect.mean_generator = torch.nn.Unflatten(1, (1, 16, 16))
        for kind in ("fm", "l1", "l2"):
            assert torch.equal(self.scores(perfect.eval(), kind), torch.zeros(8))

    def test_an_unknown_score_is_refused(self):
        with pytest.raises(ValueError, match="score is 'l3'; expected one of"):
            Alad(score="l3")


class TestDropout:
    def test_it_draws_from_the_given_generator_and_keeps_the_mean(self):
        layer = Dropout(0.2).train()
        draw_from(torch.Generator().manual_seed(0), layer)
        one = layer(torch.ones(10_000))
        draw_from(torch.Generator().manual_seed(0), layer)
        assert torch.equal(layer(torch.ones(10_000)), one)
        assert one.unique().tolist() == [0, 1.25] and one.mean() == pytest.approx(1, abs=0.02)

    def test_it_is_the_identity_when_scoring(self):
        x = torch.ones(5)
        assert Dropout(0.2).eval()(x) is x


def test_the_default_holds_healthy_images_out_and_stops_by_them():
    detector = tiny(Alad, patience=2, validation_share=0.25, max_iterations=8)
    detector.fit(lambda: [HEALTHY])
    assert detector.iterations <= 8
