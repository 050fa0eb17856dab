"""The methods that HealthyGAN is compared with, and what the data give away for free; one contract (``base``)."""

from __future__ import annotations

from healthygan_monai.baselines.base import Batches, Detector, NotFitted
from healthygan_monai.baselines.registry import (
    DETECTORS,
    check_options,
    known_options,
    load_detector,
    make_detector,
)

__all__ = [
    "DETECTORS",
    "Batches",
    "Detector",
    "NotFitted",
    "check_options",
    "known_options",
    "load_detector",
    "make_detector",
]
