"""One iteration of Sec. 2.2 against a plain transcription of the published loop."""

import copy
from collections import Counter

import pytest
import torch
from ignite.engine import Events
from tiny import forget_ranks
from torch.testing import assert_close

from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.networks import Discriminator, Generator
from healthygan_monai.trainer import HealthyGANTrainer

Batch = dict[str, torch.Tensor]


def batches(count: int, dtype=torch.float64, size=(3, 2, 16, 24)) -> list[Batch]:
    random = torch.Generator().manual_seed(5)
    draw = lambda *shape: torch.rand(shape, generator=random, dtype=dtype)  # noqa: E731
    return [
        {**{k: draw(*size) * 2 - 1 for k in ("mixed", "healthy")}, "alpha": draw(size[0], 1, 1, 1)}
        for _ in range(count)
    ]


def networks(dtype=torch.float64) -> tuple[Generator, Discriminator]:
    torch.manual_seed(3)
    return Generator(2, 3, 1).to(dtype), Discriminator(2, 5, 2).to(dtype)


def optimizers(generator, critic) -> list[torch.optim.Optimizer]:
    return [
        torch.optim.Adam(n.parameters(), lr=1e-2, betas=(0.5, 0.999)) for n in (generator, critic)
    ]


def make_trainer(
    generator, critic, data, *, steps: list[torch.optim.Optimizer] | None = None, **options
) -> HealthyGANTrainer:
    steps = steps or optimizers(generator, critic)
    settings = {"max_iterations": len(data), "epoch_length": len(data), **options}
    return HealthyGANTrainer(
        device="cpu",
        train_data_loader=data,
        generator=generator,
        critic=critic,
        generator_optimizer=steps[0],
        critic_optimizer=steps[1],
        **settings,
    )


def published_loop(generator, critic, data: list[Batch], n_critic: int) -> list[dict[str, float]]:
    """The authors' order of operations, written out: every pass on its own, all gradients kept."""
    of_generator, of_critic = optimizers(generator, critic)

    def translate(x):
        raw = generator.main(x)
        image, mask = torch.tanh(raw[:, :-1]), (torch.tanh(raw[:, -1:]) + 1) / 2
        return image, mask, image * mask + x * (1 - mask)

    def focus(mask):
        small = (mask.sum() / mask.numel()) ** 2
        return small + (1 / ((mask - 0.5).abs() + 0.01)).sum() / mask.numel() - 1 / 0.51

    losses = []
    for i, batch in enumerate(data):
        a, b, alpha = batch["mixed"], batch["healthy"], batch["alpha"]
        loss_real = -critic(b).mean()
        fake = translate(a)[2]
        loss_fake = critic(fake.detach()).mean()
        between = (alpha * b + (1 - alpha) * fake).detach().requires_grad_(True)
        out = critic(between)
        slope = torch.autograd.grad(out, between, torch.ones_like(out), create_graph=True)[0]
        penalty = ((slope.view(len(a), -1).pow(2).sum(1).sqrt() - 1) ** 2).mean()
        loss_d = loss_real + loss_fake + 10 * penalty
        of_generator.zero_grad()
        of_critic.zero_grad()
        loss_d.backward()
        of_critic.step()
        losses.append({"loss_d": loss_d.item(), "gp": penalty.item()})
        if (i + 1) % n_critic == 0:
            image_a, mask_a, healthy_a = translate(a)
            image_b, mask_b, healthy_b = translate(b)
            rebuilt = a * mask_a + image_a * (1 - mask_a)
            loss_g = (
                -critic(healthy_a).mean()
                - critic(healthy_b).mean()
                + (b - image_b).abs().mean()
                + (a - rebuilt).abs().mean()
                + 0.1 * (0.5 * focus(mask_a) + 0.5 * focus(mask_b))
            )
            of_generator.zero_grad()
            of_critic.zero_grad()
            loss_g.backward()
            of_generator.step()
            losses[-1]["loss_g"] = loss_g.item()
    return losses


@pytest.mark.parametrize("n_critic", [1, 2, 3])
def test_training_equals_the_published_order_of_operations(n_critic):
    data = batches(7)
    ours, theirs = networks(), copy.deepcopy(networks())
    expected = published_loop(*theirs, data, n_critic)
    trainer = make_trainer(*ours, data, n_critic=n_critic)
    seen = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED,
        lambda e: seen.append({k: float(v) for k, v in e.state.output.items()}),
    )
    trainer.run()
    for found, published in zip(seen, expected, strict=True):
        assert {k: found[k] for k in published} == pytest.approx(published, rel=1e-9)
    for network, published in zip(ours, theirs, strict=True):
        for (name, ours_), theirs_ in zip(
            network.named_parameters(), published.parameters(), strict=True
        ):
            assert_close(ours_, theirs_, rtol=0, atol=1e-9, msg=name)


class TestUpdates:
    """Which network moves when."""

    def changes(self, **options) -> list[tuple[bool, bool]]:
        """(generator moved, critic moved) of every iteration."""
        both = networks(torch.float32)
        trainer = make_trainer(*both, batches(6, torch.float32), **options)
        states = [copy.deepcopy([n.state_dict() for n in both])]
        moved = []

        @trainer.on(Events.ITERATION_COMPLETED)
        def compare(engine):
            now = copy.deepcopy([n.state_dict() for n in both])
            moved.append(
                tuple(
                    any(not torch.equal(v, old[k]) for k, v in new.items())
                    for new, old in zip(now, states[-1], strict=True)
                )
            )
            states.append(now)

        trainer.run()
        return moved

    def test_the_critic_moves_in_every_iteration_and_the_generator_in_every_second(self):
        assert self.changes() == [(False, True), (True, True)] * 3

    def test_n_critic_3(self):
        assert self.changes(n_critic=3) == [(False, True), (False, True), (True, True)] * 2

    def test_every_update_of_the_critic_gets_a_fresh_batch(self):
        data = batches(6)
        seen = []

        class Watched(HealthyGANLoss):
            def discriminator_objective(self, critic, healthy, translated, alpha):
                seen.append(healthy)
                return super().discriminator_objective(critic, healthy, translated, alpha)

        make_trainer(*networks(), data, loss=Watched()).run()
        assert all(torch.equal(s, d["healthy"]) for s, d in zip(seen, data, strict=True))

    def test_the_generators_update_leaves_no_gradient_in_the_critic(self):
        generator, critic = networks()
        steps = optimizers(generator, critic)
        trainer = make_trainer(generator, critic, batches(2), steps=steps)
        after_critic = {}
        step = steps[1].step

        def remember(*args, **kwargs):
            after_critic.update({n: p.grad.clone() for n, p in critic.named_parameters()})
            return step(*args, **kwargs)

        steps[1].step = remember
        trainer.run()  # its second and last iteration updates both
        assert all(torch.equal(p.grad, after_critic[n]) for n, p in critic.named_parameters())
        assert all(p.requires_grad for p in critic.parameters())

    def test_only_one_generator_pass_an_iteration(self):
        generator, critic = networks()
        sizes = []
        generator.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
        make_trainer(generator, critic, batches(4)).run()
        assert sizes == [3, 6, 3, 6]  # mixed alone, then both sets together

    def test_networks_are_in_training_mode_even_after_a_validation(self):
        generator, critic = networks()
        trainer = make_trainer(generator, critic, batches(2))
        modes = []
        trainer.add_event_handler(Events.ITERATION_STARTED, lambda _: generator.eval())
        generator.register_forward_hook(lambda m, *_: modes.append(m.training))
        trainer.run()
        assert modes == [True, True]


class TestOutput:
    def test_the_generators_terms_stay_until_its_next_update(self):
        trainer = make_trainer(*networks(), batches(5))
        seen = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: seen.append(e.state.output))
        trainer.run()
        assert seen[1].keys() == seen[2].keys() > seen[0].keys()
        assert [s["loss"] for s in seen] == [
            *(seen[0]["loss_d"], seen[1]["loss_g"], seen[1]["loss_g"]),
            *(seen[3]["loss_g"], seen[3]["loss_g"]),
        ]
        assert not any(value.requires_grad for output in seen for value in output.values())

    def test_mask_statistics_are_those_of_the_mixed_set(self):
        generator, critic = networks()
        data = batches(2)
        with torch.no_grad():
            masks = [generator(b["mixed"])[:, -1:] for b in data]
        trainer = make_trainer(generator, critic, data)
        seen = []
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: seen.append(e.state.output))
        trainer.run()  # the generator moves only at the end of the second iteration
        for output, mask in zip(seen, masks, strict=True):
            assert_close(output["mask_mean"].double(), mask.mean(), rtol=1e-6, atol=0)
            assert_close(output["mask_std"].double(), mask.std(), rtol=1e-6, atol=0)


class TestLength:
    def counts(self, iterations: int, **options) -> dict[str, int]:
        seen: Counter[str] = Counter()
        data = batches(9, torch.float32)
        trainer = make_trainer(*networks(torch.float32), data, max_iterations=iterations, **options)
        for event in (Events.ITERATION_COMPLETED, Events.EPOCH_COMPLETED, Events.COMPLETED):
            trainer.add_event_handler(event, lambda _, name: seen.update([name]), event.name)
        trainer.run()
        return dict(seen)

    def test_iterations_are_critic_updates_and_the_last_epoch_may_be_short(self):
        assert self.counts(7, epoch_length=3) == {
            "ITERATION_COMPLETED": 7,
            "EPOCH_COMPLETED": 3,
            "COMPLETED": 1,
        }

    def test_whole_epochs(self):
        assert self.counts(6, epoch_length=3)["EPOCH_COMPLETED"] == 2

    def test_max_epochs_as_other_programs_set_it_ends_training_earlier(self):
        assert self.counts(9, epoch_length=3, max_epochs=1)["ITERATION_COMPLETED"] == 3

    def test_a_finished_run_is_left_as_it_is(self):
        generator, critic = networks()
        trainer = make_trainer(generator, critic, batches(2))
        trainer.run()
        before = copy.deepcopy(generator.state_dict())
        trainer.run()
        assert trainer.state.iteration == 2
        assert all(torch.equal(v, before[k]) for k, v in generator.state_dict().items())

    @pytest.mark.parametrize("name", ["max_iterations", "epoch_length", "n_critic"])
    def test_nothing_can_be_less_than_one(self, name):
        with pytest.raises(ValueError, match=f"{name} is 0"):
            make_trainer(*networks(), batches(1), **{name: 0})


class TestPrecision:
    def test_mixed_precision_keeps_float32_weights_and_nearly_the_same_losses(self):
        losses = {}
        for amp in (False, True):
            generator, critic = networks(torch.float32)
            inside = []
            generator.main[0].register_forward_hook(
                lambda _, __, out, to=inside: to.append(out.dtype)
            )
            # two iterations: all losses are computed before the generator has moved, and the
            # critic hardly: Adam's first steps have the size of lr, whatever the gradient's
            steps = [torch.optim.Adam(n.parameters(), lr=1e-4) for n in (generator, critic)]
            data = batches(2, torch.float32)
            trainer = make_trainer(generator, critic, data, steps=steps, amp=amp)
            trainer.run()
            assert set(inside) == {torch.bfloat16 if amp else torch.float32}
            for network in (generator, critic):
                assert {p.dtype for p in network.parameters()} == {torch.float32}
            losses[amp] = {k: float(v) for k, v in trainer.state.output.items()}
        assert losses[True] == pytest.approx(losses[False], rel=0.05, abs=0.01)
        assert losses[True] != losses[False]

    def test_a_wrapped_pair_of_one_rank_trains_as_the_bare_one(self, tmp_path):
        from torch.nn.parallel import DistributedDataParallel as Wrapped

        data = batches(4)
        bare = networks()
        make_trainer(*bare, data).run()
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{(tmp_path / 'store').as_posix()}", rank=0, world_size=1
        )
        try:
            wrapped = networks()
            make_trainer(*(Wrapped(n) for n in wrapped), data).run()
        finally:
            forget_ranks()
        for one, other in zip(bare, wrapped, strict=True):
            for a, b in zip(one.parameters(), other.parameters(), strict=True):
                assert_close(a, b, rtol=0, atol=1e-12)
