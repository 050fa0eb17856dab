import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import viewed
from chromium import BINARY, Chromium

from healthygan_monai.view.server import Viewer
from healthygan_monai.view.study import open_cases


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return viewed.make_run(tmp_path)[0]


@pytest.fixture
def data(run: Path) -> Path:
    return run.parent / "data"


@pytest.fixture
def serve() -> Iterator:
    """A function (folder, data set) -> a running Viewer."""
    running: list[tuple[Viewer, threading.Thread]] = []

    def start(folder: Path, dataset: Path | None = None) -> Viewer:
        viewer = Viewer(open_cases(folder, dataset))
        thread = threading.Thread(target=viewer.serve_forever, args=(0.05,))
        thread.start()
        running.append((viewer, thread))
        return viewer

    yield start
    for viewer, thread in running:
        viewer.shutdown()
        thread.join()
        viewer.server_close()


@pytest.fixture
def browser() -> Iterator[Chromium]:
    if BINARY is None:
        pytest.skip("Chromium is not installed")
    with Chromium() as found:
        yield found
