"""The run folder: numbers, provenance, and its files."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from tiny import train

import healthygan_monai
from data_prep.files import read_json
from healthygan_monai.runs import add_log_file, begin_run, end_run, new_run_folder, run_folder


def begin(folder: Path, **settings) -> None:
    begin_run(folder, settings, seed=3, data_hash="abc", dataset="data", device="cpu")


class TestNumbers:
    def test_count_up_whatever_the_name(self, tmp_path):
        names = [new_run_folder(tmp_path, name).name for name in ("demo", "covidx", "demo")]
        assert names == ["00000-demo", "00001-covidx", "00002-demo"]

    def test_go_on_behind_the_highest_and_skip_what_is_no_run(self, tmp_path):
        for name in ("00007-old", "notes", "123-short"):
            (tmp_path / name).mkdir()
        assert new_run_folder(tmp_path, "x").name == "00008-x"

    def test_runs_started_at_once_get_a_folder_each(self, tmp_path):
        with ThreadPoolExecutor(8) as pool:
            folders = list(pool.map(lambda _: new_run_folder(tmp_path, "x"), range(24)))
        assert len(set(folders)) == 24

    @pytest.mark.parametrize(
        ("name", "folder"),
        [("a b/c", "00000-a-b-c"), ("../..", "00000-..-.."), ("ä", "00000-run"), ("", "00000-run")],
    )
    def test_names_make_one_folder_that_every_system_takes(self, tmp_path, name, folder):
        made = new_run_folder(tmp_path / "runs", name)
        assert made.name == folder and made.parent == tmp_path / "runs"

    def test_resuming_takes_the_folder_itself(self, tmp_path):
        folder = new_run_folder(tmp_path, "x")
        begin(folder)
        assert run_folder(tmp_path, "x", resume=str(folder)) == folder
        with pytest.raises(FileNotFoundError, match=r"no config\.json there"):
            run_folder(tmp_path, "x", resume=tmp_path)


class TestProvenance:
    def test_run_json_says_what_where_and_when(self, trained, tiny_data):
        run = read_json(trained / "run.json")
        assert run["version"] == healthygan_monai.__version__
        assert run["torch"] == torch.__version__
        assert (run["seed"], run["device"], run["dataset"]) == (0, "cpu", str(tiny_data))
        assert (
            run["data_hash"] == json.loads((tiny_data / "dataset.json").read_text())["content_hash"]
        )
        assert run["started"] <= run["finished"]

    def test_config_json_holds_the_settings_as_resolved(self, trained):
        config = read_json(trained / "config.json")
        assert config["max_iterations"] == 6 and config["lambda_gp"] == 10
        assert config["decay_iterations"] == 2  # a quarter of 6, rounded
        assert not any("@" in str(v) or "$" in str(v) for v in config.values())

    def test_a_run_is_unfinished_until_it_ends(self, tmp_path):
        begin(tmp_path)
        assert read_json(tmp_path / "run.json")["finished"] is None
        end_run(tmp_path)
        assert read_json(tmp_path / "run.json")["finished"]

    def test_a_second_run_of_a_process_logs_to_its_own_file_only(self, tmp_path):
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            add_log_file(tmp_path / name / "log.txt")
            logging.getLogger("healthygan_monai").warning("this is %s", name)
        assert "this is first" in (tmp_path / "first" / "log.txt").read_text()
        assert "this is second" not in (tmp_path / "first" / "log.txt").read_text()
        assert "this is second" in (tmp_path / "second" / "log.txt").read_text()

    def test_the_same_seed_gives_the_same_run_and_another_seed_another(
        self, trained, tiny_data, tmp_path
    ):
        again, other = (train(tmp_path, tiny_data, seed=seed) for seed in (0, 1))
        first, second, third = (
            torch.load(run / "model.pt", weights_only=True) for run in (trained, again, other)
        )
        assert all(torch.equal(first[k], second[k]) for k in first)
        assert not all(torch.equal(first[k], third[k]) for k in first)


class TestResumedSettings:
    def test_that_differ_are_refused_by_name_and_value(self, tmp_path):
        begin(tmp_path, lambda_id=1, lambda_rec=1, betas=(0.5, 0.9))
        with pytest.raises(ValueError, match=r"lambda_id: 1 then, 2 now; new: None then, 5 now\)"):
            begin(tmp_path, lambda_id=2, lambda_rec=1, betas=(0.5, 0.9), new=5)
        assert read_json(tmp_path / "config.json")["lambda_id"] == 1

    def test_that_agree_keep_the_start_and_add_a_date(self, tmp_path):
        begin(tmp_path, betas=(0.5, 0.9))
        started = read_json(tmp_path / "run.json")["started"]
        begin(tmp_path, betas=[0.5, 0.9])  # JSON knows lists only
        run = read_json(tmp_path / "run.json")
        assert run["started"] == started and len(run["resumed"]) == 1


def test_a_run_of_before_trials_had_batches_of_their_own_goes_on(tmp_path):
    begin(tmp_path, price="auto", prices=[1, 3])
    begin(tmp_path, price="auto", prices=[1, 3], price_batch_size=8)
    with pytest.raises(ValueError, match="price_batch_size: 8 then, 4 now"):
        begin(tmp_path, price="auto", prices=[1, 3], price_batch_size=4)


class TestARunOfBeforeTrialsHadAShare:
    """Its trials kept out what the run did."""

    def test_goes_on_with_that_share(self, tmp_path):
        begin(tmp_path, price="auto", kept_out=0.3)
        begin(tmp_path, price="auto", kept_out=0.3, price_kept_out=0.3)
        assert read_json(tmp_path / "config.json")["price_kept_out"] == 0.3

    def test_and_a_searched_price_is_refused_another(self, tmp_path):
        begin(tmp_path, price="auto", kept_out=0.3)
        with pytest.raises(ValueError, match=r"price_kept_out: 0\.3 then, 0\.2 now"):
            begin(tmp_path, price="auto", kept_out=0.3, price_kept_out=0.2)

    def test_and_a_given_price_takes_any(self, tmp_path):
        begin(tmp_path, price=1.0, kept_out=0.3)
        begin(tmp_path, price=1.0, kept_out=0.3, price_kept_out=0.2)
        assert len(read_json(tmp_path / "run.json")["resumed"]) == 1


def test_samples_are_one_picture_an_epoch_with_four_images_in_four_columns(trained):
    from PIL import Image

    names = sorted(p.name for p in (trained / "samples").iterdir())
    assert names == [f"iter_000000{i}.png" for i in (2, 4, 6)]
    with Image.open(trained / "samples" / names[0]) as picture:
        assert picture.size == (4 * 32, 4 * 32) and picture.mode == "L"


def test_a_run_folder_holds_what_it_should_and_no_more(trained):
    assert {p.name for p in trained.iterdir()} == {
        *("config.json", "run.json", "log.txt", "metrics.jsonl", "tensorboard", "samples"),
        *("checkpoints", "selection.csv", "model.pt"),
    }
