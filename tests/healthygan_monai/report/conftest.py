import shutil
from pathlib import Path

import pytest
import synthetic_run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> Path:
    return synthetic_run.make_run(tmp_path_factory.mktemp("runs") / "00003-drawn-films")


@pytest.fixture
def run(finished_run, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))
