"""Exports for the Model Zoo: of a short run, and of the bundle's own model."""

import shutil
from pathlib import Path

import pytest

from healthygan_monai.cli.main import main
from healthygan_monai.cli.serving import main as serving


@pytest.fixture(scope="session")
def evaluated(trained, tiny_data, tmp_path_factory) -> Path:
    """A run folder with scores, an evaluation and what a server wants to know."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("evaluated") / trained.name)
    assert main(["infer", str(run)]) == 0
    assert main(["evaluate", str(run), "--bootstrap", "20", "--no-probes"]) == 0
    assert serving(["describe", str(run)]) == 0
    return run


@pytest.fixture(scope="session")
def exported(evaluated, tmp_path_factory) -> Path:
    """OUT of ``export zoo`` with that run."""
    out = tmp_path_factory.mktemp("exported") / "out"
    assert main(["export", "zoo", str(out), "--model", str(evaluated)]) == 0
    return out


@pytest.fixture(scope="session")
def shipped(tmp_path_factory) -> Path:
    """OUT of ``export zoo`` with the bundle's own model."""
    out = tmp_path_factory.mktemp("shipped") / "out"
    assert main(["export", "zoo", str(out)]) == 0
    return out
