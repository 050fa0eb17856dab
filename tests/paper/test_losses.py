"""Eq. 3 to Eq. 9, each against numbers worked out by hand."""

import pytest
import torch
from torch.testing import assert_close

from healthygan_monai.losses import (
    HealthyGANLoss,
    Translated,
    critic_loss,
    focus_loss,
    focus_size,
    focus_zero_one,
    generator_adversarial_loss,
    gradient_penalty,
    identity_loss,
    reconstruction_loss,
)

NO_WEIGHTS = (True, "10", -1e-9, float("nan"), float("inf"))


def constant(value: float, shape=(2, 1, 4, 4)) -> torch.Tensor:
    return torch.full(shape, value, dtype=torch.float64)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_eq3_is_the_mean_of_the_fakes_minus_the_mean_of_the_real():
    real, fake = torch.tensor([[1.0, 3.0], [2.0, 2.0]]), torch.tensor([[0.0, 0.5], [0.5, 1.0]])
    assert critic_loss(real, fake) == pytest.approx(0.5 - 2.0)


def test_eq4_rewards_a_high_critic_value():
    assert generator_adversarial_loss(torch.tensor([1.0, 4.0])) == pytest.approx(-2.5)


def test_eq5_and_eq6_are_mean_absolute_differences():
    assert identity_loss(constant(0.5), constant(-0.25)) == pytest.approx(0.75)
    assert reconstruction_loss(constant(-1), constant(0.5)) == pytest.approx(1.5)


class TestFocusLoss:
    """Eq. 7."""

    def test_zeros_and_ones_cost_nothing_but_their_area(self):
        mask = (random(3, 1, 8, 8) > 0.75).double()
        assert focus_zero_one(mask).item() == pytest.approx(0, abs=1e-12)
        assert focus_loss(mask).item() == pytest.approx(mask.mean().item() ** 2)

    def test_an_undecided_mask_costs_98(self):
        assert focus_zero_one(constant(0.5)).item() == pytest.approx(98.0392, abs=1e-4)
        assert focus_loss(constant(0.5), lambda_fs=0).item() == pytest.approx(100 - 1 / 0.51)

    def test_by_hand(self):
        mask = torch.tensor([0.0, 0.3, 0.5, 1.0], dtype=torch.float64).view(1, 1, 2, 2)
        zero_one = (1 / 0.51 + 1 / 0.21 + 1 / 0.01 + 1 / 0.51) / 4 - 1 / 0.51
        assert focus_loss(mask, 2, 3).item() == pytest.approx(2 * 0.45**2 + 3 * zero_one)

    def test_the_batch_mean_is_squared_as_in_the_code_or_each_image_as_printed(self):
        mask = torch.cat([constant(0, (1, 1, 2, 2)), constant(1, (1, 1, 2, 2))])
        assert focus_size(mask).item() == pytest.approx(0.25)
        assert focus_size(mask, "image").item() == pytest.approx(0.5)

    def test_eps_is_the_least_distance_from_undecided(self):
        assert focus_zero_one(constant(0.5), eps=0.5).item() == pytest.approx(2 - 1)


class TestGradientPenalty:
    """The penalty of Eq. 3."""

    def test_of_a_linear_critic_is_the_distance_of_its_norm_from_one(self):
        weight = random(1, 2, 4, 4)
        penalty = gradient_penalty(
            lambda x: (weight * x).sum((1, 2, 3)),
            random(3, 2, 4, 4, seed=1),
            random(3, 2, 4, 4, seed=2),
            random(3, 1, 1, 1),
        )
        assert_close(penalty, (weight.norm() - 1) ** 2)

    def test_takes_the_gradient_of_the_sum_of_the_patches(self):
        image = random(2, 1, 4, 4)
        patches = lambda x: x[..., :1, :1].repeat(1, 1, 3, 3)  # noqa: E731  nine copies of one pixel
        assert gradient_penalty(patches, image, image, random(2, 1, 1, 1)).item() == (9 - 1) ** 2

    def test_averages_over_images_after_squaring(self):
        healthy = torch.stack([constant(2, (1, 1, 1)), constant(4, (1, 1, 1))])
        # D(x) = x^2 / 2 has gradient x, so the penalty is (|x| - 1)^2 at the interpolated point
        half_square = lambda x: x.square() / 2  # noqa: E731
        alpha = torch.ones(2, 1, 1, 1, dtype=torch.float64)
        at_healthy = gradient_penalty(half_square, healthy, healthy * 0, alpha)
        assert at_healthy.item() == pytest.approx((1 + 9) / 2)

    def test_alpha_weighs_the_healthy_image(self):
        half_square = lambda x: x.square() / 2  # noqa: E731
        alpha = constant(0.25, (1, 1, 1, 1))
        penalty = gradient_penalty(
            half_square, constant(8, (1, 1, 1, 1)), constant(4, (1, 1, 1, 1)), alpha
        )
        assert penalty.item() == pytest.approx((0.25 * 8 + 0.75 * 4 - 1) ** 2)

    def test_teaches_the_critic_and_not_the_generator(self):
        weight = random(1, 1, 4, 4).requires_grad_()
        translated = random(2, 1, 4, 4).requires_grad_()
        gradient_penalty(
            lambda x: (weight * x).sum((1, 2, 3)),
            random(2, 1, 4, 4, seed=1),
            translated,
            random(2, 1, 1, 1),
        ).backward()
        norm = weight.detach().norm()
        assert_close(weight.grad, 2 * (norm - 1) * weight.detach() / norm)
        assert translated.grad is None


class TestObjectives:
    """Eq. 8 and Eq. 9."""

    @staticmethod
    def critic(image: torch.Tensor) -> torch.Tensor:
        """Mean of the image as a patch map of one: gradient 1 / 16 at 16 pixels, norm 1 / 4."""
        return image.mean((1, 2, 3), keepdim=True)

    def translated(self) -> tuple[Translated, Translated]:
        mixed = Translated(constant(0.8), constant(0.2).requires_grad_(), constant(0.75))
        healthy = Translated(constant(-0.4), constant(-0.5).requires_grad_(), constant(0.1))
        return mixed, healthy

    def test_eq8_by_hand(self):
        terms = HealthyGANLoss(lambda_gp=7).discriminator_objective(
            self.critic, constant(0.5), constant(-0.25), random(2, 1, 1, 1)
        )
        assert {k: v.item() for k, v in terms.items()} == pytest.approx(
            {"d_real": 0.5, "d_fake": -0.25, "gp": 0.5625, "loss_d": -0.75 + 7 * 0.5625}
        )

    def test_eq9_by_hand(self):
        weights = HealthyGANLoss(lambda_id=2, lambda_rec=3, lambda_f=0.5, lambda_fs=5, lambda_fz=7)
        terms = weights.generator_objective(self.critic, *self.translated())
        # one for each set, weighed half and half
        focus = [5 * m**2 + 7 * (1 / (abs(m - 0.5) + 0.01) - 1 / 0.51) for m in (0.75, 0.1)]
        parts = {
            "g_adv": -(0.2 * 0.75 + 0.8 * 0.25),
            "g_adv_healthy": -(-0.5 * 0.1 + -0.4 * 0.9),
            "g_id": 0.1,
            "g_rec": 0.25 * 0.6,
            "g_focus": sum(focus) / 2,
        }
        total = parts["g_adv"] + parts["g_adv_healthy"] + 2 * parts["g_id"]
        total += 3 * parts["g_rec"] + 0.5 * parts["g_focus"]
        assert {k: v.item() for k, v in terms.items()} == pytest.approx({**parts, "loss_g": total})

    def test_the_defaults_are_the_papers(self):
        loss = HealthyGANLoss()
        assert (loss.lambda_gp, loss.lambda_id, loss.lambda_rec) == (10, 1, 1)
        assert (loss.lambda_f, loss.lambda_fs, loss.lambda_fz) == (0.1, 1, 1)
        assert (loss.lambda_adv_healthy, loss.reconstruction_moves_mask) == (1, True)
        assert (loss.focus_eps, loss.focus_reduction) == (0.01, "batch")
        assert (loss.price, loss.price_healthy, loss.price_warmup) == (1, 1, 0)

    def test_the_penalty_on_batches_of_different_content_matches_two_separate_passes(self):
        healthy, fake = random(4, 1, 4, 4), random(4, 1, 4, 4, seed=1)
        together = HealthyGANLoss().discriminator_objective(
            self.critic, healthy, fake, random(4, 1, 1, 1)
        )
        assert_close(together["d_real"], self.critic(healthy).mean())
        assert_close(together["d_fake"], self.critic(fake).mean())


class TestOptions:
    """What the method offers beyond the paper does what its name says, and nothing else."""

    @staticmethod
    def trainable(seed: int) -> Translated:
        image, intermediate = random(2, 2, 1, 4, 4, seed=seed) * 2 - 1
        mask = random(2, 1, 4, 4, seed=seed + 10)
        return Translated(image, intermediate.requires_grad_(), mask.requires_grad_())

    def test_without_lambda_adv_healthy_the_critic_sees_translated_mixed_images_only(self):
        mixed, healthy = self.trainable(0), self.trainable(1)
        seen = []

        def critic(image):
            seen.append(image.detach())
            return image.mean((1, 2, 3))

        terms = HealthyGANLoss(lambda_adv_healthy=0).generator_objective(critic, mixed, healthy)
        assert_close(torch.cat(seen), mixed.healthy.detach())
        assert terms["g_adv_healthy"] == 0
        assert_close(
            terms["loss_g"],
            terms["g_adv"] + terms["g_id"] + terms["g_rec"] + 0.1 * terms["g_focus"],
        )

    def test_a_batch_of_any_size_is_parted_into_its_two_sets(self):
        mixed, healthy = (
            Translated(
                constant(v, (3, 1, 4, 4)), constant(v, (3, 1, 4, 4)), constant(0, (3, 1, 4, 4))
            )
            for v in (0.5, -0.25)
        )
        critic = lambda image: image.mean((1, 2, 3))  # noqa: E731
        terms = HealthyGANLoss()._adversarial(critic, mixed, healthy)
        assert [term.item() for term in terms] == [-0.5, 0.25]

    def test_lambda_adv_healthy_weighs_its_term(self):
        mixed, healthy = self.trainable(0), self.trainable(1)
        critic = lambda image: image.square().mean((1, 2, 3))  # noqa: E731
        one, three = (
            HealthyGANLoss(lambda_adv_healthy=w).generator_objective(critic, mixed, healthy)
            for w in (1, 3)
        )
        assert_close(three["loss_g"] - one["loss_g"], 2 * one["g_adv_healthy"])

    @pytest.mark.parametrize("moves", [True, False])
    def test_reconstruction_moves_mask_only_where_it_may(self, moves):
        mixed, healthy = self.trainable(0), self.trainable(1)
        loss = HealthyGANLoss(lambda_f=0, reconstruction_moves_mask=moves)
        terms = loss.generator_objective(lambda image: 0 * image, mixed, healthy)
        terms["loss_g"].backward()
        assert (mixed.mask.grad.abs().max() > 0).item() is moves
        expected = (1 - mixed.mask) * (mixed.image - mixed.intermediate).abs()
        assert_close(terms["g_rec"], expected.mean())  # Eq. 6 itself is the same either way
        assert mixed.intermediate.grad.abs().max() > 0

    def test_focus_reduction_reaches_the_objective(self):
        mixed, healthy = self.trainable(0), self.trainable(1)
        terms = HealthyGANLoss(lambda_fz=0, focus_reduction="image").generator_objective(
            lambda image: 0 * image, mixed, healthy
        )
        areas = [t.mask.detach().mean((1, 2, 3)).square().mean() for t in (mixed, healthy)]
        assert_close(terms["g_focus"].detach(), sum(areas) / 2)

    def test_the_price_rises_in_a_line_over_the_warm_up_and_stays(self):
        loss = HealthyGANLoss(price=3.0, price_warmup=4, lambda_id=5)
        assert [loss.at(i).price for i in (1, 2, 3, 4, 5)] == [0.75, 1.5, 2.25, 3, 3]
        assert loss.at(2).lambda_id == 5
        assert HealthyGANLoss(price=None, price_warmup=4).at(1).price is None

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ({"focus_reduction": "sum"}, "focus_reduction is 'sum'"),
            ({"focus_eps": 0}, "positive"),
            ({"focus_eps": float("nan")}, "positive"),
            *[({"lambda_gp": v}, "lambda_gp is .*; expected a number, 0") for v in NO_WEIGHTS],
            ({"price_healthy": -1}, "price_healthy is -1; expected a number, 0 or more"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, option, message):
        with pytest.raises(ValueError, match=message):
            HealthyGANLoss(**option)
