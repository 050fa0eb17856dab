"""Runs of the pretrained recipe in seconds: a small random network, few iterations."""

from typing import Any

import pytest
from tiny import train

PRETRAINED: dict[str, Any] = {
    **{"recipe": "pretrained", "critic_backbone": "resnet18", "critic_weights": "random"},
    **{"critic_size": 32, "critic_channels": 4, "lambda_adv_healthy": 0, "kept_out": 0.4},
    **{"log_interval": 1, "prices": [0.5, 5.0], "price_iterations": 2, "price_folds": 2},
}


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    return PRETRAINED


@pytest.fixture(scope="session")
def run(tmp_path_factory, tiny_data):
    """A whole training with a searched price."""
    return train(tmp_path_factory.mktemp("pretrained"), tiny_data, **PRETRAINED)
