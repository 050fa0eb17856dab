"""Folders of real data and of published numbers; where they are absent, the tests that need them skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared"


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable, default))
    if not folder.is_dir():
        pytest.skip(f"{variable} names no folder ({folder})")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """Numbers of the published implementation (HEALTHYGAN_GOLDEN)."""
    return _folder("HEALTHYGAN_GOLDEN", BESIDE / "golden")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real images with their manifests (HEALTHYGAN_DATA)."""
    return _folder("HEALTHYGAN_DATA", BESIDE / "data")
