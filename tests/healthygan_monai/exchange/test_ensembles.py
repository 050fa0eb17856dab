"""An ensemble in every form that leaves the project: the same numbers, and true metadata."""

import json
import os

import pytest
import torch
from places import CONFIGS
from processes import warm_python

from healthygan_monai.cli.serving import main as serving
from healthygan_monai.composition import translate
from healthygan_monai.exchange.export import export
from healthygan_monai.exchange.parity import check_images
from healthygan_monai.integrity.recorded import record_sums
from healthygan_monai.models.ensemble import make_ensemble
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.networks import make_generator
from healthygan_monai.runs import save_weights

LOAD = """
import sys, monai.bundle, torch
network = monai.bundle.load("healthygan", bundle_dir=sys.argv[1], device="cpu")
weights = torch.load(sys.argv[1] + "/healthygan/models/model.pt", weights_only=True)
found = network.state_dict()
assert found.keys() == weights.keys(), (list(found)[:3], list(weights)[:3])
assert all(torch.equal(found[name], value) for name, value in weights.items())
print(type(network).__name__)
"""


def write_run(folder, trained, translation: str, seed: int):
    """A finished run with drawn weights, of the data set of another one."""
    folder.mkdir(parents=True)
    for name in ("run.json", "config.json"):
        content = {**json.loads((trained / name).read_text()), "seed": seed}
        (folder / name).write_text(json.dumps(content))
    torch.manual_seed(seed)
    generator = make_generator(1, 2, 1, translation)
    torch.nn.init.normal_(generator.main[-1].weight, std=0.1)
    save_weights(generator.state_dict(), folder / "model.pt")
    record_sums(folder)
    return folder


@pytest.fixture(params=["masked", "additive"])
def ensemble(request, trained, tmp_path):
    runs = [write_run(tmp_path / f"0000{k}-x", trained, request.param, k) for k in range(3)]
    return make_ensemble(runs)


def test_a_file_for_another_runtime_has_its_numbers(form, ensemble, tmp_path):
    pytest.importorskip("onnxruntime")
    output = tmp_path / f"model.{form}"
    assert export(ensemble / "model.pt", output) < 1e-4
    network = load_exported(output)
    assert network.facts.translation == "additive" and network.facts.image_size == 32
    whole = load_generator(load_state(ensemble / "model.pt"))
    for images in check_images(1, 32):
        found, expected = (translate(images, n(images)).healthy for n in (network, whole))
        assert (found - images).abs().mean() > 0.01
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_authors_code_has_no_form_of_it(run, ensemble, tmp_path):
    code, _, err = run("export", "authors", ensemble, tmp_path / "a-G.ckpt")
    assert code == 1 and "an ensemble has no form in the authors' code" in err
    assert not (tmp_path / "a-G.ckpt").exists()


def test_a_bundle_loads_by_name_and_says_what_it_is(run, ensemble, tmp_path):
    code, _, err = run("export", "huggingface", tmp_path / "out", "--model", ensemble)
    assert code == 0, err
    bundle = tmp_path / "out" / "healthygan"
    environment = {**os.environ, "PYTHONPATH": str(CONFIGS.parents[1])}
    done = warm_python("-c", LOAD, tmp_path / "out", cwd=tmp_path, env=environment)
    assert done.stdout.split()[-1] == "GeneratorEnsemble"
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    pred = metadata["network_data_format"]["outputs"]["pred"]
    assert pred["channel_def"] == {"0": "change"} and pred["num_channels"] == 1
    assert "an ensemble of 3 runs on tiny (seeds 0, 1, 2, data " in str(metadata["changelog"])
    card = (bundle / "docs" / "README.md").read_text()
    assert "1 channel: the change of the image, in [-2, 2], the mean of 3 generators" in card


def test_a_bundle_of_one_additive_run_loads_by_name_too(run, trained, tmp_path):
    single = write_run(tmp_path / "00000-x", trained, "additive", 0)
    code, _, err = run("export", "huggingface", tmp_path / "out", "--model", single)
    assert code == 0, err
    environment = {**os.environ, "PYTHONPATH": str(CONFIGS.parents[1])}
    done = warm_python("-c", LOAD, tmp_path / "out", cwd=tmp_path, env=environment)
    assert done.stdout.split()[-1] == "AdditiveGenerator"
    card = (tmp_path / "out" / "healthygan" / "docs" / "README.md").read_text()
    assert "1 channel: the change of the image, in [-2, 2]. After" in card


def test_a_server_describes_it(ensemble, tiny_data):
    assert serving(["describe", str(ensemble)]) == 0
    assert json.loads((ensemble / "serving.json").read_text())["map_threshold"]["value"] > 0
