"""Settings with which every detector of the registry is fitted within seconds, for the contract tests."""

from __future__ import annotations

from typing import Any

FEATURES = {"backbone": "resnet18", "weights": "random"}
SHORT = {"features": 2, "max_iterations": 4, "batch_size": 4}
TINY: dict[str, dict[str, Any]] = {
    "padim": {**FEATURES, "channels": 20},
    "patchcore": {**FEATURES, "dimension": 64, "projection": 16, "neighbours": 3},
    "mean-intensity": {},
    "distance-to-mean": {},
    "pu-classifier": FEATURES,
    "alad": {**SHORT, "latent": 3, "patience": 0},
    "alocc": {**SHORT, "calibration_batches": 2},
    "ganomaly": {**SHORT, "latent": 3},
    "f-anogan": {**SHORT, "latent": 3},
}
# Scores, and maps of the GANs, that are not asked to tell planted lesions from none; why stands with each.
UNTRAINED = "four iterations of tiny networks teach nothing; test_gans_on_phantoms.py trains longer"
BLIND = {
    "mean-intensity": "films differ more in exposure than a lesion changes their mean",
    **dict.fromkeys(("alad", "alocc", "ganomaly", "f-anogan"), UNTRAINED),
}
