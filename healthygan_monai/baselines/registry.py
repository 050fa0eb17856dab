"""Make or load a detector by the name of its method."""

import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from data_prep.errors import UsageError, nearest
from healthygan_monai.baselines.base import Detector, read_state
from healthygan_monai.baselines.names import METHODS
from healthygan_monai.errors import ModelError, NoModel

DETECTORS: dict[str, type[Detector]] = {
    name: pkgutil.resolve_name(home) for name, home in METHODS.items()
}


def detector_class(method: str) -> type[Detector]:
    """Return the class of that name; raise UsageError with the nearest name if unknown."""
    if method not in DETECTORS:
        near = nearest(method, DETECTORS) or "."
        raise UsageError(f"method is {method!r}{near} Expected one of {', '.join(DETECTORS)}.")
    return DETECTORS[method]


def check_options(method: str, options: Mapping[str, Any], weights: str | None = None) -> None:
    """Raise UsageError for options that the method does not have, with the nearest names."""
    detector = detector_class(method)
    known = detector.known_options()
    wrong = [name for name in options if name not in known]
    problems = [f"{method} has no setting {name!r}{nearest(name, known)}" for name in wrong]
    if weights is not None and not detector.has_backbone:
        problems.append(f"{method} has no backbone, so that weights {weights!r} would do nothing")
    if problems:
        raise UsageError("; ".join(problems))


def make_detector(
    method: str,
    options: Mapping[str, Any] | None = None,
    weights: Path | str | None = None,
    device: torch.device | str = "cpu",
) -> Detector:
    """Return a new detector of that method.

    Args:
        method: a name of ``METHODS``.
        options: see :meth:`Detector.known_options`; published values are the defaults.
        weights: of the backbone, see :func:`~healthygan_monai.networks.backbones.make_backbone`.
        device: where to fit and score.

    Raises:
        FileNotFoundError, ValueError: no such weights; an unknown or invalid method or option.
    """
    options = dict(options or {})
    check_options(method, options, None if weights is None else str(weights))
    given = {} if weights is None else {"weights": weights}
    return detector_class(method)(**given, device=device, **options)


def load_detector(
    path: Path | str, device: torch.device | str = "cpu", accept_changed: bool = False
) -> Detector:
    """Return the detector of any method that ``Detector.save`` wrote.

    Raises:
        NoModel, ModelError: no such file; not such a file, an unknown method, or weights that are
            damaged or changed since training.
    """
    path = Path(path)
    if not path.is_file():
        raise NoModel(f"{path}: no such model; train one: healthygan train --method NAME.")
    state = read_state(path, accept_changed=accept_changed)
    if state["method"] not in DETECTORS:
        raise ModelError(
            f"{path.name}: method {state['method']!r}; this version has {', '.join(DETECTORS)}."
        )
    try:
        detector = DETECTORS[state["method"]].from_state(state)
    except (AttributeError, KeyError, IndexError, RuntimeError, TypeError) as error:
        kind = type(error).__name__
        raise ModelError(f"{path}: not a whole model of {state['method']} ({kind}).") from error
    return detector.to(device)
