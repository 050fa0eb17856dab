"""TorchScript and ONNX files: the numbers of model.pt at any size, and their own facts."""

import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from processes import python, warm_python

from data_prep.files import sha256
from healthygan_monai import __version__
from healthygan_monai.exchange import parity
from healthygan_monai.exchange.export import WRITERS, export
from healthygan_monai.exchange.parity import TOLERANCE, assure_parity, largest_difference
from healthygan_monai.inferer import HealthyGANInferer, split_translation
from healthygan_monai.models.exported import ExportedNetwork, load_exported
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.models.runtimes import RUNTIMES
from healthygan_monai.networks import Discriminator, Generator, make_generator
from healthygan_monai.runs import save_weights
from healthygan_monai.scoring import image_score

FORMS = {suffix[1:]: runtime.form for suffix, runtime in RUNTIMES.items()}


def test_every_runtime_has_what_writes_its_files():
    assert list(WRITERS) == list(RUNTIMES)


def films(folder: Path, height: int, width: int) -> torch.Tensor:
    """(6, 1, height, width) in [-1, 1]."""
    paths = sorted(folder.glob("*.png"))
    pictures = [np.asarray(Image.open(p).resize((width, height))) for p in paths]
    return torch.as_tensor(np.stack(pictures)[:, None] / 127.5 - 1, dtype=torch.float32)


@pytest.mark.parametrize(
    ("batch", "height", "width"), [(1, 64, 64), (6, 64, 64), (2, 128, 128), (3, 96, 40)]
)
def test_phantoms_are_translated_and_scored_alike(
    form, exported, trained, phantom_films, batch, height, width
):
    images = films(phantom_films, height, width)[:batch]
    networks = load_generator(load_weights(trained / "model.pt")), load_exported(exported[form])
    with torch.no_grad():
        ours, theirs = (network(images) for network in networks)
        maps = [split_translation(HealthyGANInferer()(images, n))[2] for n in networks]
    assert theirs.shape == (batch, 2, height, width)
    torch.testing.assert_close(theirs, ours, rtol=0, atol=2e-5)
    torch.testing.assert_close(maps[1], maps[0], rtol=0, atol=1e-5)
    scores = [image_score(m) for m in maps]
    torch.testing.assert_close(scores[1], scores[0], rtol=0, atol=1e-6)


def test_a_mirrored_generator_is_exported_with_both_sides(form, phantom_films, tmp_path):
    torch.manual_seed(0)
    generator = make_generator(1, 4, 1, "additive", mirrored=True)
    with torch.no_grad():
        generator.main[-1].weight *= 200
    save_weights(generator.state_dict(), tmp_path / "model.pt")
    export(tmp_path / "model.pt", tmp_path / f"m.{form}", 64)
    network, images = load_exported(tmp_path / f"m.{form}"), films(phantom_films, 64, 64)[:2]
    with torch.no_grad():
        change, mirrored = network(images), network(images.flip(-1)).flip(-1)
    assert change.abs().max() > 0.1
    torch.testing.assert_close(mirrored, change, rtol=0, atol=2e-5)


def test_an_export_says_what_it_is(form, exported, trained):
    config = json.loads((trained / "config.json").read_text())
    facts = load_exported(exported[form]).facts
    assert facts.as_texts() == {
        "method": "healthygan",
        "version": __version__,
        "image_size": "32",
        "image_channels": "1",
        "intensity_range": "-1 1",
        "translation": "masked",
        "model_sha256": sha256(trained / "model.pt"),
        "seed": str(config["seed"]),
    }


def test_onnx_has_the_names_and_free_sizes(exported):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported["onnx"])
    (image,), (pred,) = model.graph.input, model.graph.output
    sizes = [
        [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in (image, pred)
    ]
    assert (image.name, pred.name) == ("image", "pred")
    assert sizes == [["images", 1, "rows", "columns"], ["images", 2, "rows", "columns"]]


class TestCommands:
    def test_the_file_is_written_and_the_difference_printed(self, form, run, own_run, tmp_path):
        output = tmp_path / "new" / f"net.{form}"
        code, out, err = run("export", FORMS[form], own_run, output)
        assert code == 0, err
        difference = float(out.split("largest difference from PyTorch: ")[1].split()[0])
        assert 0 <= difference <= TOLERANCE
        names = {output.name, output.with_suffix(RUNTIMES[f".{form}"].beside or f".{form}").name}
        assert {p.name for p in output.parent.iterdir()} == names
        assert load_exported(output).image_channels == 1

    def test_a_difference_beyond_the_tolerance_leaves_no_file(
        self, form, run, own_run, tmp_path, monkeypatch
    ):
        forward = ExportedNetwork.forward
        monkeypatch.setattr(ExportedNetwork, "forward", lambda self, x: forward(self, x) + 3e-4)
        output = tmp_path / "out" / f"net.{form}"
        code, _, err = run("export", FORMS[form], own_run, output)
        assert code == 1 and "differs from model.pt by up to 0.0003, more than 0.0001" in err
        assert not list(output.parent.iterdir())

    def test_a_rivals_model_is_refused(self, form, run, rival, tmp_path):
        rival(tmp_path / "model.pt")
        code, _, err = run("export", FORMS[form], tmp_path / "model.pt", tmp_path / f"m.{form}")
        assert code == 2 and "a model of mean-intensity; only HealthyGAN's generator" in err
        assert not (tmp_path / f"m.{form}").exists()

    def test_the_critic_and_an_absent_run_are_refused(self, form, run, tmp_path):
        save_weights(Discriminator(1, 2, 3).state_dict(), tmp_path / "model.pt")
        code, _, err = run("export", FORMS[form], tmp_path, tmp_path / f"m.{form}")
        assert code == 1 and "not the weights of a HealthyGAN generator" in err
        code, _, err = run("export", FORMS[form], tmp_path / "absent", tmp_path / f"m.{form}")
        assert code == 2 and "no such run folder" in err

    def test_an_export_is_not_exported_again(self, form, run, exported, tmp_path):
        code, _, err = run("export", FORMS[form], exported[form], tmp_path / f"m.{form}")
        assert code == 2 and "an export already" in err

    def test_another_ending_is_refused(self, form, run, own_run, tmp_path):
        code, _, err = run("export", FORMS[form], own_run, tmp_path / "model.bin")
        assert code == 2 and f"the name of a .{form} file" in err

    def test_the_image_size_must_be_known(self, form, run, trained, tmp_path):
        shutil.copy(trained / "model.pt", tmp_path)
        words = ["export", FORMS[form], tmp_path / "model.pt", tmp_path / f"m.{form}"]
        code, _, err = run(*words)
        assert code == 2 and "give --image-size" in err
        code, _, err = run(*words, "--image-size", "30")
        assert code == 2 and "image size 30: expected a multiple of 4" in err
        code, _, err = run(*words, "--image-size", "0")
        assert code == 2 and "image size 0: expected a multiple of 4" in err
        assert run(*words, "--image-size", "48")[0] == 0
        assert load_exported(tmp_path / f"m.{form}").facts.image_size == 48

    def test_without_the_extra_onnx_says_how_to_install_it(
        self, run, own_run, tmp_path, monkeypatch
    ):
        for library in ("onnx", "onnxruntime"):
            monkeypatch.setitem(sys.modules, library, None)  # as if it were not installed
            code, _, err = run("export", "onnx", own_run, tmp_path / "m.onnx")
            assert code == 2 and f"needs {library}, which is not installed" in err
            assert 'pip install "healthygan-monai[onnx]"' in err
            monkeypatch.undo()


class TestParity:
    def test_of_a_network_with_itself_is_0(self):
        network = Generator(3, 2, 1).eval()
        assert largest_difference(network, network, 3, 32) == 0

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda y: y + 0.25, 0.25),
            (lambda y: y * float("nan"), float("inf")),
            (lambda y: y[:, :, :-1], float("inf")),
        ],
    )
    def test_sees_what_is_wrong(self, change, expected):
        network = Generator(1, 2, 0).eval()
        found = largest_difference(network, lambda x: change(network(x)), 1, 32)
        assert found == pytest.approx(expected, abs=1e-6)

    def test_not_a_number_is_not_within_the_tolerance(self):
        with pytest.raises(ValueError, match=r"m\.ts: .*differs"):
            assure_parity(float("inf"), Path("m.ts"))

    def test_batches_and_sizes_differ(self):
        shapes = [tuple(images.shape) for images in parity.check_images(3, 64)]
        assert len({shape[0] for shape in shapes}) == 3
        assert any(shape[-1] != shape[-2] for shape in shapes)


class TestLoading:
    @pytest.mark.parametrize("content", [b"", b"neither", bytes(range(256)) * 20])
    def test_broken_files_are_named(self, form, content, tmp_path):
        path = tmp_path / f"model.{form}"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"model\.{form}: not an? \w+ file"):
            load_exported(path)

    def test_an_absent_file_says_what_makes_one(self, form, tmp_path):
        with pytest.raises(FileNotFoundError, match="healthygan export onnx"):
            load_exported(tmp_path / f"model.{form}")

    def test_another_programs_export_is_refused_since_its_image_size_is_unknown(self, tmp_path):
        torch.jit.save(torch.jit.script(Generator(1, 2, 1)), str(tmp_path / "model.ts"))
        with pytest.raises(ValueError, match=r"metadata lack image_size.*healthygan export"):
            load_exported(tmp_path / "model.ts")


def test_the_folder_in_a_torchscript_archive_is_called_as_the_file(exported, own_run, tmp_path):
    """MONAI Deploy looks for metadata nowhere else."""
    export(own_run / "model.pt", tmp_path / "lungs.v2.ts")
    for path in (exported["ts"], tmp_path / "lungs.v2.ts"):
        names = zipfile.ZipFile(path).namelist()
        assert {f"{path.stem}/extra/{n}.json" for n in ("metadata", "inference")} <= set(names)


SAME = {"torchscript": "m.ts", "authors": "m-G.ckpt"}
EXPORT = f"""
import sys
from healthygan_monai.cli.main import main
for form, name in {SAME}.items():
    assert main(["export", form, sys.argv[1], f"{{sys.argv[2]}}/{{name}}"]) == 0
"""


@pytest.fixture(scope="module")
def twice(trained, tmp_path_factory) -> list[Path]:
    """Two folders of exports, of processes of their own with other seeds for hashes."""
    here, there = (tmp_path_factory.mktemp(name) for name in ("here", "there"))
    warm_python("-c", EXPORT, trained, here)
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    python("-c", EXPORT, trained, there, env={**os.environ, "PYTHONHASHSEED": seed})
    return [here, there]


@pytest.mark.parametrize("name", SAME.values())
def test_two_processes_write_the_same_bytes(twice, name):
    """Sets of texts have another order in every process."""
    one, two = (folder / name for folder in twice)
    assert one.read_bytes() == two.read_bytes()
