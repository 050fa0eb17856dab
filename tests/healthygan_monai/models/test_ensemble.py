"""The run folder of an ensemble: what is in it, and which runs cannot be averaged."""

import shutil
from pathlib import Path

import pytest
import torch
from tiny import SIZE, train, write_dataset

from data_prep.datalist import read
from data_prep.errors import UsageError
from data_prep.files import read_json, sha256, write_json
from healthygan_monai.data.lists import load_dataset
from healthygan_monai.inference.kept_out_items import kept_out_items
from healthygan_monai.integrity.recorded import record_sums
from healthygan_monai.models.ensemble import make_ensemble
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.models.scorer import make_scorer
from healthygan_monai.runs import run_folder, save_weights
from healthygan_monai.selection import select

IMAGES = torch.rand(3, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def trained_runs(tiny_data, tmp_path_factory) -> list[Path]:
    """Two runs of an additive translation, seeds 3 and 4; not to be written to."""
    runs = tmp_path_factory.mktemp("runs")
    return [train(runs, tiny_data, seed=s, translation="additive") for s in (3, 4)]


@pytest.fixture
def runs(trained_runs, tmp_path) -> list[Path]:
    """Copies of them."""
    return [shutil.copytree(run, tmp_path / "runs" / run.name) for run in trained_runs]


def change(path: Path, **values) -> None:
    write_json(path, {**read_json(path), **values})


class TestFolder:
    def test_is_numbered_and_named_after_its_members(self, runs):
        folder = make_ensemble(runs)
        assert folder == runs[0].parent / "00002-tiny-ensemble"
        assert {p.name for p in folder.iterdir()} == {
            *("config.json", "run.json", "log.txt", "model.pt")
        }

    def test_may_be_made_elsewhere(self, runs, tmp_path):
        assert make_ensemble(runs, tmp_path / "other").parent == tmp_path / "other"

    def test_run_json_names_the_members_and_says_that_it_is_finished(self, runs, tiny_data):
        found = read_json(make_ensemble(runs) / "run.json")
        assert found["members"] == [
            {"run": run.name, "seed": seed, "weights_sha256": sha256(run / "model.pt")}
            for run, seed in zip(runs, (3, 4), strict=True)
        ]
        assert found["seed"] == [3, 4] and found["finished"]
        assert (found["dataset"], found["data_hash"]) == (
            str(tiny_data),
            read(tiny_data).content_hash,
        )

    def test_the_preparation_of_the_members_is_kept(self, runs):
        change(runs[0] / "run.json", recipe={"kind": "films", "size": 32})
        assert read_json(make_ensemble(runs) / "run.json")["recipe"]["size"] == 32

    def test_config_json_holds_what_the_members_share(self, runs):
        change(runs[1] / "config.json", learning_rate=0.5)
        found, member = (read_json(f / "config.json") for f in (make_ensemble(runs), runs[0]))
        assert member.keys() - found.keys() == {"seed", "learning_rate"}
        assert all(member[key] == value for key, value in found.items())

    def test_the_order_of_the_members_does_not_matter_to_the_score(self, runs):
        scores = [make_scorer(make_ensemble(r) / "model.pt")(IMAGES)[0] for r in (runs, runs[::-1])]
        torch.testing.assert_close(*scores)


def test_it_scores_the_mean_of_its_members_changes(runs):
    changes = [load_generator(load_state(run / "model.pt"))(IMAGES) for run in runs]
    scorer = make_scorer(make_ensemble(runs) / "model.pt")
    scores, maps = scorer(IMAGES)
    mean = torch.stack(changes).mean(0)
    torch.testing.assert_close(maps["difference"], mean.abs().detach() / 2)
    torch.testing.assert_close(scores, mean.abs().detach().mean((1, 2, 3)) / 2)
    assert (scorer.image_size, scorer.seed) == (SIZE, 0)


class TestKeptOut:
    def write(self, run: Path, image: str) -> None:
        text = f"image,section,subject\n{image},training_healthy,healthy0\n"
        (run / "kept_out.csv").write_text(text)

    def test_of_all_members_is_kept_out_of_the_ensemble(self, runs, tiny_data):
        for run in runs:
            self.write(run, "images/healthy0/0.png")
        model = make_ensemble(runs) / "model.pt"
        (item,) = kept_out_items(load_dataset(tiny_data, training=False), model)
        assert item["subject"] == "healthy0"

    @pytest.mark.parametrize("others", [True, False])
    def test_of_some_is_not_and_that_is_said(self, runs, others, caplog):
        self.write(runs[0], "images/healthy0/0.png")
        if others:
            self.write(runs[1], "images/healthy1/0.png")
        with caplog.at_level("INFO"):
            folder = make_ensemble(runs)
        assert not (folder / "kept_out.csv").exists()
        assert "the ensemble has learned from all" in caplog.text

    def test_none_anywhere_needs_no_word(self, runs, caplog):
        with caplog.at_level("INFO"):
            make_ensemble(runs)
        assert "kept out" not in caplog.text


class TestRefused:
    def test_fewer_than_two(self, runs):
        with pytest.raises(UsageError, match="two or more runs; 1 given"):
            make_ensemble(runs[:1])

    def test_the_same_run_twice(self, runs, tmp_path):
        with pytest.raises(UsageError, match="00000-tiny is given twice"):
            make_ensemble([runs[0], runs[1], runs[0]])
        copy = shutil.copytree(runs[0], tmp_path / "copy")
        with pytest.raises(UsageError, match="have the same weights"):
            make_ensemble([runs[0], copy])
        assert not [*runs[0].parent.glob("*ensemble*")]

    @pytest.mark.parametrize(
        ("file", "values", "why"),
        [
            ("run.json", {"finished": None}, "is not finished .healthygan train --resume"),
            ("run.json", {"data_hash": "0"}, "differ in data set"),
            ("run.json", {"members": [{"run": "x", "seed": 0}]}, "is an ensemble itself"),
            ("config.json", {"method": "padim"}, "is a run of padim"),
            ("config.json", {"image_size": 64}, r"differ in image_size \(32 and 64\)"),
            ("config.json", {"recipe": "pretrained"}, "differ in recipe"),
        ],
    )
    def test_a_run_that_does_not_fit(self, runs, file, values, why):
        change(runs[1] / file, **values)
        with pytest.raises(UsageError, match=why):
            make_ensemble(runs)

    def test_another_translation_and_another_size(self, runs, trained):
        with pytest.raises(UsageError, match=r"differ in translation \(additive and masked\)"):
            make_ensemble([runs[0], trained])
        weights = load_state(runs[1] / "model.pt")
        wide = {n: torch.cat([v, v]) if n == "main.0.weight" else v for n, v in weights.items()}
        save_weights(wide, runs[1] / "model.pt")
        record_sums(runs[1])
        with pytest.raises(UsageError, match=r"differ in channels \(2 and 4\)"):
            make_ensemble(runs)

    def test_all_reasons_are_named_at_once(self, runs, tmp_path):
        (runs[1] / "model.pt").unlink()
        data = write_dataset(tmp_path / "data")
        with pytest.raises(UsageError) as told:
            make_ensemble([*runs, data])
        assert "00001-tiny is not finished" in str(told.value)
        assert f"{data} has no run.json and no config.json" in str(told.value)


def test_what_needs_checkpoints_refuses_an_ensemble_and_names_its_members(runs):
    folder = make_ensemble(runs)
    for act in (lambda: select(folder, "fid"), lambda: run_folder("", "", resume=folder)):
        with pytest.raises(UsageError, match=r"an ensemble, .*00000-tiny, 00001-tiny"):
            act()
