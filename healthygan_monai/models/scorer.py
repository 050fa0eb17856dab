"""From a model to scores and maps, for every method, file and runtime.

:func:`make_scorer` opens the file of a model. Report, server, Python API, sample pictures of a
training and ``inference_baseline.json`` call a :class:`Scorer`. MONAI's evaluator in
``inference.json`` calls its two halves, ``HealthyGANInferer`` and ``scores_and_maps``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from data_prep.errors import UsageError
from healthygan_monai.baselines.base import Detector
from healthygan_monai.baselines.registry import load_detector
from healthygan_monai.inferer import HealthyGANInferer, scores_and_maps
from healthygan_monai.models.about import image_size_for, method_of, seed_of
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.models.places import size_of_its_bundle
from healthygan_monai.paths import bundle_root, size_in_metadata
from healthygan_monai.scoring import HEALTHYGAN, SCORE_RULE, score_rule

CPU = torch.device("cpu")


class Scored(NamedTuple):
    """What a model says of a batch.

    Attributes:
        scores: (B,); higher is more anomalous.
        maps: (B, 1, H, W) by name; empty for a method that draws none. ``difference`` is the
            anomaly map. HealthyGAN also has ``mask`` and ``healthy``, and all its maps are in [0,
            1].
    """

    scores: torch.Tensor
    maps: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Scorer:
    """A trained model as a function: images float32 (B, C, H, W) in [-1, 1] -> :class:`Scored`.

    Attributes:
        compute: the function itself, for images on ``device``.
        method: healthygan, padim, ..., as in scores.csv.
        image_size: pixels of a side of the images it was trained on.
        image_channels: C, 1 (grey) or 3.
        backbone: pretrained network under the method; empty where there is none.
        runtime: what computes: pytorch, torchscript, onnxruntime or openvino.
        seed: of the training; 0 where it is not known.
        score_by: rule of HealthyGAN's scores, a key of ``scoring.SCORE_RULES``.
        device: where it computes; scores and maps stay there.
    """

    compute: Callable[[torch.Tensor], Scored]
    method: str
    image_size: int
    image_channels: int
    backbone: str = ""
    runtime: str = "pytorch"
    seed: int = 0
    device: torch.device = CPU
    score_by: str = SCORE_RULE

    def __call__(self, images: torch.Tensor) -> Scored:
        """Score a batch; what MONAI carries beside an image is dropped."""
        return self.compute(plain(images).to(self.device))


def make_scorer(
    path: Path | str,
    device: torch.device = CPU,
    image_size: int | None = None,
    score_by: str = SCORE_RULE,
    accept_changed: bool = False,
) -> Scorer:
    """Return the Scorer of a model's file: a generator's weights, an export of it, or a detector.

    Args:
        path: model.pt, model.ts, model.onnx, ...
        device: where to compute.
        image_size: for a generator whose size neither the file nor a config.json beside it says;
            default: its bundle's, else the installed bundle's.
        score_by: rule of a generator's scores.
        accept_changed: whether weights changed since training are taken.

    Raises:
        NoModel: no such file.
        ModelError: the file is not a model of this project, not a complete one, or changed.
        UsageError: no such rule, or a rule for another method.

    >>> scorer = make_scorer(bundle_root() / "models" / "model.pt")
    >>> scorer(torch.zeros(2, 1, 64, 64)).maps["difference"].shape
    torch.Size([2, 1, 64, 64])
    """
    path = Path(path)
    score_rule(score_by)
    if method_of(path) != HEALTHYGAN:
        if score_by != SCORE_RULE:
            raise UsageError(f"score_by is {score_by!r}: {path} is of a method with its own score.")
        return detector_scorer(load_detector(path, device, accept_changed), device, seed_of(path))
    generator = load_generator(load_weights(path, accept_changed)).to(device)
    otherwise = image_size or size_of_its_bundle(path) or size_in_metadata(bundle_root())
    size = image_size_for(path, otherwise)
    return generator_scorer(
        generator, size, generator.image_channels, device, seed_of(path), score_by
    )


def generator_scorer(
    generator: torch.nn.Module,
    image_size: int,
    image_channels: int,
    device: torch.device = CPU,
    seed: int = 0,
    score_by: str = SCORE_RULE,
) -> Scorer:
    """Return the Scorer of a HealthyGAN generator on ``device``; it may still be in training."""

    @torch.no_grad()
    def compute(images: torch.Tensor) -> Scored:
        return Scored(*scores_and_maps(HealthyGANInferer()(images, generator), score_by))

    runtime = str(getattr(generator, "runtime", "pytorch"))
    return Scorer(
        *(compute, HEALTHYGAN, image_size, image_channels),
        runtime=runtime,
        seed=seed,
        device=device,
        score_by=score_by,
    )


def detector_scorer(detector: Detector, device: torch.device = CPU, seed: int = 0) -> Scorer:
    """Return the Scorer of a fitted detector on ``device``."""

    def compute(images: torch.Tensor) -> Scored:
        scores = detector.score(images)
        maps = {"difference": detector.anomaly_map(images)} if detector.has_map else {}
        return Scored(scores, maps)

    return Scorer(
        compute,
        detector.name,
        detector.image_size,
        detector.image_channels,
        detector.backbone_label,
        seed=seed,
        device=device,
    )


def plain(image: torch.Tensor) -> torch.Tensor:
    """Return the tensor without what MONAI carries beside it."""
    as_tensor = getattr(image, "as_tensor", None)
    return as_tensor() if as_tensor is not None else torch.as_tensor(image)
