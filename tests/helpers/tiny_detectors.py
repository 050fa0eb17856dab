"""Settings with which every detector of the registry is fitted within seconds."""

from typing import Any

import torch

from healthygan_monai.baselines.gan.detector import GanDetector
from healthygan_monai.baselines.registry import DETECTORS

FEATURES = {"backbone": "resnet18", "weights": "random"}
SHORT = {"features": 2, "latent": 3, "max_iterations": 4, "batch_size": 4}
OWN: dict[str, dict[str, Any]] = {  # where the settings below are not enough
    "padim": {"channels": 20},
    "patchcore": {"dimension": 64, "projection": 16, "neighbours": 3},
    "alad": {"patience": 0},
    "alocc": {"calibration_batches": 2},
    "f-anogan": {"n_critic": 2},
}
GANS = [detector for detector in DETECTORS.values() if issubclass(detector, GanDetector)]


def _tiny(name: str) -> dict[str, Any]:
    known = DETECTORS[name].known_options()
    usual = FEATURES if DETECTORS[name].has_backbone else {k: SHORT[k] for k in SHORT if k in known}
    return {**usual, **OWN.get(name, {})}


TINY = {name: _tiny(name) for name in DETECTORS}
# methods that are not asked to tell planted lesions from none, and why
UNTRAINED = "four iterations of tiny networks teach nothing; test_gans_on_phantoms.py trains longer"
BLIND = {
    "mean-intensity": "films differ more in exposure than a lesion changes their mean",
    **{gan.name: UNTRAINED for gan in GANS},
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noisy(*shape: int, seed: int = 0) -> torch.Tensor:
    """Images of uniform noise in [-1, 1]."""
    return torch.rand(*shape, generator=generator(seed)) * 2 - 1
