"""One iteration with the pretrained critic, against the same steps written out plainly."""

import copy

import pytest
import torch
from ignite.engine import Events
from torch import nn

from healthygan_monai.errors import Diverged
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.networks import make_generator
from healthygan_monai.pretrained.augmentation import adapted, view
from healthygan_monai.pretrained.critic import PretrainedCritic
from healthygan_monai.pretrained.trainer import PretrainedCriticTrainer

PRICE, RATIO = 2.0, 5.0


def batches(count: int) -> list[dict[str, torch.Tensor]]:
    draw = torch.Generator().manual_seed(1)
    return [
        {
            "mixed": torch.rand(2, 1, 32, 32, generator=draw) * 2 - 1,
            "healthy": torch.rand(2, 1, 32, 32, generator=draw) * 2 - 1,
            "views": torch.rand(2, 4, 6, generator=draw),
        }
        for _ in range(count)
    ]


def networks(translation: str = "additive") -> tuple[nn.Module, PretrainedCritic]:
    torch.manual_seed(0)
    critic = PretrainedCritic("resnet18", "random", side=32, channels=4, adapt=True)
    return make_generator(1, 2, 1, translation), critic


def trained(generator, critic, data, **loss):
    rows = []
    trainer = PretrainedCriticTrainer(
        "cpu",
        len(data),
        len(data),
        data,
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.SGD(generator.parameters(), 1e-2),
        critic_optimizer=torch.optim.SGD(critic.parameters(), 1e-2),
        loss=HealthyGANLoss(lambda_adv_healthy=0, price=PRICE, price_healthy=RATIO, **loss),
    )
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: rows.append(e.state.output))
    trainer.run()
    return rows


def test_a_step_is_hinge_loss_for_the_heads_and_realness_less_the_price_for_the_generator():
    generator, critic = networks()
    other, heads = copy.deepcopy(generator), copy.deepcopy(critic)
    (batch,) = data = batches(1)
    (row,) = trained(generator, critic, data)

    views = batch["views"]
    mixed, healthy = (view(batch[n], views[:, i], 1.0) for i, n in enumerate(("mixed", "healthy")))
    heads.train()
    change, change_healthy = other(mixed), other(healthy)
    fake = heads.features(view(mixed + change, views[:, 2], 1.0))
    real = heads.features(view(healthy, views[:, 3], 1.0))
    both = heads([torch.cat([r, f.detach()]) for r, f in zip(real, fake, strict=True)])
    of_real, of_fake = both.chunk(2)
    loss_d = torch.relu(1 - of_real).mean() + torch.relu(1 + of_fake).mean()
    step = torch.optim.SGD(heads.parameters(), 1e-2)
    loss_d.backward()
    step.step()
    paid = PRICE * (change.abs().mean() + RATIO * change_healthy.abs().mean())
    loss_g = -heads(fake).mean() + paid
    step = torch.optim.SGD(other.parameters(), 1e-2)
    step.zero_grad()
    loss_g.backward()
    step.step()

    assert row["loss_d"].item() == pytest.approx(loss_d.item(), rel=1e-5)
    assert row["loss_g"].item() == pytest.approx(loss_g.item(), rel=1e-5)
    for ours, plain in ((generator, other), (critic, heads)):
        for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)
    assert critic.strength == adapted(torch.ones(()), torch.sign(of_real.mean(1)).mean())


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_masked_translation_pays_the_price_on_eq_5_to_7(weight):
    generator, critic = networks("masked")
    (row,) = trained(generator, critic, batches(1), lambda_f=0.2)
    loss = PRICE * (row["g_id"] + row["g_rec"] + 0.2 * row["g_focus"]) + row["g_adv"]
    assert row["loss_g"].item() == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_healthy_images_are_asked_about_too_where_eq_4_has_a_weight_for_them(weight, monkeypatch):
    generator, critic = networks()
    data = batches(1)
    trainer = PretrainedCriticTrainer(
        "cpu",
        1,
        1,
        data,
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.SGD(generator.parameters(), 0.0),
        critic_optimizer=torch.optim.SGD(critic.parameters(), 0.0),
        loss=HealthyGANLoss(lambda_adv_healthy=weight),
    )
    asked, features = [], critic.features
    monkeypatch.setattr(critic, "features", lambda x: asked.append(len(x)) or features(x))
    trainer.run()
    assert trainer.state.output["g_adv_healthy"] != trainer.state.output["g_adv"]
    assert asked == [2, 4]  # real images, then both sets translated


def test_the_frozen_network_does_not_change():
    generator, critic = networks()
    before = [p.clone() for p in critic._frozen[0].parameters()]
    trained(generator, critic, batches(3))
    assert all(
        torch.equal(a, b) for a, b in zip(before, critic._frozen[0].parameters(), strict=True)
    )


def test_the_price_rises_in_a_line_over_the_warm_up_and_then_stays():
    rows = trained(*networks(), batches(3), price_warmup=2)
    paid = [row["loss_g"] - row["g_adv"] for row in rows]
    changes = [row["g_change"] + RATIO * row["g_change_healthy"] for row in rows]
    for part, price, change in zip(paid, (PRICE / 2, PRICE, PRICE), changes, strict=True):
        torch.testing.assert_close(part, price * change)


class Brittle(nn.Module):
    """A user's own network whose maps are infinite for images with light pixels."""

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [nn.functional.avg_pool2d(x, 8) / (x.amax() < 0.5).float()]


def test_a_network_of_the_users_own_that_breaks_later_is_named(tmp_path):
    torch.jit.script(Brittle()).save(str(tmp_path / "own.ts"))
    critic = PretrainedCritic(str(tmp_path / "own.ts"), side=32, channels=4)
    with pytest.raises(Diverged, match=r"own\.ts.*--set critic_backbone=NAME or FILE"):
        trained(make_generator(1, 2, 1, "additive"), critic, batches(1))
    broken = [{**each, "healthy": each["healthy"] * float("nan")} for each in batches(1)]
    with pytest.raises(Diverged, match="values that are not finite") as caught:
        trained(make_generator(1, 2, 1, "additive"), critic, broken)
    assert "critic_backbone" not in str(caught.value)  # the images are at fault
