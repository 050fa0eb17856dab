"""Exports for the Model Zoo and Hugging Face beside no installation: in other processes that see the packages
only where the bundle brings them.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from places import METADATA_SCHEMA
from processes import warm_python
from zoo_bundle import LOAD, bundle_of

from healthygan_monai.networks import Generator

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
    printed = warm_python(*words, cwd=cwd, env={**os.environ, **environment}).stdout
    used = [Path(path.read_text()) for path in site.glob("*.used")]
    assert used
    for package in used:
        assert package.resolve().is_relative_to(bundle.resolve()), package
    return printed


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
