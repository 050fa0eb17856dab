"""Folders of real data and published numbers, and one tiny data set and run that tests share."""

import gc
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

# tiny networks; two threads would only wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest
import warm_children
from places import SHARED
from tiny import train, write_dataset

import healthygan_monai.evaluation.defaults
from data_prep.work.kept import BOUNDED, keep_freed_memory

# before it becomes the default of a function; tests of intervals say how many they want
healthygan_monai.evaluation.defaults.RESAMPLES = 100
healthygan_monai.evaluation.defaults.PROBE_RESAMPLES = 100

# the same examples in every run; a slow machine is no failure
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("repeatable")


# pages that the system hands out again and again are a tenth of the time of the tests
keep_freed_memory(*BOUNDED)

# Collecting makes a million objects that stay; to look through them again and again is a tenth of
# the time of the tests.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


@pytest.fixture(autouse=True)
def _warm_children(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start guarded children at once, but where the guard or what they inherit is tested."""
    if request.path.parent.name != "work" and request.path.name != "test_full_disk.py":
        monkeypatch.setattr("data_prep.work.guard.PYTHON", warm_children.executable())


@pytest.fixture(autouse=True)
def _known_pace(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the pace of this machine only where that is tested, not before each tiny training."""
    forecast = sys.modules.get("healthygan_monai.config.forecast")
    if forecast is not None and request.path.name != "test_forecast.py":
        monkeypatch.setattr(forecast, "_measure", lambda _: forecast.Pace(0.1, None, "cpu", 3))


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable, default))
    if not folder.is_dir():
        pytest.skip(f"{variable} names no folder ({folder})")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """Numbers of the published implementation (HEALTHYGAN_GOLDEN)."""
    return _folder("HEALTHYGAN_GOLDEN", SHARED / "golden")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real images with their manifests (HEALTHYGAN_DATA)."""
    return _folder("HEALTHYGAN_DATA", SHARED / "data")


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared data set of 19 drawn images; not to be written to."""
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> Path:
    """The folder of a finished run on it; not to be written to."""
    root = logging.getLogger()
    before = list(root.handlers)
    folder = train(tmp_path_factory.mktemp("runs"), tiny_data)
    root.handlers[:] = before
    return folder


@pytest.fixture
def own_run(trained: Path, tmp_path: Path) -> Path:
    """A copy of that run, to be written to."""
    return shutil.copytree(trained, tmp_path / "runs" / trained.name)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws without a seed of its own is the same in every order of the tests."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def log_handlers() -> Iterator[None]:
    """Runs and commands set up logging for a whole process; a test is only a part of one."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
