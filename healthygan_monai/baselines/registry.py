"""A detector by its name and options, as configs and commands give them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from data_prep.errors import nearest
from healthygan_monai.baselines.base import Detector, read_state
from healthygan_monai.baselines.frozen.base import FeatureDetector
from healthygan_monai.baselines.frozen.padim import Padim
from healthygan_monai.baselines.frozen.patchcore import PatchCore
from healthygan_monai.baselines.gan.alad import Alad
from healthygan_monai.baselines.gan.alocc import Alocc
from healthygan_monai.baselines.gan.detector import GanDetector
from healthygan_monai.baselines.gan.fanogan import FAnoGAN
from healthygan_monai.baselines.gan.ganomaly import Ganomaly
from healthygan_monai.baselines.sanity import DistanceToMean, MeanIntensity, PuClassifier
from healthygan_monai.errors import ModelError, NoModel

DETECTORS: dict[str, type[Detector]] = {
    detector.name: detector
    for detector in (
        *(Alad, Alocc, FAnoGAN, Ganomaly),
        *(Padim, PatchCore),
        *(MeanIntensity, DistanceToMean, PuClassifier),
    )
}
OF_THE_DATA = ("image_size", "channels")  # a GAN's settings that the images bring


def detector_class(method: str) -> type[Detector]:
    """The class of that name.

    Raises:
        ValueError: no such method; names the nearest.
    """
    if method not in DETECTORS:
        raise ValueError(
            f"method is {method!r}{nearest(method, DETECTORS) or '.'} "
            f"Expected one of {', '.join(DETECTORS)}."
        )
    return DETECTORS[method]


def known_options(method: str) -> list[str]:
    """Names of what can be set of a method, beside ``weights`` and the device."""
    found = detector_class(method)
    if issubclass(found, GanDetector):
        names = [field.name for field in dataclasses.fields(found.Settings)]
        return [name for name in names if name not in OF_THE_DATA]
    if issubclass(found, FeatureDetector):
        names = list(inspect.signature(found).parameters)
        return [name for name in names if name not in ("weights", "device")]
    return []


def check_options(method: str, options: Mapping[str, Any], weights: str | None = None) -> None:
    """Refuse what the method does not read.

    Raises:
        ValueError: names every option that it does not have with the nearest that it has.
    """
    known = known_options(method)
    problems = [
        f"{method} has no setting {name!r}{nearest(name, known)}"
        for name in options
        if name not in known
    ]
    if weights is not None and not issubclass(detector_class(method), FeatureDetector):
        problems.append(f"{method} has no backbone, so that weights {weights!r} would do nothing")
    if problems:
        raise ValueError("; ".join(problems))


def make_detector(
    method: str,
    options: Mapping[str, Any] | None = None,
    weights: Path | str | None = None,
    device: torch.device | str = "cpu",
) -> Detector:
    """A new detector of that method.

    Args:
        method: a name of ``DETECTORS``.
        options: see :func:`known_options`; published values where none are given.
        weights: of the backbone, see :func:`~healthygan_monai.networks.backbones.make_backbone`.
        device: where to fit and score.

    Raises:
        ValueError: unknown method or option, or a value that cannot be meant.
        FileNotFoundError: no such file of weights.
    """
    options = dict(options or {})
    check_options(method, options, None if weights is None else str(weights))
    found: Any = detector_class(method)
    if issubclass(found, FeatureDetector):
        return found(weights=weights, device=device, **options)
    if issubclass(found, GanDetector):
        return found(device=device, **options)
    return found()


def used_options(detector: Detector, images: int, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Every option of a detector as it will be used on ``images`` images of ``shape`` (C, H, W).

    They make the same detector again.
    """
    if isinstance(detector, GanDetector):
        settings = dataclasses.asdict(detector.settings.resolved(images, shape))
        return {name: value for name, value in settings.items() if name not in OF_THE_DATA}
    if isinstance(detector, FeatureDetector):
        own = {name: getattr(detector, name) for name in detector.SETTINGS}
        backbone = detector.backbone
        return {"backbone": backbone.name, "input_size": backbone.input_size, **own}
    return {}


def image_side(detector: Detector) -> int:
    """Pixels of a side of the images that a fitted detector scores."""
    if isinstance(detector, GanDetector):
        return int(detector.settings.image_size or 0)
    if isinstance(detector, FeatureDetector):
        return int((detector.image_shape or (0, 0, 0))[-1])
    return int(detector.mean.shape[-1])  # type: ignore[attr-defined]


def image_channels(detector: Detector) -> int:
    """1 (grey) or 3, of the images that a fitted detector scores."""
    if isinstance(detector, GanDetector):
        return int(detector.settings.channels or 1)
    if isinstance(detector, FeatureDetector):
        return int((detector.image_shape or (1, 0, 0))[0])
    return int(detector.mean.shape[0])  # type: ignore[attr-defined]


def backbone_label(detector: Detector) -> str:
    """Name of the pretrained network under a detector, for scores.csv; empty where there is none."""
    return detector.backbone.label if isinstance(detector, FeatureDetector) else ""


def load_detector(path: Path | str, device: torch.device | str = "cpu") -> Detector:
    """The detector that ``Detector.save`` wrote, whichever method it is.

    Raises:
        NoModel: no such file.
        ModelError: not such a file, or a method that this version does not have.
    """
    path = Path(path)
    if not path.is_file():
        raise NoModel(f"{path}: no such model; train one: healthygan train --method NAME.")
    state = read_state(path)
    if state["method"] not in DETECTORS:
        raise ModelError(
            f"{path.name}: method {state['method']!r}; this version has {', '.join(DETECTORS)}."
        )
    detector = DETECTORS[state["method"]].from_state(state)
    return on_device(detector, device)


def on_device(detector: Detector, device: torch.device | str) -> Detector:
    """The detector with its networks and fitted tensors on a device."""
    device = torch.device(device)
    if isinstance(detector, GanDetector):
        detector.device = device
        detector.gan = detector.gan.to(device) if detector.gan is not None else None
    elif isinstance(detector, FeatureDetector):
        detector.device = device
        detector.backbone = detector.backbone.to(device)
        for name in detector.FITTED:
            value = getattr(detector, name, None)
            if isinstance(value, torch.Tensor):
                setattr(detector, name, value.to(device))
    return detector
