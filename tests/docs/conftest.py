"""The stand-in programs, and the stories of the pages, each told once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docs_pages import ROOT
from docs_server import start, write_programs
from docs_standins import Shelf
from docs_story import tell


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of stand-in programs, with the server behind it."""
    folder = tmp_path_factory.mktemp("s")
    path = folder / "s"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    server = start(path, folder / "log")
    while not path.exists():
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    yield write_programs(folder / "bin", path)
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"), trained)


@pytest.fixture(scope="session")
def told(
    tmp_path_factory: pytest.TempPathFactory, programs: Path, shelf: Shelf
) -> Callable[[str], Path]:
    """told(page) -> the folder in which the commands of the page have been run; not to be written to."""
    folders: dict[str, Path | BaseException] = {}

    def folder_of(page: str) -> Path:
        if page not in folders:
            try:
                place = tmp_path_factory.mktemp("story")
                folders[page] = tell(page, {"run"}, place, programs, shelf)
            except AssertionError as error:
                folders[page] = error
        found = folders[page]
        if isinstance(found, BaseException):
            raise found
        return found

    return folder_of
