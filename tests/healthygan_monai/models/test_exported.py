"""Scoring by ONNX Runtime and TorchScript: the scores and pictures of model.pt, without it."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from places import CONFIGS
from processes import warm_python
from tiny import infer

from healthygan_monai.cli.main import main
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.recorded import record_sums
from healthygan_monai.models.about import image_size_for, method_of, seed_of
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.runtimes import RUNTIMES, OnnxSessions
from healthygan_monai.networks import Generator
from healthygan_monai.report.case_pictures import case_pictures
from healthygan_monai.runs import save_weights
from healthygan_monai.scoring import read_scores

SCORE_TOLERANCE = 1e-6


def runtime(form: str) -> str:
    return RUNTIMES[f".{form}"].name


@pytest.fixture(scope="module")
def by_pytorch(trained, tiny_data, tmp_path_factory) -> Path:
    return infer(trained / "model.pt", tiny_data, tmp_path_factory.mktemp("pytorch"))


def compare(one: Path, other: Path, runtime: str) -> None:
    """The same rows and pictures, and each file says what computed it."""
    rows = [read_scores(folder / "scores.csv") for folder in (one, other)]
    assert ({r.runtime for r in rows[0]}, {r.runtime for r in rows[1]}) == ({"pytorch"}, {runtime})
    for a, b in zip(*rows, strict=True):
        assert (a.section, a.image, a.subject, a.slice, a.label, a.method, a.seed) == (
            *(b.section, b.image, b.subject, b.slice, b.label, b.method, b.seed),
        )
        assert a.score == pytest.approx(b.score, abs=SCORE_TOLERANCE)
    places = [folder / "pictures" for folder in (one, other)]
    pictures = sorted(p.relative_to(places[0]) for p in places[0].rglob("*.png"))
    assert pictures == sorted(p.relative_to(places[1]) for p in places[1].rglob("*.png")) != []
    for name in pictures:
        shown = [np.asarray(Image.open(place / name)).astype(int) for place in places]
        assert np.abs(shown[0] - shown[1]).max() <= 1, name


def test_monais_command_takes_an_onnx_file(exported, by_pytorch, tiny_data, tmp_path):
    words = f"-m monai.bundle run --config_file {CONFIGS / 'inference.json'}".split()
    places = ("--dataset_dir", tiny_data, "--output_dir", tmp_path / "out")
    warm_python(*words, "--checkpoint", exported["onnx"], *places)
    compare(by_pytorch, tmp_path / "out", "onnxruntime")


def test_infer_takes_an_exported_file(form, run, exported, by_pytorch, tiny_data, tmp_path):
    code, out, err = run("infer", exported[form], tiny_data, "--output", tmp_path, "--device=cpu")
    assert code == 0, err
    assert f"scores: {tmp_path / 'scores.csv'}" in out
    compare(by_pytorch, tmp_path, runtime(form))


class TestRuntimeOption:
    def test_exports_a_run_where_need_be(self, form, run, own_run, by_pytorch):
        name = f"model.{form}"
        words = ["infer", own_run, "--runtime", runtime(form), "--device=cpu"]
        assert run(*words)[0] == 0
        compare(by_pytorch, own_run, runtime(form))
        made = (own_run / name).stat()
        assert run(*words)[0] == 0
        assert (own_run / name).stat() == made, "an export that still fits is used again"

    def test_an_export_of_an_earlier_model_is_made_anew(self, run, own_run, exported, tiny_data):
        shutil.copy(exported["onnx"], own_run)
        torch.manual_seed(1)
        save_weights(Generator(1, 2, 1).state_dict(), own_run / "model.pt")
        record_sums(own_run)
        assert run("infer", own_run, "--runtime=onnxruntime", "--device=cpu")[0] == 0
        expected = infer(own_run / "model.pt", tiny_data, own_run.parent / "expected")
        compare(expected, own_run, "onnxruntime")

    def test_pytorch_is_what_a_run_is_scored_with(self, run, own_run):
        assert run("infer", own_run, "--runtime=pytorch", "--device=cpu")[0] == 0
        assert {r.runtime for r in read_scores(own_run / "scores.csv")} == {"pytorch"}
        assert not (own_run / "model.onnx").exists()

    def test_a_file_for_another_runtime_is_refused(self, run, exported, tiny_data):
        code, _, err = run("infer", exported["ts"], tiny_data, "--runtime=onnxruntime")
        assert code == 2 and "model.ts: a file for torchscript; --runtime onnxruntime" in err

    def test_another_method_is_refused(self, run, rival, tmp_path, phantom_films):
        rival(tmp_path / "model.pt")
        code, _, err = run("infer", tmp_path, phantom_films, "--runtime=onnxruntime")
        assert code == 2 and "a model of mean-intensity, for PyTorch only" in err

    def test_a_file_of_that_name_that_is_not_ours_is_left(self, run, own_run):
        (own_run / "model.onnx").write_bytes(b"somebody's")
        code, _, err = run("infer", own_run, "--runtime=onnxruntime")
        assert code == 1 and "not an ONNX file" in err
        assert (own_run / "model.onnx").read_bytes() == b"somebody's"


def test_without_onnxruntime_the_error_says_how_to_install_it(
    run, exported, tiny_data, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, _, err = run("infer", exported["onnx"], tiny_data, "--output", tmp_path / "out")
    assert code == 2
    assert "scoring with model.onnx needs onnxruntime" in err and "healthygan-monai[onnx]" in err


def test_an_export_knows_more_than_the_folder_it_lies_in(form, copied, tmp_path):
    path = copied(form, tmp_path)
    (tmp_path / "config.json").write_text(
        json.dumps({"image_size": 256, "seed": 9, "method": "padim"})
    )
    assert (image_size_for(path, 64), seed_of(path), method_of(path)) == (32, 0, "healthygan")


def test_the_reports_pictures_can_come_from_an_export(form, exported, by_pytorch, tiny_data):
    translate = case_pictures(exported[form], tiny_data)
    for row in read_scores(by_pytorch / "scores.csv"):
        assert translate(row).difference.mean() == pytest.approx(row.score, rel=1e-4)


def test_images_elsewhere_than_on_the_cpu_are_computed_there_only_where_onnxruntime_can(exported):
    runtime = pytest.importorskip("onnxruntime")
    network = OnnxSessions(exported["onnx"])
    if "CUDAExecutionProvider" in runtime.get_available_providers():
        pytest.skip("this ONNX Runtime has a GPU")
    assert network.session("cuda") is network.session("mps") is network.session("cpu")


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9, -1, -66])
def test_a_changed_bit_of_an_onnx_file_is_seen(trained, tmp_path, place):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    assert main(["export", "onnx", str(trained), str(tmp_path / "model.onnx"), "-q"]) == 0
    load_exported(tmp_path / "model.onnx")
    content = bytearray((tmp_path / "model.onnx").read_bytes())
    content[int(place * len(content)) if place > 0 else place] ^= 1
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged or changed|ONNX"):
        load_exported(tmp_path / "model.onnx")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("suffix", [".ts", ".onnx"])
def test_files_in_a_folder_whose_name_is_no_text(trained, tmp_path, suffix):
    if suffix == ".onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
    folder = tmp_path / "u\udcff"
    folder.mkdir()
    form = RUNTIMES[suffix].form
    assert main(["export", form, str(trained), str(folder / f"model{suffix}"), "-q"]) == 0
    there, image = load_exported(folder / f"model{suffix}"), torch.zeros(1, 1, 32, 32)
    assert main(["export", form, str(trained), str(tmp_path / f"model{suffix}"), "-q"]) == 0
    assert torch.equal(there(image), load_exported(tmp_path / f"model{suffix}")(image))
