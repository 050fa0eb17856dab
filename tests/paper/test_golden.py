"""The trainer reproduces the published implementation, number by number, in float64."""

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from ignite.engine import Events

from healthygan_monai.composition import compose_healthy, split_output
from healthygan_monai.exchange.authors_checkpoint import generator_from_authors, load_authors_file
from healthygan_monai.losses import HealthyGANLoss, focus_size, focus_zero_one
from healthygan_monai.networks import Discriminator, Generator
from healthygan_monai.scoring import difference_map, image_score
from healthygan_monai.trainer import HealthyGANTrainer
from healthygan_monai.training.handlers import LearningRate

TOLERANCE = 1e-9
SIGN_AND_NAME = {  # the authors' names: ours, and the sign that turns one into the other
    "D/loss_real": (-1, "d_real"),
    "D/loss_fake": (1, "d_fake"),
    "D/loss_gp": (1, "gp"),
    "G/loss_fake": (1, "g_adv"),
    "G/loss_fake_id": (1, "g_adv_healthy"),
    "G/loss_rec": (1, "g_rec"),
    "G/loss_id": (1, "g_id"),
    "G/loss_mask": (1, "g_focus"),
}


class MaskParts(HealthyGANLoss):
    """The loss under test, remembering the parts of Eq. 7 that the trainer does not report."""

    def generator_objective(self, critic, mixed, healthy):
        for name, translated in (("OT", mixed), ("OO", healthy)):
            mask = translated.mask.detach()
            self.seen[f"Mask/{name}_small"] = focus_size(mask).item()
            self.seen[f"Mask/{name}_zo"] = focus_zero_one(mask, self.focus_eps).item()
        return super().generator_objective(critic, mixed, healthy)

    seen: ClassVar[dict] = {}


@pytest.fixture(scope="module")
def repeated(golden: Path):
    """The published run by our trainer: losses by (iteration, name), and the final networks."""
    setting = json.loads((golden / "setting.json").read_text())
    dtype = getattr(torch, setting["dtype"])
    generator = Generator(
        setting["image_channels"], setting["generator_channels"], setting["generator_blocks"]
    ).to(dtype)
    critic = Discriminator(
        setting["image_channels"], setting["critic_channels"], setting["critic_layers"]
    ).to(dtype)
    generator.load_state_dict(generator_from_authors(load_authors_file(golden / "initial-G.ckpt")))
    critic.load_state_dict(load_authors_file(golden / "initial-D.ckpt"))
    arrays = np.load(golden / "steps.npz")
    batches = [
        {"mixed": torch.as_tensor(a), "healthy": torch.as_tensor(b), "alpha": torch.as_tensor(w)}
        for a, b, w in zip(arrays["A"], arrays["B"], arrays["alpha"], strict=True)
    ]
    optimizers = [
        torch.optim.Adam(n.parameters(), lr=setting["lr"], betas=tuple(setting["betas"]))
        for n in (generator, critic)
    ]
    loss = MaskParts(
        **{k: setting[k] for k in setting if k.startswith("lambda_")},
        focus_eps=setting["focus_eps"],
    )
    trainer = HealthyGANTrainer(
        device="cpu",
        max_iterations=setting["iterations"],
        epoch_length=setting["iterations"],
        train_data_loader=batches,
        generator=generator,
        critic=critic,
        generator_optimizer=optimizers[0],
        critic_optimizer=optimizers[1],
        loss=loss,
        n_critic=setting["n_critic"],
        train_handlers=[
            LearningRate(o, setting["iterations"], setting["decay_iterations"]) for o in optimizers
        ],
    )
    seen: dict[int, dict[str, float]] = defaultdict(dict)

    @trainer.on(Events.ITERATION_COMPLETED)
    def remember(engine):
        for name, (sign, ours) in SIGN_AND_NAME.items():
            if ours in engine.state.output:
                seen[engine.state.iteration][name] = sign * float(engine.state.output[ours])
        seen[engine.state.iteration].update(loss.seen)

    trainer.run()
    return seen, generator, critic, arrays


def test_every_loss_of_the_published_run_is_reproduced(golden, repeated):
    compared = set()
    for row in csv.DictReader((golden / "losses.csv").open()):
        ours = repeated[0][int(row["iteration"])].get(row["name"])
        if ours is None:  # raw outputs before the activation, which our generator does not return
            continue
        assert ours == pytest.approx(float(row["value"]), rel=TOLERANCE), row
        compared.add(row["name"])
    assert compared >= set(SIGN_AND_NAME)
    parts = {f"Mask/{mask}_{part}" for mask in ("OT", "OO") for part in ("small", "zo")}
    assert {name for name in compared if name.startswith("Mask/")} == parts


def test_the_final_weights_of_the_published_run_are_reproduced(golden, repeated):
    _, generator, critic, _ = repeated
    published = {
        **generator_from_authors(load_authors_file(golden / "final-G.ckpt")),
        **{f"critic.{k}": v for k, v in load_authors_file(golden / "final-D.ckpt").items()},
    }
    ours = {**generator.state_dict(), **{f"critic.{k}": v for k, v in critic.state_dict().items()}}
    assert ours.keys() == published.keys()
    for name, value in published.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=TOLERANCE, msg=name)


def test_the_final_generator_translates_and_scores_as_published(repeated):
    _, generator, _, arrays = repeated
    probe = torch.as_tensor(arrays["probe"])
    with torch.no_grad():
        intermediate, mask = split_output(generator.eval()(probe))
    healthy = compose_healthy(probe, intermediate, mask)
    for ours, name in ((intermediate, "intermediate"), (mask, "mask"), (healthy, "translated")):
        expected = torch.as_tensor(arrays[f"probe_{name}"])
        torch.testing.assert_close(ours, expected.view_as(ours), rtol=0, atol=TOLERANCE, msg=name)
    score = image_score(difference_map(probe, healthy))
    np.testing.assert_allclose(np.asarray(score), arrays["probe_score"].ravel(), atol=TOLERANCE)
