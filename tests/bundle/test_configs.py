"""The bundle's files against MONAI's contract: properties, metadata, exports."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from monai.bundle import (
    ConfigParser,
    ConfigWorkflow,
    ReferenceResolver,
    ckpt_export,
    onnx_export,
    verify_metadata,
    verify_net_in_out,
)
from places import CONFIGS, METADATA_SCHEMA
from tiny import TRAINING
from torch.testing import assert_close

from healthygan_monai import __version__
from healthygan_monai.composition import output_words
from healthygan_monai.exchange.bundle_metadata import data_format
from healthygan_monai.exchange.model_facts import model_facts
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.paths import bundle_root

META = str(CONFIGS / "metadata.json")
INFERENCE = str(CONFIGS / "inference.json")


@pytest.fixture(scope="module")
def metadata() -> dict:
    return json.loads(Path(META).read_text(encoding="utf-8"))


def checked(config: str, kind: str, **overrides) -> list[str]:
    places = {"logging_file": False, "bundle_root": str(CONFIGS.parent)}
    workflow = ConfigWorkflow(str(CONFIGS / config), workflow_type=kind, **places, **overrides)
    workflow.initialize()
    return workflow.check_properties()


class TestProperties:
    def test_of_training(self, tiny_data, tmp_path):
        overrides = {**TRAINING, "dataset_dir": str(tiny_data), "runs_dir": str(tmp_path)}
        assert checked("train.json", "train", **overrides) == []

    @pytest.mark.parametrize("config", ["inference.json", "evaluate.json"])
    def test_of_inference(self, config, trained, tiny_data, tmp_path):
        overrides = {"checkpoint": str(trained / "model.pt"), "dataset_dir": str(tiny_data)}
        assert checked(config, "infer", output_dir=str(tmp_path), **overrides) == []

    @pytest.mark.parametrize(
        ("config", "ids"),
        [
            ("train.json", {"run", "training"}),
            ("inference.json", {"run", "inferring"}),
            ("evaluate.json", {"run", "evaluating"}),
        ],
    )
    def test_both_names_of_a_workflow_are_there(self, config, ids):
        assert ids <= set(json.loads((CONFIGS / config).read_text()))

    def test_handlers_are_all_of_the_form_that_other_programs_look_through(self):
        """MONAI asks each for its ``_target_``, and MONAI Label puts one of its own before them."""
        train = json.loads((CONFIGS / "train.json").read_text())
        assert all("_target_" in handler for handler in train["train"]["handlers"])
        assert "train#handlers#" not in json.dumps(train)  # nothing counts on their places


class TestMetadata:
    def test_fits_the_schema(self, tmp_path):
        pytest.importorskip("jsonschema")
        if not METADATA_SCHEMA.is_file():
            pytest.skip(f"no {METADATA_SCHEMA.name} beside the repository")
        # a file that exists is not downloaded
        shutil.copy(METADATA_SCHEMA, tmp_path / "schema.json")
        verify_metadata(meta_file=META, filepath=str(tmp_path / "schema.json"))
        broken = json.loads(Path(META).read_text())
        del broken["network_data_format"]
        (tmp_path / "broken.json").write_text(json.dumps(broken))
        with pytest.raises(ValueError, match="network_data_format"):
            verify_metadata(
                meta_file=str(tmp_path / "broken.json"), filepath=str(tmp_path / "schema.json")
            )

    def test_version_is_the_packages_and_has_its_line_of_change(self, metadata):
        assert metadata["version"] == __version__ in metadata["changelog"]

    def test_data_format_is_that_of_the_shipped_model(self, metadata):
        path = bundle_root() / "models" / "model.pt"
        facts = model_facts(None)
        assert metadata["network_data_format"]["outputs"] == data_format(facts)["outputs"]
        assert metadata["pred_classes"] == output_words(facts.translation)
        (image,) = metadata["network_data_format"]["inputs"].values()
        (pred,) = metadata["network_data_format"]["outputs"].values()
        generator = load_generator(load_weights(path))
        assert generator.image_channels == image["num_channels"]
        with torch.no_grad():
            output = generator(torch.zeros(1, image["num_channels"], *image["spatial_shape"]))
        assert output.shape == (1, pred["num_channels"], *pred["spatial_shape"])
        assert image["dtype"] == pred["dtype"] == str(output.dtype).removeprefix("torch.")
        assert image["value_range"] == [-1, 1]
        assert path.stat().st_size < 25e6  # more would belong into large_files.yml


class TestChecksAndExports:
    """MONAI's own commands, as functions; the exports of the model of a run."""

    @pytest.fixture
    def arguments(self, trained, tmp_path, monkeypatch) -> dict:
        """The tools take no override for ``checkpoint``: a config file of it stands behind ours."""
        monkeypatch.chdir(CONFIGS.parents[1])
        path = tmp_path / "checkpoint.json"
        path.write_text(json.dumps({"checkpoint": str(trained / "model.pt")}))
        return {"net_id": "network_def", "meta_file": META, "config_file": [INFERENCE, str(path)]}

    def test_verify_net_in_out(self, monkeypatch):
        """Of the shipped model, which the metadata are of."""
        monkeypatch.chdir(CONFIGS.parents[1])
        verify_net_in_out("network_def", META, INFERENCE, device="cpu")

    def test_torchscript(self, arguments, trained, tmp_path):
        path = tmp_path / "model.ts"
        ckpt_export(**arguments, filepath=str(path), ckpt_file=str(trained / "model.pt"))
        self.compare(torch.jit.load(path), trained)

    @pytest.mark.filterwarnings("ignore:.*ONNX", "ignore:The feature", "ignore:Converting a tensor")
    def test_onnx(self, arguments, trained, tmp_path):
        onnxruntime = pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
        path = tmp_path / "model.onnx"
        axes = {0: "images", 2: "rows", 3: "columns"}
        onnx_export(
            **arguments,
            filepath=str(path),
            ckpt_file=str(trained / "model.pt"),
            input_shape=[1, 1, 64, 64],
            use_trace=True,
            converter_kwargs={
                "dynamo": False,
                "input_names": ["image"],
                "output_names": ["pred"],
                "dynamic_axes": {"image": axes, "pred": axes},
            },
        )
        session = onnxruntime.InferenceSession(path)
        self.compare(lambda x: torch.as_tensor(session.run(None, {"image": x.numpy()})[0]), trained)

    @staticmethod
    def compare(exported, trained: Path) -> None:
        generator = load_generator(load_weights(trained / "model.pt"))
        images = torch.rand(2, 1, 32, 48) * 2 - 1
        with torch.no_grad():
            assert_close(exported(images), generator(images), rtol=0, atol=1e-5)


class TestFiles:
    def test_all_that_the_zoo_asks_for_is_there(self):
        root = bundle_root()
        for name in ("LICENSE", "configs/metadata.json", "configs/logging.conf"):
            assert (root / name).stat().st_size > 0

    def test_every_key_referred_to_exists(self):
        for files in (
            ["train.json"],
            ["train.json", "multi_gpu_train.json"],
            ["inference.json"],
            ["evaluate.json"],
            ["train_baseline.json"],
            ["inference_baseline.json"],
        ):
            parser = ConfigParser()
            parser.read_config([str(CONFIGS / name) for name in files])
            parser.read_meta(META)
            for id_ in find_references(parser.get()):
                assert id_ in parser, (files, id_)


def find_references(config) -> set[str]:
    if isinstance(config, dict):
        return set().union(*(find_references(v) for v in config.values()), set())
    if isinstance(config, list):
        return set().union(*(find_references(v) for v in config), set())
    if isinstance(config, str) and config.startswith(("@", "$")):
        return set(ReferenceResolver.match_refs_pattern(config))
    return set()


def test_evaluations_of_an_installed_bundle_are_written_where_the_user_is(tmp_path, monkeypatch):
    from healthygan_monai.paths import bundle_root, eval_folder

    monkeypatch.chdir(tmp_path)
    assert eval_folder(str(bundle_root())) == "eval"
    assert eval_folder(str(tmp_path / "served")) == str(tmp_path / "served" / "eval")
    monkeypatch.chdir(bundle_root().parent)
    assert eval_folder(bundle_root().name) == str(Path(bundle_root().name) / "eval")
