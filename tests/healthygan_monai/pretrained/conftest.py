"""Runs of the pretrained recipe in seconds: a small random network, few iterations."""

from typing import Any

import pytest
from tiny import PRETRAINED, train


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    return PRETRAINED


@pytest.fixture(scope="session")
def run(tmp_path_factory, tiny_data):
    """A whole training with a searched price."""
    return train(tmp_path_factory.mktemp("pretrained"), tiny_data, **PRETRAINED)
