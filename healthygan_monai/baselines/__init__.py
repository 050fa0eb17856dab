"""The methods that HealthyGAN is compared with, and what the data give away for free; one contract (``base``)."""

from __future__ import annotations

from pathlib import Path

from healthygan_monai.baselines.alad import Alad
from healthygan_monai.baselines.alocc import Alocc
from healthygan_monai.baselines.base import Batches, Detector, NotFitted, read_state
from healthygan_monai.baselines.fanogan import FAnoGAN
from healthygan_monai.baselines.ganomaly import Ganomaly
from healthygan_monai.baselines.padim import Padim
from healthygan_monai.baselines.patchcore import PatchCore
from healthygan_monai.baselines.sanity import DistanceToMean, MeanIntensity, PuClassifier

__all__ = ["DETECTORS", "Batches", "Detector", "NotFitted", "load_detector"]

DETECTORS: dict[str, type[Detector]] = {
    detector.name: detector
    for detector in (
        *(Alad, Alocc, FAnoGAN, Ganomaly),
        *(Padim, PatchCore),
        *(MeanIntensity, DistanceToMean, PuClassifier),
    )
}


def load_detector(path: Path) -> Detector:
    """The detector that ``Detector.save`` wrote, whichever method it is.

    Raises:
        ValueError: not such a file, or a method that this version does not have.
    """
    state = read_state(path)
    if state["method"] not in DETECTORS:
        raise ValueError(
            f"{Path(path).name}: method {state['method']!r}; this version has {', '.join(DETECTORS)}."
        )
    return DETECTORS[state["method"]].from_state(state)
