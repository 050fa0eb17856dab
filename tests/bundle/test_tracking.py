"""``--tracking mlflow``: what MLflow's database holds after a run; skipped without MLflow."""

import importlib.util
import json
import logging
from pathlib import Path

import pytest
from ignite.engine import Events
from places import CONFIGS
from tiny import TRAINING, metrics

from healthygan_monai.cli.main import main
from healthygan_monai.config.messages import root_cause
from healthygan_monai.config.workflow import make_workflow
from healthygan_monai.selection import read_selection
from healthygan_monai.training.tracking import DATABASE, tracking_database, tracking_name

without = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is not None, reason="MLflow is installed"
)
needed = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="pip install 'healthygan-monai[tracking]'"
)


def tracked(runs: Path, data: Path, **overrides):
    settings = {**TRAINING, "log_interval": 2, "runs_dir": str(runs), "dataset_dir": str(data)}
    made = make_workflow("train.json", {**settings, **overrides}, "training", "mlflow")
    made.initialize()
    return made


@without
def test_without_mlflow_the_run_is_refused_and_nothing_is_made(tiny_data, tmp_path):
    with pytest.raises(RuntimeError) as caught:
        tracked(tmp_path / "runs", tiny_data)
    assert "pip install 'healthygan-monai[tracking]'" in str(root_cause(caught.value))
    assert not (tmp_path / "runs").exists()


def test_all_runs_of_a_folder_share_a_database(tmp_path):
    (one, two) = (tracking_database(tmp_path / "runs" / name) for name in ("0-a", "1-b"))
    assert one == two == f"sqlite:///{(tmp_path / 'runs' / DATABASE).resolve().as_posix()}"


def test_a_run_is_named_after_its_folder_and_on_a_server_after_its_place_too(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_name(tmp_path / "00000-a") == "00000-a"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    names = {tracking_name(tmp_path / place / "00000-a") for place in "xy"}
    assert len(names) == 2 and str(tmp_path) not in "".join(names)


def test_rivals_are_not_tracked(tiny_data, capsys):
    assert main(["train", str(tiny_data), "--method", "padim", "--tracking", "mlflow"]) == 2
    assert "--tracking" in capsys.readouterr().err


def test_the_config_has_a_place_for_monais_tracking():
    """MONAI writes its merged config to ``output_dir`` by default, in a second run folder."""
    config = json.loads((CONFIGS / "train.json").read_text())
    assert config["save_execute_config"] is False


@needed
class TestTracked:
    @pytest.fixture(autouse=True)
    def quiet(self, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)

    @staticmethod
    def database(runs: Path):
        import mlflow

        client = mlflow.MlflowClient(tracking_database(runs / "any"))
        (experiment,) = [e for e in client.search_experiments() if e.name == "healthygan"]
        return client, client.search_runs(experiment.experiment_id)

    def test_losses_criteria_and_pictures_are_there(self, tiny_data, tmp_path):
        made = tracked(tmp_path, tiny_data)
        made.run()
        run = made.parser.get_parsed_content("output_dir")
        client, (found,) = self.database(tmp_path)
        assert (found.info.run_name, found.info.status) == (run.name, "FINISHED")

        def history(name: str) -> dict[int, float]:
            return {m.step: m.value for m in client.get_metric_history(found.info.run_id, name)}

        rows = metrics(run)
        for name in set(rows[-1]) - {"iteration", "seconds"}:
            written = {r["iteration"]: r[name] for r in rows if name in r}
            assert history(name) == pytest.approx(written, abs=1e-5), name
        judged = read_selection(run)
        assert history("fid") == pytest.approx({c.iteration: c.fid for c in judged})
        assert history("aucp") == pytest.approx({c.iteration: c.aucp for c in judged})
        assert found.data.params["lambda_gp"] == "10"
        pictures = [a.path for a in client.list_artifacts(found.info.run_id, "images")]
        assert sum(name.endswith(".png") for name in pictures) == len(judged) == 3
        files = {a.path for a in client.list_artifacts(found.info.run_id)}
        assert {"config.json", "selection.csv"} <= files

    def test_a_resumed_run_goes_on_in_the_same_one(self, tiny_data, tmp_path):
        made = tracked(tmp_path, tiny_data)
        trainer = made.parser.get_parsed_content("train#trainer")
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3), lambda _: 1 / 0)
        with pytest.raises(RuntimeError):
            made.run()
        run = made.parser.get_parsed_content("output_dir")
        tracked(tmp_path, tiny_data, resume=str(run)).run()
        _, (found,) = self.database(tmp_path)
        assert (found.info.run_name, found.info.status) == (run.name, "FINISHED")

    def test_through_the_command(self, tiny_data, tmp_path, capsys):
        words = [word for k, v in TRAINING.items() for word in ("--set", f"{k}={v}")]
        arguments = ["train", str(tiny_data), "--runs-dir", str(tmp_path), "--tracking", "mlflow"]
        assert main([*arguments, *words]) == 0
        assert "--tracking mlflow" in capsys.readouterr().out
        assert len(self.database(tmp_path)[1]) == 1
