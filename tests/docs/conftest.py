"""The programs of the pages, and the stories of the pages, each told once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docs_given import SHELF
from docs_server import start, write_programs
from docs_story import run_script, tell
from shared import made_once


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of programs, with the server behind it."""
    folder = tmp_path_factory.mktemp("s")
    server = start(folder / "s", folder / "log")
    yield write_programs(folder / "bin", folder / "s")
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Path:
    """The folder with what several pages are given; not to be written to."""
    return made_once(tmp_path_factory, "shelf", lambda folder: run_script(SHELF, folder, programs))


@pytest.fixture(scope="session")
def told(
    tmp_path_factory: pytest.TempPathFactory, programs: Path, shelf: Path
) -> Callable[[str], Path]:
    """told(page) -> the folder in which its commands were run; not to be written to."""

    def told(page: str) -> Path:
        def make(folder: Path) -> None:
            tell(page, {"run"}, folder, programs, shelf)

        return made_once(tmp_path_factory, f"story-{page.replace('/', '-')}", make)

    return told
