"""Refusing what cannot be meant: unknown keys, impossible sizes, devices that are not there."""

import json
import sys
from dataclasses import fields

import pytest
import torch
from monai.bundle import ConfigParser
from places import CONFIGS

from data_prep.datalist import Dataset
from healthygan_monai.config import messages
from healthygan_monai.config.devices import best_device
from healthygan_monai.config.keys import refuse_unknown_keys
from healthygan_monai.config.messages import root_cause
from healthygan_monai.config.ranges import wrong_settings
from healthygan_monai.config.settings import RECORDED, check_settings
from healthygan_monai.errors import ConfigError
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.networks import Discriminator
from healthygan_monai.training.ranks import join_ranks


def refuse(*names: str, own: dict | None = None, **overrides) -> None:
    """Check these configs of the bundle with overrides, as MONAI merges them."""
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / name) for name in names])
    parser.update(pairs={**(own or {}), **overrides})
    refuse_unknown_keys(parser.get(), CONFIGS)


class TestUnknownKeys:
    @pytest.mark.parametrize(
        ("config", "key", "nearest"),
        [
            ("train.json", "lamda_gp", "lambda_gp"),
            ("train.json", "max_iteration", "max_iterations"),
            ("train.json", "train#traner", "train#trainer"),
            ("train.json", "validate#metric", "validate#metrics"),
            ("train.json", "train#trainer#n_crtic", "train#trainer#n_critic"),
            ("train.json", "train#dataset#cache_rat", "train#dataset#cache_rate"),
            ("train.json", "loss#lambda_gpp", "loss#lambda_gp"),
            ("train.json", "optimizer#learning_rat", None),
            ("train_baseline.json", "settings#optons", "settings#options"),
            ("inference.json", "chekpoint", "checkpoint"),
            ("inference.json", "preprocessing#image_siz", "preprocessing#image_size"),
            ("evaluate.json", "bootstraps", "bootstrap"),
            ("train_baseline.json", "metod", "method"),
            ("train_baseline.json", "fitting#checkpoint", "fitting#checkpoints"),
            ("train_baseline.json", "lambda_gp", None),
            ("inference_baseline.json", "handler", "handlers"),
            # keys of the metadata, and of another workflow, do nothing in this one
            ("train.json", "task", None),
            ("train.json", "name", None),
            ("inference.json", "max_iterations", None),
            ("inference.json", "bootstrap", None),
        ],
    )
    def test_are_refused_with_the_nearest(self, config, key, nearest):
        with pytest.raises(ConfigError) as caught:
            refuse(config, **{key: 1})
        assert f"unknown config key {key!r}" in str(caught.value)
        if nearest:
            assert f"did you mean {nearest!r}?" in str(caught.value)

    def test_all_are_named_at_once(self):
        with pytest.raises(ConfigError, match=r"'lamda_gp'.*'sed'.*'loss#eps'"):
            refuse("train.json", lamda_gp=1, sed=1, **{"loss#eps": 1})

    def test_a_component_that_does_not_exist_is_named(self):
        with pytest.raises(
            ConfigError, match=r"loss: healthygan_monai\.losses\.Loss does not exist"
        ):
            refuse("train.json", **{"loss#_target_": "healthygan_monai.losses.Loss"})

    def test_keys_that_a_users_own_file_refers_to_are_known(self):
        own = {"my_rate": 1e-3, "my_losses": {"gp": 3}}
        refuse("train.json", own=own, learning_rate="@my_rate", lambda_gp="$@my_losses#gp * 2")
        with pytest.raises(ConfigError, match="'my_rate'"):
            refuse("train.json", own={"my_rate": 1e-3})

    def test_a_users_own_network_may_take_the_place_of_ours(self):
        refuse("train.json", network_def={"_target_": "torch.nn.Conv2d", "in_channels": 1,
                                          "out_channels": 2, "kernel_size": 1})  # fmt: skip
        with pytest.raises(ConfigError, match="network_def#chanels"):
            refuse("train.json", network_def={"_target_": "torch.nn.Conv2d", "chanels": 1})


class TestSettings:
    """Everything that a run depends on is recorded, and can be overridden where it is recorded."""

    @staticmethod
    def config(name: str) -> dict:
        return json.loads((CONFIGS / name).read_text())

    def test_every_recorded_setting_is_a_key_of_its_own(self, trained):
        assert set(RECORDED) <= set(self.config("train.json"))
        used = json.loads((trained / "config.json").read_text())
        assert list(used) == [*RECORDED, "data_hash"]
        assert used["fid_features"] == "random"  # what "auto" found, never "auto"

    def test_every_key_that_a_number_depends_on_is_recorded(self):
        train = self.config("train.json")
        plain = {
            key
            for key, value in train.items()
            if not isinstance(value, dict)
            and key not in ("imports", "initialize", "run", "training")
        }
        not_of_the_result = {
            *(
                "bundle_root",
                "dataset_dir",
                "runs_dir",
                "resume",
                "device",
                "output_dir",
                "dataset",
            ),
            *("plan", "network", "critic_network", "num_workers", "cache_rate", "log_interval"),
            *("split", "scored"),
            *("checkpoints", "val_interval"),
            *("save_execute_config", "tracking_uri", "experiment_name", "run_name"),
            "settings",
        }
        assert plain - set(RECORDED) == not_of_the_result

    def test_every_weight_reaches_the_loss_and_is_the_papers_without_a_protocol(self, trained):
        names = [field.name for field in fields(HealthyGANLoss)]
        assert self.config("train.json")["loss"] == {
            "_target_": "healthygan_monai.losses.HealthyGANLoss",
            **{name: f"@{name}" for name in names},
            "price": "$1.0 if @price == 'auto' else @price",  # until the search sets it
        }
        used = json.loads((trained / "config.json").read_text())
        assert HealthyGANLoss(**{name: used[name] for name in names}) == HealthyGANLoss()

    def test_inference_and_evaluation_agree_where_they_share(self):
        inference, evaluation = self.config("inference.json"), self.config("evaluate.json")
        shared = (set(inference) & set(evaluation)) - {
            "run",
            "postprocessing",
            "handlers",
            "initialize",
        }
        assert len(shared) >= 20
        assert {k: inference[k] for k in shared} == {k: evaluation[k] for k in shared}
        ours, theirs = (c["postprocessing"]["transforms"] for c in (inference, evaluation))
        assert ours[: len(theirs)] == theirs  # inference saves pictures behind the same steps
        first = evaluation["initialize"]
        assert inference["initialize"][: len(first)] == first  # and lists those it cannot read
        for one, other in zip(inference["handlers"], evaluation["handlers"], strict=True):
            assert one.items() <= other.items()  # evaluation's intervals can be set


class TestCheckSettings:
    dataset = Dataset("study", 32)

    def test_what_fits_passes(self):
        check_settings("fid", self.dataset, 32, [Discriminator(1, 2, 5)])

    @pytest.mark.parametrize(
        ("criterion", "size", "layers", "message"),
        [
            ("auc", 32, 2, "criterion is 'auc'; expected one of ['aucp', 'fid']"),
            ("fid", 30, 2, "image_size is 30"),
            ("fid", 12, 2, "image_size is 12"),
            ("fid", 32, 6, "critic_layers is 6: images of 32 pixels cannot be halved"),
        ],
    )
    def test_what_does_not_is_refused(self, criterion, size, layers, message):
        with pytest.raises(ConfigError) as caught:
            check_settings(criterion, self.dataset, size, [Discriminator(1, 2, layers)])
        assert message in str(caught.value)

    def test_training_at_another_size_than_prepared_is_said(self, caplog):
        check_settings("fid", self.dataset, 64, [])
        assert "training at 64 pixels on images prepared at 32" in caplog.text


class TestDevice:
    @pytest.mark.parametrize(
        ("cuda", "mps", "best"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
    )
    def test_auto_takes_the_best_there_is(self, monkeypatch, cuda, mps, best):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        assert best_device() == torch.device(best)
        assert best_device("cpu") == torch.device("cpu")

    @pytest.mark.parametrize("name", ["gpu", "cuda:77"])
    def test_one_that_is_not_there_is_refused(self, name):
        with pytest.raises(ConfigError, match=f"device '{name}' cannot be used here"):
            best_device(name)

    def test_ranks_need_torchrun(self, monkeypatch):
        monkeypatch.delenv("RANK", raising=False)
        with pytest.raises(ConfigError, match="torchrun --standalone"):
            join_ranks()


class TestShortErrors:
    def error(self) -> RuntimeError:
        """Ours, raised from a reader's, inside of MONAI's."""
        try:
            try:
                try:
                    raise OSError("errno 5")
                except OSError as first:
                    raise ConfigError("key 'x' is unknown.") from first
            except ConfigError as second:
                raise RuntimeError("Failed to evaluate ConfigExpression") from second
        except RuntimeError as outer:
            return outer

    def test_the_error_meant_for_the_user_is_found_between_the_others(self):
        assert str(root_cause(self.error())) == "key 'x' is unknown."

    def test_an_error_meant_for_nobody_stays_what_it_began_as(self):
        inner = KeyError("x")
        outer = RuntimeError("Failed")
        outer.__cause__ = inner
        assert root_cause(outer) is inner

    def test_other_programs_keep_their_own_errors(self, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["/usr/bin/server", "run"])
        before = sys.excepthook
        messages.shorten_errors()
        assert sys.excepthook is before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("max_iterations", 0),
        ("checkpoints", 0),
        ("learning_rate", "abc"),
        ("learning_rate", float("inf")),
        ("price_healthy", -1),
        ("price_warmup", -1),
        ("lambda_f", -0.1),
        ("lambda_rec", None),
        ("focus_eps", 0),
        ("generator_channels", 0),
        ("critic_layers", 1.5),
        ("flip_prob", "abc"),
        ("image_channels", 2),
        ("amp", "maybe"),
        ("mirrored", "maybe"),
        ("betas", 5),
        ("seed", "abc"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named_before_any_work(key, value):
    (problem,) = wrong_settings({key: value})
    assert problem.startswith(f"{key} is {value!r}; expected")


def test_values_that_can_be_meant_and_expressions_pass():
    good = {"batch_size": 8, "learning_rate": 1e-4, "betas": [0.5, 0.999], "amp": True, "seed": 0}
    assert not list(wrong_settings({**good, "max_iterations": "$@plan.max_iterations"}))
