"""The Model Zoo's conditions, as its own checks put them, on the bundle of a checkout and on
exported ones.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from PIL import Image
from places import CONFIGS, METADATA_SCHEMA
from processes import python, warm_python
from tiny import TRAINING
from zoo_bundle import LOAD, bundle_of, choose_anew, metadata_of

from healthygan_monai.cli.main import main
from healthygan_monai.exchange.bundle_metadata import metadata_for
from healthygan_monai.exchange.model_facts import model_facts
from healthygan_monai.exchange.zoo import export_zoo
from healthygan_monai.models.load import network_by_name
from healthygan_monai.networks import make_generator
from healthygan_monai.serving.serving_json import stored_description

SCHEMA = Path(os.environ.get("HEALTHYGAN_SCHEMA", METADATA_SCHEMA))
FLAKE8_IGNORES = "--extend-ignore=E203,E501,E741,W503,W504,C408,N812,B023,B905,B028,B907,C419"
STYLE = {  # words of the zoo's runtests.sh and settings of its setup.cfg
    "black": ("--check", "--skip-magic-trailing-comma", "--line-length=120"),
    "isort": ("--check", "--profile=black", "--line-length=120"),
    "flake8": (
        "--isolated",
        "--select=B,C,E,F,N,P,T4,W,B9",
        "--max-line-length=120",
        FLAKE8_IGNORES,
    ),
}
TEXTS = (".json", ".py", ".md", ".txt", ".yml", ".conf")


def check_workflow(config: str, kind: str, **overrides) -> None:
    """As the zoo's unit tests do: initialise, check the properties, run, finalise."""
    workflow = ConfigWorkflow(
        str(CONFIGS / config),
        workflow_type=kind,
        logging_file=False,
        bundle_root=str(CONFIGS.parent),
        **overrides,
    )
    workflow.initialize()
    assert workflow.check_properties() == []
    workflow.run()
    workflow.finalize()


def test_an_export_keeps_what_a_server_wants_to_know(evaluated, exported):
    """serving.json counts for the weights beside it alone."""
    model = bundle_of(exported) / "models" / "model.pt"
    stored, before = (stored_description(p) for p in (model, evaluated / "model.pt"))
    assert stored is not None and before is not None
    assert {**stored, "weights_sha256": ""} == {**before, "weights_sha256": ""}


class TestTheBundle:
    """The zoo's unit test on the configs of the checkout."""

    def test_trains_evaluates_and_infers(self, tiny_data, tmp_path):
        data = {"dataset_dir": str(tiny_data)}
        check_workflow("train.json", "train", runs_dir=str(tmp_path / "runs"), **data, **TRAINING)
        (run,) = (tmp_path / "runs").iterdir()
        model = {"checkpoint": str(run / "model.pt"), **data}
        for config, made in (("evaluate", "evaluation.json"), ("inference", "scores.csv")):
            output = tmp_path / config
            extra = {"bootstrap": 20} if config == "evaluate" else {}
            check_workflow(f"{config}.json", "infer", output_dir=str(output), **model, **extra)
            assert (output / made).is_file()

    @pytest.mark.parametrize("translation", ["masked", "additive"])
    def test_without_a_data_set_the_network_is_that_of_its_model(self, translation, tmp_path):
        """And a training of the demo draws the random numbers that it drew without the model."""
        (tmp_path / "models").mkdir()
        weights = make_generator(1, 2, 1, translation).state_dict()
        torch.save(weights, tmp_path / "models" / "model.pt")
        trained, state = make_generator(1, 4, 1), torch.random.get_rng_state()
        network = network_by_name(trained, None, tmp_path)
        assert torch.equal(torch.random.get_rng_state(), state)
        assert network.state_dict().keys() == weights.keys() and network.training
        assert network_by_name(trained, tmp_path / "data", tmp_path) is trained
        (tmp_path / "models" / "model.pt").unlink()
        assert network_by_name(trained, None, tmp_path) is trained

    def test_loads_its_generator_by_name_and_leaves_nothing(self, tmp_path):
        """monai.bundle.load must not begin a run or draw the demo's films."""
        (tmp_path / "parent").mkdir()
        shutil.copytree(CONFIGS.parent, tmp_path / "parent" / "healthygan")
        cwd = tmp_path / "cwd"
        cwd.mkdir()
        environment = {**os.environ, "PYTHONPATH": str(CONFIGS.parents[1])}
        done = warm_python("-c", LOAD, "healthygan", tmp_path / "parent", cwd=cwd, env=environment)
        assert "LOADED []" in done.stdout


class TestExportedFiles:
    def test_lie_where_the_zoo_looks_for_them(self, exported):
        bundle = bundle_of(exported)
        for name in ("LICENSE", "NOTICE", "docs/README.md", "docs/data_license.txt"):
            assert (bundle / name).stat().st_size > 0
        for name in ("train", "evaluate", "inference", "multi_gpu_train", "metadata"):
            assert (bundle / "configs" / f"{name}.json").is_file()
        for name in ("healthygan_monai/__init__.py", "data_prep/datalist/__init__.py"):
            assert (bundle / name).is_file()
        tests = sorted(p.name for p in (exported / "ci" / "unit_tests").iterdir())
        assert tests == [f"test_{bundle.name}.py", f"test_{bundle.name}_dist.py"]
        assert not [p for p in exported.rglob("*") if p.name == "__pycache__"]

    def test_are_formatted_as_its_precommit_wants(self, exported):
        for path in exported.rglob("*"):
            if path.suffix not in TEXTS or "healthygan_monai" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            assert text.endswith("\n") and not text.endswith("\n\n"), path
            assert not any(line != line.rstrip() for line in text.split("\n")), path
            if path.suffix == ".json":
                assert text == json.dumps(json.loads(text), indent=4) + "\n", path

    def test_say_nothing_of_this_machine(self, exported, evaluated, tiny_data):
        for path in exported.rglob("*"):
            if path.suffix in TEXTS:
                text = path.read_text(encoding="utf-8")
                for place in (evaluated.parent, tiny_data, exported):
                    assert str(place) not in text, path

    def test_hold_the_weights_of_the_run(self, exported, evaluated):
        ours, theirs = (
            torch.load(path, weights_only=True)
            for path in (bundle_of(exported) / "models/model.pt", evaluated / "model.pt")
        )
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


class TestVendoredCode:
    def test_is_little_and_of_the_code_that_the_configs_reach(self, exported):
        files = {
            p.relative_to(bundle_of(exported)).as_posix(): p
            for p in bundle_of(exported).rglob("*.py")
        }
        assert sum(p.read_text().count("\n") for p in files.values()) < 5000
        assert {"healthygan_monai/losses.py", "data_prep/datalist/file.py"} <= files.keys()
        rooms = {name.split("/")[1] for name in files}
        assert not rooms & {"baselines", "benchmark", "cli", "node", "report", "serving", "studies"}

    def test_asks_for_no_place_by_the_stack(self, exported):
        for path in (bundle_of(exported) / "configs").glob("*.json"):
            assert not re.search(r"inspect|f_locals|calling|sys\.path", path.read_text()), path

    @pytest.mark.parametrize("tool", STYLE)
    def test_is_formatted_as_the_zoos_tools_do(self, shipped, tool, tmp_path):
        pytest.importorskip(tool)
        (tmp_path / "pyproject.toml").write_text('[tool.black]\ntarget-version = ["py37", "py39"]')
        python("-m", tool, *STYLE[tool], shutil.copytree(shipped, tmp_path / "zoo"), cwd=tmp_path)

    def test_is_refused_without_the_formatter(self, own_run, tmp_path, monkeypatch, capsys):
        monkeypatch.setitem(sys.modules, "ruff", None)
        assert main(["export", "zoo", str(tmp_path / "out"), "--model", str(own_run)]) == 2
        assert 'pip install "healthygan-monai[zoo]"' in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


class TestMetadata:
    def test_asks_for_nothing_of_ours(self, exported):
        shipped = json.loads((CONFIGS / "metadata.json").read_text())
        required = metadata_of(exported)["required_packages_version"]
        assert "healthygan-monai" in shipped["required_packages_version"]
        assert "healthygan-monai" not in required
        assert all(version[0].isdigit() for version in required.values())  # name==version

    def test_is_that_of_the_model(self, exported, evaluated):
        metadata = metadata_of(exported)
        image = metadata["network_data_format"]["inputs"]["image"]
        assert (image["spatial_shape"], image["num_channels"]) == (["4*(n+3)"] * 2, 1)
        processed = metadata["network_data_format"]["post_processed_outputs"]
        assert set(processed) == {"healthy", "mask", "difference", "score"}
        assert "tiny" in metadata["eval_metrics"]["evaluated_on"] and "training" not in metadata
        assert metadata["network_data_format"]["outputs"]["pred"]["num_channels"] == 2
        auc = json.loads((evaluated / "evaluation.json").read_text())["levels"]["image"]["auc"]
        assert metadata["eval_metrics"]["image_auc"] == pytest.approx(auc["value"], abs=1e-4)
        assert "Kermany" not in json.dumps(metadata)  # the shipped model's
        pred = metadata["network_data_format"]["outputs"]["pred"]
        assert pred["value_range"] == [-1, 1] and "mask" in metadata["pred_classes"]
        (line,) = metadata["changelog"].values()
        assert "tiny" in line and "seed 0" in line

    @pytest.mark.parametrize(
        ("kind", "images"),
        [("films", "chest radiograph"), ("brains", "brain slice"), (None, "image")],
    )
    def test_names_the_images_that_the_model_learned_from(self, own_run, kind, images):
        facts = model_facts(own_run)
        facts.found.dataset["generated_by"] = {"recipe": {"kind": kind} if kind else {}}
        words = metadata_for(facts)["image_classes"]
        assert words == f"single-channel {images}, intensity scaled to [-1, 1]"

    def test_has_no_metrics_where_none_were_measured(self, own_run, tmp_path):
        export_zoo(tmp_path / "out", model_facts(own_run))
        assert "eval_metrics" not in metadata_of(tmp_path / "out")
        card = (bundle_of(tmp_path / "out") / "docs" / "README.md").read_text()
        assert "Evaluation of these weights: not run." in card and "110 diseased" not in card

    def test_takes_no_evaluation_of_earlier_weights(self, evaluated, tmp_path):
        """``healthygan select`` replaces model.pt; what was measured before is of another model."""
        run = shutil.copytree(evaluated, tmp_path / "run")
        choose_anew(run / "model.pt")
        export_zoo(tmp_path / "out", model_facts(run))
        assert "eval_metrics" not in metadata_of(tmp_path / "out")

    def test_takes_nothing_of_a_run_for_another_file_of_it(self, evaluated, tmp_path):
        run = shutil.copytree(evaluated, tmp_path / "run")
        other = Path(shutil.copy(run / "model.pt", run / "other.pt"))
        assert model_facts(other).evaluation != {}, "the same weights under another name"
        choose_anew(other)
        assert model_facts(other).evaluation == {}

    def test_scores_of_earlier_weights_are_not_evaluated(self, evaluated, tmp_path, capsys):
        run = shutil.copytree(evaluated, tmp_path / "run")
        choose_anew(run / "model.pt")
        assert main(["evaluate", str(run), "--bootstrap", "20", "--no-probes"]) == 1
        assert "made with other weights than the model.pt beside it" in capsys.readouterr().err

    def test_names_the_hash_of_the_weights_that_lie_there(self, exported):
        model = bundle_of(exported) / "models" / "model.pt"
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
        card = (bundle_of(exported) / "docs" / "README.md").read_text()
        assert digest[:12] in card

    def test_takes_a_version(self, own_run, tmp_path):
        export_zoo(tmp_path / "out", model_facts(own_run), version="0.2.0")
        metadata = metadata_of(tmp_path / "out")
        assert metadata["version"] == "0.2.0" and list(metadata["changelog"]) == ["0.2.0"]


def test_the_zoos_pictures_lie_as_the_images_do(tmp_path):
    """A generator that changes nothing gives back each image as the healthy one."""
    weights = make_generator(1, 2, 1, "additive").state_dict()
    still = {name: value if name == "tanh_of_sum" else value * 0 for name, value in weights.items()}
    torch.save(still, tmp_path / "weights.pt")
    bundle = export_zoo(tmp_path / "out", model_facts(tmp_path / "weights.pt", 32)).bundle
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    (tmp_path / "films").mkdir()
    Image.fromarray(pixels).save(tmp_path / "films" / "one.png")
    workflow = ConfigWorkflow(
        str(bundle / "configs" / "inference.json"),
        workflow_type="infer",
        logging_file=False,
        bundle_root=str(bundle),
        dataset_dir=str(tmp_path / "films"),
        output_dir=str(tmp_path / "answers"),
    )
    workflow.initialize()
    workflow.run()
    healthy = np.asarray(Image.open(tmp_path / "answers" / "one_healthy.png")).astype(int)
    assert np.abs(healthy - pixels).max() <= 1
    assert (tmp_path / "answers" / "scores.csv").read_text().strip().endswith(",0.0")
