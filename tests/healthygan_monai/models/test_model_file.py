"""A model is named by its run folder, by its file, or by the folder of its bundle, everywhere."""

import shutil

import pytest

from healthygan_monai import load_model
from healthygan_monai.cli.main import main
from healthygan_monai.exchange.model_facts import model_facts
from healthygan_monai.models.places import bundle_around, model_file
from healthygan_monai.paths import bundle_root
from healthygan_monai.scoring import read_scores


@pytest.fixture
def bundle(tmp_path):
    """A copy of the bundle, which a command may write in."""
    return shutil.copytree(bundle_root(), tmp_path / "bundle")


def test_a_run_its_model_and_a_bundle_name_a_file(trained, bundle):
    assert model_file(trained) == model_file(trained / "model.pt") == trained / "model.pt"
    assert model_file(bundle) == bundle / "models" / "model.pt"
    assert bundle_around(model_file(bundle)) == bundle
    assert bundle_around(model_file(trained)) is None
    run = shutil.copytree(trained, bundle / "00000-run")
    assert bundle_around(model_file(run)) is None, "a run that lies in a bundle"


def test_infer_takes_what_load_model_takes(bundle, tiny_data, tmp_path, capsys):
    for named, output in ((bundle, tmp_path / "a"), (bundle / "models/model.pt", tmp_path / "b")):
        assert main(["infer", str(named), str(tiny_data), "--output", str(output)]) == 0
    ours, theirs = ([row.score for row in read_scores(tmp_path / n / "scores.csv")] for n in "ab")
    assert ours == theirs and ours
    assert load_model(bundle).image_size == 128


def test_infer_writes_into_eval_of_a_bundle_and_asks_for_images(bundle, tiny_data, capsys):
    before = sorted((bundle / "models").iterdir())
    assert main(["infer", str(bundle), str(tiny_data)]) == 0
    assert (bundle / "eval" / "scores.csv").is_file()
    assert sorted((bundle / "models").iterdir()) == before
    capsys.readouterr()
    assert main(["infer", str(bundle)]) == 2
    assert "a bundle has no data set of its own; give one." in capsys.readouterr().err


def test_an_export_knows_the_bundles_own_model_and_the_size_of_another(bundle):
    assert model_facts(bundle_root()).of_bundle
    facts = model_facts(bundle)
    assert not facts.of_bundle and facts.image_size == 128
