"""One call for every method: a batch of images -> each image's score and maps, as the bundle's configs make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from monai.data import decollate_batch

from healthygan_monai.data import to_display
from healthygan_monai.inference.pictures import picture_saver
from healthygan_monai.inferer import HealthyGANInferer, Translationd
from healthygan_monai.models.exported_facts import METHOD
from healthygan_monai.models.load import load_generator, load_weights

Parts = dict[str, "np.ndarray[Any, np.dtype[np.float32]]"]
Save = Callable[[dict[str, Any]], Any]
PICTURES = ("difference", "mask", "healthy")


class Scorer(Protocol):
    """A fitted model; images are float32 (B, C, S, S) in [-1, 1], maps float32 (S, S)."""

    method: str
    backbone: str
    runtime: str
    image_size: int
    channels: int

    def __call__(
        self, images: torch.Tensor, save: Save | None = None
    ) -> list[tuple[float, Parts]]: ...

    def saver(self, images: Any, folder: Path | None, root: Path) -> Save | None:
        """What writes the pictures of one image, given as the configs' post-processing is; None writes none."""


class Translator:
    """HealthyGAN, through the inferer and the post-processing of inference.json."""

    method = METHOD
    backbone = ""

    def __init__(self, checkpoint: Path, device: torch.device, image_size: int) -> None:
        self.generator = load_generator(load_weights(checkpoint)).to(device)
        self.channels = self.generator.image_channels
        self.runtime = getattr(self.generator, "runtime", "pytorch")
        self.image_size = image_size
        self.device = device
        self._infer, self._split = HealthyGANInferer(), Translationd()

    @torch.no_grad()
    def __call__(self, images: torch.Tensor, save: Save | None = None) -> list[tuple[float, Parts]]:
        images = images.to(self.device)
        results = []
        batch = {"image": images, "pred": self._infer(images, self.generator)}
        for each in decollate_batch(batch):
            item: dict[Any, Any] = self._split(each)
            if save is not None:
                save(item)
            maps = {name: item[name][0] for name in PICTURES}
            results.append((item["score"], plain({"input": to_display(item["image"]), **maps})))
        return results

    def saver(self, images: Any, folder: Path | None, root: Path) -> Save | None:
        if folder is None:
            return None
        savers = [picture_saver(name, folder, root) for name in PICTURES]

        def save(item: dict[str, Any]) -> None:
            for one in savers:
                one(item)

        return save


class DetectorScorer:
    """Another method, through its detector."""

    runtime = "pytorch"

    def __init__(self, checkpoint: Path, device: torch.device) -> None:
        from healthygan_monai.baselines.registry import load_detector

        self.detector = load_detector(checkpoint, device)
        self.method = self.detector.name
        self.backbone = self.detector.backbone_label
        self.image_size = self.detector.image_size
        self.channels = self.detector.image_channels
        self.device = device

    def __call__(self, images: torch.Tensor, save: Save | None = None) -> list[tuple[float, Parts]]:
        from healthygan_monai.inference.pictures import plain_image

        images = images.to(self.device)
        bare = plain_image({"image": images})
        scores = self.detector.score(bare)
        drawn = self.detector.anomaly_map(bare) if self.detector.has_map else None
        results = []
        for index, each in enumerate(decollate_batch({"image": images, "score": scores})):
            image, score = each["image"], each["score"]
            maps = {"input": to_display(image)}
            if drawn is not None:
                maps["difference"] = drawn[index, 0]
                if save is not None:
                    save({"image": image, "difference": drawn[index]})
            results.append((float(score), plain(maps)))
        return results

    def saver(self, images: Any, folder: Path | None, root: Path) -> Save | None:
        from healthygan_monai.inference.detector_evaluator import MapPictures

        if folder is None or not self.detector.has_map:
            return None
        return MapPictures(self.detector, images, folder, root)


def make_scorer(checkpoint: Path, method: str, device: torch.device, image_size: int) -> Scorer:
    """The scorer of a model's file; ``image_size`` is HealthyGAN's, other methods carry theirs.

    Raises:
        NoModel, ModelError: see ``load_weights`` and ``load_detector``.
    """
    if method == METHOD:
        return Translator(checkpoint, device, image_size)
    return DetectorScorer(checkpoint, device)


def plain(parts: Mapping[str, Any]) -> Parts:
    """Maps (S, S) as NumPy arrays of their own, without what MONAI carries beside them."""
    return {
        name: np.ascontiguousarray(np.asarray(torch.as_tensor(part).cpu()), dtype=np.float32)
        for name, part in parts.items()
    }
