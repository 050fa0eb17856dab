"""A wheel and an sdist of this checkout, built without a network, leaving nothing in it."""

import shutil
from pathlib import Path

import pytest
from packaging_build import built
from places import ROOT

SOURCES = (".ci", "healthygan_monai", "data_prep", "bundle", "docs", "tests", "benchmarks")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "eval", "data", "*.ts", "*.onnx")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree, for the build to write beside."""
    copy = tmp_path_factory.mktemp("source") / "healthygan"
    copy.mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy2(path, copy)
    for name in SOURCES:
        ignore = LEFT_OUT if name == "bundle" else shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    return copy


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", checkout, tmp_path_factory.mktemp("sdist"))
