import shutil
from pathlib import Path

import pytest
from served_bundle import bundle_of


@pytest.fixture(scope="session")
def served(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model (32 pixels, grey) as a bundle; not to be written to."""
    return bundle_of(tmp_path_factory.mktemp("served"), trained)


@pytest.fixture
def own_bundle(served: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written to."""
    return shutil.copytree(served, tmp_path / "bundle")
