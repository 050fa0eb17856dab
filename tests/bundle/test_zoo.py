"""The Model Zoo's conditions, as its own checks put them, on the bundle of a checkout and on
exported ones.

``export zoo`` and ``export huggingface`` are run beside no installation: in other processes that
see the packages only where the bundle brings them.
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
import yaml
from monai.bundle import ConfigWorkflow
from PIL import Image
from places import CONFIGS, METADATA_SCHEMA
from processes import python
from tiny import TRAINING

from healthygan_monai.cli.main import main
from healthygan_monai.cli.serving import main as serving
from healthygan_monai.exchange.model_facts import model_facts
from healthygan_monai.exchange.vendoring import vendored_config
from healthygan_monai.exchange.zoo import export_zoo
from healthygan_monai.integrity.recorded import record_sums
from healthygan_monai.models.load import network_by_name
from healthygan_monai.networks import Generator, make_generator
from healthygan_monai.serving.serving_json import stored_description

SCHEMA = Path(os.environ.get("HEALTHYGAN_SCHEMA", METADATA_SCHEMA))
SHORT = {  # a training of the zoo's config
    "generator_channels": 2,
    "generator_blocks": 1,
    "critic_channels": 2,
    "batch_size": 4,
    "max_iterations": 2,
    "decay_iterations": 1,
    "kept_out": 0.25,
}
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

# the installed packages are out of sight: an editable installation is a finder, another a folder
# that comes later; at its end a process notes which package it used
ALONE = """
import atexit, os, sys
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", type(f).__module__)]
def note():
    package = sys.modules.get("healthygan_monai")
    if package is not None:
        path = os.path.join(os.path.dirname(__file__), f"{os.getpid()}.used")
        with open(path, "w") as stream:
            stream.write(os.path.abspath(package.__file__))
atexit.register(note)
"""

# what the zoo's ci/verify_bundle.py calls, with its arguments
VERIFY = """
import os, sys
bundle = sys.argv[1]
sys.path = [bundle] + sys.path
import monai.bundle, torch
from monai.bundle import ckpt_export, verify_metadata, verify_net_in_out
meta, config = os.path.join(bundle, "configs/metadata.json"), os.path.join(bundle, "configs/inference.json")
if len(sys.argv) > 2:
    verify_metadata(meta_file=meta, filepath=sys.argv[2])
verify_net_in_out(net_id="network_def", meta_file=meta, config_file=config, bundle_root=bundle)
ckpt_export(net_id="network_def", filepath="verify_model.ts", ckpt_file=os.path.join(bundle, "models/model.pt"),
            meta_file=meta, config_file=config, bundle_root=bundle)
print("VERIFIED", os.listdir("."))
"""

LOAD = """
import os, sys
import monai.bundle, torch
name, parent = sys.argv[1:3]
sys.path[:0] = [os.path.join(parent, name)] if "--path" in sys.argv else []
network = monai.bundle.load(name, bundle_dir=parent, device="cpu")
weights = torch.load(os.path.join(parent, name, "models/model.pt"), weights_only=True)
assert weights.keys() == network.state_dict().keys()
assert all(torch.equal(value, network.state_dict()[name]) for name, value in weights.items())
print("LOADED", os.listdir("."))
"""

# the functions of the zoo's ci/unit_tests/utils.py that the tests ask for
UTILS = """
import os, subprocess
from monai.bundle import ConfigParser

def check_workflow(workflow, check_properties=False):
    workflow.initialize()
    wrong = workflow.check_properties() if check_properties else []
    if wrong:
        raise ValueError(f"check properties for workflow failed: {wrong}")
    workflow.run()
    workflow.finalize()

def export_config_and_run_mgpu_cmd(config_file, meta_file, override_dict, output_path, logging_file, ngpu):
    parser = ConfigParser()
    parser.read_config(config_file)
    parser.update(pairs=override_dict)
    ConfigParser.export_config_file(parser.config, output_path, indent=4)
    words = ["torchrun", "--standalone", "--nnodes=1", f"--nproc_per_node={ngpu}", "-m", "monai.bundle", "run",
             "--config_file", output_path, "--meta_file", meta_file, "--logging_file", logging_file]
    paths = os.pathsep.join([override_dict["bundle_root"], os.environ["PYTHONPATH"]])
    subprocess.check_call(words, env={**os.environ, "PYTHONPATH": paths})
"""


def alone(words: list[str], cwd: Path, bundle: Path) -> str:
    """Run Python without the project installed; the packages used must be those of the bundle."""
    site = cwd / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(ALONE)
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PYTHONPATH": str(site), "PATH": programs, "CUDA_VISIBLE_DEVICES": ""}
    printed = python(*words, cwd=cwd, env={**os.environ, **environment}).stdout
    used = [Path(path.read_text()) for path in site.glob("*.used")]
    assert used
    for package in used:
        assert package.resolve().is_relative_to(bundle.resolve()), package
    return printed


@pytest.fixture(scope="module")
def evaluated(trained, tiny_data, tmp_path_factory) -> Path:
    """A run folder with scores, an evaluation and what a server wants to know."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("evaluated") / trained.name)
    assert main(["infer", str(run)]) == 0
    assert main(["evaluate", str(run), "--bootstrap", "20", "--no-probes"]) == 0
    assert serving(["describe", str(run)]) == 0
    return run


@pytest.fixture(scope="module")
def exported(evaluated, tmp_path_factory) -> Path:
    """OUT of ``export zoo`` with that run."""
    out = tmp_path_factory.mktemp("exported") / "out"
    assert main(["export", "zoo", str(out), "--model", str(evaluated)]) == 0
    return out


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Path:
    """OUT of ``export zoo`` with the bundle's own model."""
    out = tmp_path_factory.mktemp("shipped") / "out"
    assert main(["export", "zoo", str(out)]) == 0
    return out


def choose_anew(model: Path) -> None:
    """Other weights in the place of these, as ``healthygan select`` puts them."""
    weights = torch.load(model, weights_only=True)
    torch.save({name: value + 1e-3 for name, value in weights.items()}, model)
    record_sums(model.parent)


def bundle_of(out: Path) -> Path:
    """The bundle's folder in an export for the zoo."""
    (metadata,) = out.glob("*/configs/metadata.json")
    return metadata.parents[1]


def metadata_of(out: Path) -> dict:
    return json.loads((bundle_of(out) / "configs" / "metadata.json").read_text())


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
        done = python("-c", LOAD, "healthygan", tmp_path / "parent", cwd=cwd, env=environment)
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


class TestCard:
    def test_has_the_zoos_sections_and_the_models_facts(self, exported):
        text = (bundle_of(exported) / "docs" / "README.md").read_text()
        for heading in (
            *("### **Authors**", "### **Tags**", "## **Model Description**", "## **Data**"),
            *("#### **Preprocessing**", "## **Performance**", "## **System Configuration**"),
            *("## **Limitations**", "## **Citation Info**", "## **References**"),
        ):
            assert heading in text
        assert "<!--" not in text and "Kermany" not in text
        assert "| generator_channels | 2 |" in text
        assert "bundle/configs/" not in text and "must be installed" not in text
        assert "The test set holds 4 images of 4 subjects" in text

    def test_of_the_shipped_model_is_the_bundles(self, shipped):
        bundle = bundle_of(shipped)
        text = (bundle / "docs" / "README.md").read_text()
        assert "<!--" not in text and "Kermany" in text
        source = metadata_of(shipped)["data_source"]
        assert "Kermany" in source and source in (bundle / "NOTICE").read_text()
        licence = (bundle / "docs" / "data_license.txt").read_text()
        assert "CC BY 4.0" in licence and "10.17632/rscbjbr9sj" in licence

    def test_gives_no_command_that_a_user_of_the_zoo_lacks(self, shipped):
        text = (bundle_of(shipped) / "docs" / "README.md").read_text()
        typed = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
        for line in re.findall(r"^ *(healthygan .*)", typed, re.MULTILINE):
            assert re.fullmatch(r"healthygan prep .*# by the whole project", line), line
        scores = "configs/inference.json --dataset_dir adults/images --output_dir out"
        assert scores in typed and "configs/train.json --dataset_dir kermany\n" in typed

    def test_and_configs_of_the_shipped_model_have_the_facts_of_its_metadata(self, shipped):
        """metadata.json is their home; the card, written by hand, must say the same."""
        metadata = metadata_of(shipped)
        training, config = metadata["training"], bundle_of(shipped) / "configs" / "train.json"
        written = json.loads(config.read_text())
        assert written["max_iterations"] == training["max_iterations"]
        assert written["loss"]["price"] == training["price"]
        card = (CONFIGS.parent / "docs" / "README.md").read_text(encoding="utf-8")
        assert f"--set max_iterations={training['max_iterations']}\n" in card
        assert f"--set price={training['price']:g} " in card
        numbers = re.match(
            r"(\d+ healthy) and (\d+ diseased) films of (\d+) subjects, test section of ",
            metadata["eval_metrics"]["evaluated_on"],
        )
        assert "| test | {}, {} | {} |".format(*numbers.groups()) in card
        assert metadata["eval_metrics"]["evaluated_on"].endswith(metadata["data_source"])

    def test_of_the_shipped_model_has_the_figures_of_its_metadata(self):
        """None in both until they are measured."""
        card = (CONFIGS.parent / "docs" / "README.md").read_text(encoding="utf-8")
        (figures,) = re.findall(r"<!-- model: performance -->\n(.*?)<!-- end -->", card, re.DOTALL)
        metrics = json.loads((CONFIGS / "metadata.json").read_text()).get("eval_metrics", {})
        assert bool(metrics) != ("AUC by image: not run" in figures)
        for name in ("image_auc", "image_auc_low", "image_auc_high") if metrics else ():
            assert f"{metrics[name]:.2f}" in figures, name


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


class TestLargeFiles:
    LARGEST = 100_000  # bytes; the weights below have more, no file of ours has

    @pytest.fixture
    def facts(self, tmp_path):
        torch.save(Generator(1, 8, 3).state_dict(), tmp_path / "weights.pt")
        return model_facts(tmp_path / "weights.pt", 64)

    def test_are_moved_out_and_named(self, facts, tmp_path):
        done = export_zoo(tmp_path / "out", facts, url="https://host/w/", largest=self.LARGEST)
        (upload,) = done.to_upload
        assert upload == tmp_path / "out" / "to_upload" / "models" / "model.pt"
        assert not (done.bundle / "models" / "model.pt").exists()
        assert yaml.safe_load((done.bundle / "large_files.yml").read_text()) == {
            "large_files": [
                {
                    "path": "models/model.pt",
                    "url": "https://host/w/model.pt",
                    "hash_val": hashlib.sha256(upload.read_bytes()).hexdigest(),
                    "hash_type": "sha256",
                }
            ]
        }

    def test_need_an_address_and_nothing_is_left_without(self, facts, tmp_path):
        with pytest.raises(ValueError, match=r"models/model.pt .*--url"):
            export_zoo(tmp_path / "out", facts, largest=self.LARGEST)
        assert [p.name for p in tmp_path.iterdir()] == ["weights.pt"]


class TestRefusals:
    def test_of_a_folder_that_is_not_empty(self, own_run, tmp_path, capsys):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("kept")
        words = ["export", "zoo", str(tmp_path / "out"), "--model", str(own_run)]
        assert main(words) == 2
        assert "not empty" in capsys.readouterr().err
        assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]

    def test_of_weights_whose_image_size_is_not_known(self, tmp_path, capsys):
        torch.save(Generator(1, 2, 1).state_dict(), tmp_path / "model.pt")
        words = ["export", "zoo", str(tmp_path / "out"), "--model", str(tmp_path / "model.pt")]
        assert main(words) == 2
        assert "--image-size" in capsys.readouterr().err
        assert main([*words, "--image-size", "64"]) == 0
        configs = bundle_of(tmp_path / "out") / "configs"
        for name in ("train", "inference"):
            assert json.loads((configs / f"{name}.json").read_text())["image_size"] == 64

    def test_of_another_methods_model(self, own_run, tmp_path):
        config = json.loads((own_run / "config.json").read_text())
        (own_run / "config.json").write_text(json.dumps({**config, "method": "padim"}))
        with pytest.raises(ValueError, match="a model of padim"):
            model_facts(own_run)

    def test_of_an_import_that_a_bundle_could_not_find(self):
        with pytest.raises(ValueError, match="as NAME"):
            vendored_config({"imports": ["$from healthygan_monai import __version__"]}, "x.json")


class TestHuggingFace:
    def test_card_stands_at_the_root_with_its_front_matter(self, evaluated, tmp_path):
        out = tmp_path / "out"
        assert main(["export", "huggingface", str(out), "--model", str(evaluated)]) == 0
        _, head, text = (out / "healthygan" / "README.md").read_text().split("---\n", 2)
        facts = yaml.safe_load(head)
        # the data may forbid more
        assert (facts["license"], facts["library_name"]) == ("other", "monai")
        assert {"monai", "medical"} <= set(facts["tags"])
        (result,) = facts["model-index"][0]["results"]
        auc = json.loads((evaluated / "evaluation.json").read_text())["levels"]["image"]["auc"]
        assert result["metrics"][0]["value"] == pytest.approx(auc["value"], abs=1e-4)
        assert text == (out / "healthygan" / "docs" / "README.md").read_text()
        assert (out / "healthygan" / "models" / "model.pt").is_file()

    def test_claims_no_result_where_none_was_measured(self, own_run, tmp_path):
        assert main(["export", "huggingface", str(tmp_path / "out"), "--model", str(own_run)]) == 0
        _, head, text = (
            (tmp_path / "out" / "healthygan" / "README.md").read_text().split("---\n", 2)
        )
        assert "model-index" not in yaml.safe_load(head)
        assert "Evaluation of these weights: not run." in text


class TestBesideNoInstallation:
    """The exported bundle in other processes, from a folder that has nothing to do with it."""

    def test_passes_the_zoos_checks(self, exported, tmp_path):
        words = ["-c", VERIFY, str(bundle_of(exported))]
        if SCHEMA.is_file():
            shutil.copy(SCHEMA, tmp_path / "schema.json")
            words.append("schema.json")
        assert "VERIFIED" in alone(words, tmp_path, exported)

    def test_loads_by_name(self, exported, tmp_path):
        """MONAI puts no bundle's folder on the path when it loads one by name."""
        words = ["-c", LOAD, bundle_of(exported).name, str(exported), "--path"]
        assert "LOADED ['site']" in alone(words, tmp_path, exported)

    def test_is_run_by_monais_command(self, exported, tiny_data, tmp_path):
        bundle = bundle_of(exported)
        given = {**SHORT, "dataset_dir": tiny_data, "ckpt_dir": tmp_path / "models"}
        config = bundle / "configs" / "train.json"
        words = ["-m", "monai.bundle", "run", "--config_file", str(config)]
        words += ["--bundle_root", str(bundle)]
        words += [word for key, value in given.items() for word in (f"--{key}", str(value))]
        alone(words, tmp_path, exported)
        made = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
        assert made.keys() == Generator(1, 2, 1).state_dict().keys()

    @pytest.mark.parametrize("name", ["", pytest.param("_dist", marks=pytest.mark.slow)])
    def test_passes_its_own_unit_tests_in_the_zoos_layout(self, exported, tmp_path, name):
        bundle = bundle_of(exported)
        shutil.copytree(bundle, tmp_path / "models" / bundle.name)
        tests = shutil.copytree(exported / "ci", tmp_path / "ci") / "unit_tests"
        (tests / "utils.py").write_text(UTILS)
        alone([str(tests / f"test_{bundle.name}{name}.py")], tmp_path, tmp_path / "models")
