import shutil
from pathlib import Path

import pytest
import synthetic_run

from healthygan_monai.report import cases, figures

NO_FIGURE = figures.data_uri(b"<svg/>", "image/svg+xml")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> Path:
    return synthetic_run.make_run(tmp_path_factory.mktemp("runs") / "00003-drawn-films")


@pytest.fixture
def run(finished_run, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@pytest.fixture(autouse=True)
def _few_figures(request, monkeypatch) -> None:
    """Draw figures, and pictures of full size, only for tests that ask for ``drawn_figures``."""
    if "drawn_figures" not in request.fixturenames:
        monkeypatch.setattr(figures, "_svg", lambda _: NO_FIGURE)
        monkeypatch.setattr(cases, "SIDE", synthetic_run.SIZE)


@pytest.fixture
def drawn_figures() -> None:
    """Ask for real figures."""
