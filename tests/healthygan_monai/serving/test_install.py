"""A model is put where MONAI Label serves it, whole or not at all."""

import json
from pathlib import Path

import pytest
import torch
from served_bundle import ask

from data_prep.files import sha256
from healthygan_monai.cli.serving import main
from healthygan_monai.errors import MissingData
from healthygan_monai.integrity.recorded import record_sums
from healthygan_monai.paths import bundle_root, size_in_metadata
from healthygan_monai.serving.install import install


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """As ``monailabel apps --download`` leaves it, as far as it matters here."""
    folder = tmp_path / "apps" / "monaibundle"
    folder.mkdir(parents=True)
    (folder / "main.py").touch()
    return folder


def refusal(capsys, *words: str | Path, code: int = 2) -> str:
    assert main([str(word) for word in words]) == code
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_is_installed_answers(trained, tiny_data, app, capsys):
    assert main(["install", str(trained), str(app), "--name", "films"]) == 0
    assert f"--app {app}" in capsys.readouterr().out
    bundle = app / "model" / "films"
    assert {p.name for p in bundle.iterdir()} == {"LICENSE", "configs", "docs", "models"}
    assert sha256(bundle / "models" / "model.pt") == sha256(trained / "model.pt")
    assert size_in_metadata(bundle) == 32
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    (pred,) = metadata["network_data_format"]["outputs"].values()
    labels = {v: int(k) for k, v in pred["channel_def"].items() if v != "background"}
    found = ask(bundle, tiny_data / "images" / "test1" / "0.png")["result"]
    assert labels == found["labels"] == {"anomaly": 1}


def test_another_quantile_moves_the_threshold(trained, app):
    cuts = [
        json.loads((install(trained, app, quantile=q) / "models" / "serving.json").read_text())
        for q in (0.5, 0.99)
    ]
    assert cuts[0]["map_threshold"]["value"] < cuts[1]["map_threshold"]["value"]


def test_a_description_beside_the_model_is_taken_where_it_is_of_it(own_run, app, capsys):
    assert main(["describe", str(own_run), "--quantile", "0.5"]) == 0
    told = json.loads((own_run / "serving.json").read_text())
    (own_run / "run.json").unlink()  # the data set is no longer known
    bundle = install(own_run, app)
    assert json.loads((bundle / "models" / "serving.json").read_text()) == told
    weights = torch.load(own_run / "model.pt", weights_only=True)
    torch.save({k: v + 0.01 for k, v in weights.items()}, own_run / "model.pt")
    assert "SHA-256" in refusal(capsys, "install", own_run, app, code=1)
    with pytest.raises(MissingData, match="--dataset"):
        install(own_run, app, accept_changed=True)


def test_a_quantile_goes_before_a_description_beside_the_model(own_run, app):
    assert main(["describe", str(own_run)]) == 0
    assert main(["install", str(own_run), str(app), "--quantile", "0.5"]) == 0
    served = json.loads((app / "model" / "healthygan" / "models" / "serving.json").read_text())
    assert served["map_threshold"]["quantile"] == 0.5


def test_wrong_and_missing_weights_are_refused_and_leave_nothing(own_run, app, capsys):
    weights = torch.load(own_run / "model.pt", weights_only=True)
    (own_run / "model.pt").unlink()
    assert "no such model" in refusal(capsys, "install", own_run, app)
    torch.save({"fc.weight": torch.zeros(2, 2)}, own_run / "model.pt")
    record_sums(own_run)
    assert "not the weights of a HealthyGAN" in refusal(capsys, "install", own_run, app, code=1)
    torch.save(dict(list(weights.items())[:-3]), own_run / "model.pt")
    record_sums(own_run)
    assert "whole generator" in refusal(capsys, "install", own_run, app, code=1)
    assert not (app / "model").exists()


def test_an_earlier_model_stays_where_the_new_one_is_refused(trained, own_run, app, capsys):
    bundle = install(trained, app)
    before = sha256(bundle / "models" / "model.pt")
    (own_run / "run.json").write_text(json.dumps({"dataset": str(own_run / "gone")}))
    record_sums(own_run)
    assert "no such file" in refusal(capsys, "install", own_run, app)
    assert sha256(bundle / "models" / "model.pt") == before
    assert [p.name for p in (app / "model").iterdir()] == ["healthygan"]


def test_wrong_places_and_names_are_refused(trained, app, capsys):
    assert "no MONAI Label app" in refusal(capsys, "install", trained, app.parent)
    named = ("install", trained, app, "--name")
    assert "another kind of model" in refusal(capsys, *named, "film_classification")
    assert "expected letters" in refusal(capsys, *named, "../x")
    (app / "model" / "mine").mkdir(parents=True)
    (app / "model" / "mine" / "notes.txt").touch()
    assert "not a bundle" in refusal(capsys, *named, "mine")
    assert (app / "model" / "mine" / "notes.txt").exists()


def test_the_shipped_model_has_its_description(app):
    root = bundle_root() / "models"
    if not (root / "model.pt").is_file():
        pytest.skip("no model is shipped with this checkout")
    told = json.loads((root / "serving.json").read_text())
    assert told["weights_sha256"] == sha256(root / "model.pt")
    assert (install(root / "model.pt", app) / "models" / "serving.json").is_file()
