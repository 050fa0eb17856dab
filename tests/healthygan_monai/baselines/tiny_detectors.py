"""Settings with which every detector of the registry is fitted within seconds, for the contract tests."""

from __future__ import annotations

from typing import Any

FEATURES = {"backbone": "resnet18", "weights": "random"}
TINY: dict[str, dict[str, Any]] = {
    "padim": {**FEATURES, "channels": 20},
    "patchcore": {**FEATURES, "dimension": 64, "projection": 16, "neighbours": 3},
    "mean-intensity": {},
    "distance-to-mean": {},
    "pu-classifier": FEATURES,
}
# Scores that are not asked to tell planted lesions from none; why stands with each.
BLIND = {"mean-intensity": "films differ more in exposure than a lesion changes their mean"}
