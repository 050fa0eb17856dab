"""What ends a training at once, and what is said of a translation while it runs."""

import json
import logging
import re

import pytest
import torch
from ignite.engine import Engine
from tiny import metrics, train

from healthygan_monai.config.messages import user_message
from healthygan_monai.data.pairs import MixedHealthyPairs
from healthygan_monai.errors import Diverged
from healthygan_monai.paths import go_on
from healthygan_monai.training.handlers import MetricsLog
from healthygan_monai.training.states import state_of
from healthygan_monai.training.watch import TranslationWatch, require_finite

PRETRAINED = {
    **{"recipe": "pretrained", "critic_backbone": "resnet18", "critic_weights": "random"},
    **{"critic_size": 32, "critic_channels": 4, "price": 1.0, "kept_out": 0.4},
}


SEARCH = {**PRETRAINED, "price": "auto", "price_folds": 1, "price_iterations": 2}


def break_pair(number: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put a NaN into the mixed image of a pair; the returned list gets its name."""
    pair, broken = MixedHealthyPairs.__getitem__, []

    def with_nan(self: MixedHealthyPairs, k: int) -> dict[str, torch.Tensor]:
        item = pair(self, k)
        if k == number:
            broken.append(self.names(k)[0])
            item["mixed"] = item["mixed"].clone()
            item["mixed"][0, 3, 3] = float("nan")
        return item

    monkeypatch.setattr(MixedHealthyPairs, "__getitem__", with_nan)
    return broken


class TestNumbersThatAreNotFinite:
    @pytest.mark.parametrize("settings", [{}, PRETRAINED], ids=["paper", "pretrained"])
    def test_in_one_image_end_either_training_in_one_line(
        self, settings, tiny_data, tmp_path, monkeypatch
    ):
        """Pair 13 is the second of iteration 4; the checkpoint of iteration 2 can be resumed."""
        broken = break_pair(13, monkeypatch)
        with pytest.raises(RuntimeError) as caught:
            train(tmp_path, tiny_data, **settings, log_interval=1)
        text = user_message(caught.value)
        assert text is not None and "\n" not in text
        assert text.startswith("the training diverged: at iteration 4 ")
        assert f"values that are not finite: {broken[0]}. " in text
        (run,) = tmp_path.iterdir()
        assert "lower learning_rate" in text and f"{go_on(run)} goes on from the last one" in text
        monkeypatch.undo()
        assert [row["iteration"] for row in metrics(run)] == [1, 2, 3]
        train(tmp_path, tiny_data, **settings, log_interval=1, resume=str(run))
        assert [row["iteration"] for row in metrics(run)] == [1, 2, 3, 4, 5, 6]

    def test_before_the_first_checkpoint_propose_a_new_run_alone(
        self, tiny_data, tmp_path, monkeypatch
    ):
        break_pair(1, monkeypatch)
        with pytest.raises(RuntimeError) as caught:
            train(tmp_path, tiny_data)
        text = user_message(caught.value)
        assert text.startswith("the training diverged: at iteration 1 ")
        assert text.endswith(". Begin a new run with a lower learning_rate.")

    @pytest.mark.parametrize(
        ("prices", "remedy"),
        [
            ([5.0], "a lower learning_rate."),
            ([0.5, 5.0, 3.0], "a lower learning_rate, or without this price (--set prices=["),
        ],
    )
    def test_in_a_trial_name_it_and_propose_the_prices_without_it(
        self, prices, remedy, tiny_data, tmp_path, monkeypatch
    ):
        break_pair(1, monkeypatch)
        with pytest.raises(RuntimeError) as caught:
            train(tmp_path, tiny_data, **{**SEARCH, "prices": prices})
        text = user_message(caught.value)
        tried = re.match(
            r"the training diverged: in the trial of price (\S+), fold 0: at iteration 1 ", text
        )
        assert f"Begin a new run with {remedy}" in text and "checkpoint" not in text
        assert float(tried[1]) in prices
        if len(prices) > 1:
            (offered,) = re.findall(r"prices=\[(.*)\]", text)
            assert [float(p) for p in offered.split(",")] == [
                p for p in prices if p != float(tried[1])
            ]

    def test_of_a_gradient_alone_are_seen(self):
        network = torch.nn.Linear(1, 1)
        network(torch.zeros(1, 1)).sqrt().sum().backward()
        network.weight.grad, network.bias.grad = torch.ones(1, 1), torch.tensor([float("inf")])
        batch = {name: torch.zeros(1, 1, 4, 4) for name in ("mixed", "healthy")}
        with pytest.raises(Diverged, match="iteration 7 a gradient of the critic is not finite"):
            require_finite({"loss_d": torch.zeros(())}, {"critic": network}, 7, batch, None)
        network.bias.grad = torch.ones(1)
        require_finite({"loss_d": torch.zeros(())}, {"critic": network}, 7, batch, None)

    def test_are_null_in_metrics_jsonl(self, tmp_path):
        engine = Engine(lambda *_: {"loss": torch.tensor(float("nan")), "gp": float("-inf")})
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
        MetricsLog(tmp_path / "metrics.jsonl", optimizer, 1).attach(engine)
        engine.run([0], max_epochs=1)

        def refuse(name: str) -> None:
            raise ValueError(name)

        row = json.loads((tmp_path / "metrics.jsonl").read_text(), parse_constant=refuse)
        assert (row["loss"], row["gp"], row["lr"]) == (None, None, 0.1)


class TestStates:
    @pytest.mark.parametrize(
        ("mean", "additive", "title"),
        [
            (0.96, False, "The mask is all open"),
            (0.004, False, "The mask is all shut"),
            (0.3, False, None),
            (0.96, True, "Everything changes"),
            (0.0004, True, "Nothing changes"),
            (0.004, True, None),
        ],
    )
    def test_are_told_apart_for_both_translations(self, mean, additive, title):
        found = state_of(mean, additive)
        assert (found and found.title) == title

    @pytest.mark.parametrize(
        ("key", "title", "remedy"),
        [("g_id", "the mask is all shut", "lambda_f."), ("g_change", "nothing changes", "price")],
    )
    def test_are_said_when_entered_and_not_in_the_first_quarter(self, key, title, remedy, caplog):
        """Eight checkpoints of two iterations; only the means of checkpoints count."""
        means = [0, 0, 0.3, 0, 0, 0.3, 0, 0]
        values = [value + step for value in means for step in (0.0001, -0.0001)]
        engine = Engine(lambda _, value: {"mask_mean": torch.tensor(value), key: 0.0})
        watch = TranslationWatch(max_iterations=16)
        watch.attach(engine)
        with caplog.at_level(logging.WARNING):
            engine.run(values, max_epochs=8, epoch_length=2)
        assert [r.getMessage().split(" (")[0] for r in caplog.records] == [
            f"iteration {n}: {title}" for n in (8, 14)
        ]
        assert remedy in caplog.text

    def test_are_said_once_by_a_run(self, tiny_data, tmp_path, monkeypatch):
        """Three checkpoints, the first at a third of the run; here every change counts as none."""
        for limit in ("ALL_OPEN", "NOTHING_CHANGES"):
            monkeypatch.setattr(f"healthygan_monai.training.states.{limit}", 2)
        run = train(tmp_path, tiny_data, **PRETRAINED)
        said = [line for line in (run / "log.txt").read_text().splitlines() if "changes (" in line]
        assert len(said) == 1 and "iteration 2: nothing changes (" in said[0]
