"""Phantom images and exports of one tiny trained model, shared by the tests of exports."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data_prep.phantom.film import film
from healthygan_monai.baselines.sanity import MeanIntensity
from healthygan_monai.cli.main import main
from healthygan_monai.exchange.export import export
from healthygan_monai.models.runtimes import RUNTIMES

FORMS = [suffix[1:] for suffix in RUNTIMES]
OPENVINO = importlib.util.find_spec("openvino")


@pytest.fixture
def run(capsys):
    """run(words) -> (exit code, what was printed, what was complained about)."""

    def command(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(w) for w in words])
        return (code, *capsys.readouterr())

    return command


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory) -> dict[str, Path]:
    """The trained run exported, alone in a folder, by suffix: ts, onnx, xml where OpenVINO is
    installed; not to be written to.
    """
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("exports")
    files = {suffix: folder / f"model.{suffix}" for suffix in FORMS if suffix != "xml" or OPENVINO}
    for file in files.values():
        export(trained / "model.pt", file)
    return files


@pytest.fixture(params=FORMS)
def form(request) -> str:
    """Suffix of an exported file, without the dot."""
    if request.param == "xml":
        pytest.importorskip("openvino")
    return request.param


@pytest.fixture
def copied(exported):
    """copied(form, folder): an exported file of the form, copied with what lies beside it."""

    def copy(form: str, folder: Path) -> Path:
        for file in exported[form].parent.glob("model.*"):
            if file.suffix in (f".{form}", RUNTIMES[f".{form}"].beside):
                shutil.copy(file, folder)
        return folder / exported[form].name

    return copy


@pytest.fixture
def rival():
    """rival(path): a fitted model of another method, written there."""

    def write(path: Path) -> None:
        detector = MeanIntensity()
        detector.fit(lambda: iter([torch.zeros(4, 1, 16, 16)]))
        detector.save(path)

    return write


@pytest.fixture(scope="session")
def phantom_films(tmp_path_factory) -> Path:
    """A folder of 6 drawn chest films, 64 pixels a side."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(6):
        drawn, _ = film(np.random.default_rng(number), 64, None)
        Image.fromarray((drawn * 255).round().astype(np.uint8)).save(folder / f"{number}.png")
    return folder
