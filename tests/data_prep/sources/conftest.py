"""Full-size metadata, written once a test session."""

from __future__ import annotations

from pathlib import Path

import pytest
from generated import write_chestxray14, write_covidx, write_ixi


@pytest.fixture(scope="session")
def covidx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_covidx(tmp_path_factory.mktemp("covidx"))


@pytest.fixture(scope="session")
def chest_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chestxray14(tmp_path_factory.mktemp("chestxray14"))


@pytest.fixture(scope="session")
def ixi_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ixi(tmp_path_factory.mktemp("ixi"))
