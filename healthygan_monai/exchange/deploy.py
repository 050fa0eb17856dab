"""The configs inside an exported TorchScript file, for MONAI Deploy's bundle operator.

That operator takes ``preprocessing``, ``inferer``, ``postprocessing`` and ``device`` from
``extra/inference.json`` and the tensors' names from ``extra/metadata.json``. Images are in memory,
a
DICOM film as (W, H, 1) without a channel; results are 8-bit whole numbers, (1, W, H, 1)
(monai-deploy-app-sdk, ``monai_bundle_inference_operator.py``).
"""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import MapTransform

from data_prep.files import read_json
from healthygan_monai.composition import output_names, output_range, output_words
from healthygan_monai.data.transforms import WHITE, resized
from healthygan_monai.inferer import Translationd
from healthygan_monai.models.exported_facts import Facts
from healthygan_monai.paths import METADATA_FILE, bundle_root

OF_THE_SHIPPED_MODEL = ("data_source", "data_type", "eval_metrics", "training")


class FromDeployd(MapTransform):
    """(W, H, 1) or (W, H) grey levels, 0 to ``white``, -> (C, size, size) float32 in [-1, 1].

    Raises:
        ValueError: another shape or other grey levels: not an image prepared by data_prep.
    """

    def __init__(
        self, keys: str = "image", size: int = 64, channels: int = 1, white: int = WHITE[8]
    ) -> None:
        super().__init__(keys)
        self.size, self.channels, self.white = size, channels, white

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            image = torch.as_tensor(d[key])
            if image.ndim == 3 and image.shape[-1] == 1:
                image = image[..., 0]
            if image.ndim != 2:
                shape = tuple(image.shape)
                raise ValueError(f"image of shape {shape}; expected one film or slice, (W, H, 1).")
            if image.min() < 0 or image.max() > self.white:
                raise ValueError(
                    f"grey levels {float(image.min()):g} to {float(image.max()):g}; expected 0 to "
                    f"{self.white}, as healthygan prep writes them. Prepare the image, or set "
                    "preprocessing#transforms#0#white."
                )
            scaled = image.T[None].to(torch.float32) * 2 / self.white - 1  # (1, H, W)
            d[key] = resized(scaled, self.size).repeat(self.channels, 1, 1)
        return d


class ToDeployd(MapTransform):
    """A difference map (1, H, W) in [0, 1] -> (1, W, H, 1) in 0 to 255, as SDK images are."""

    def __init__(self, keys: str = "pred") -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = (d[key].transpose(-1, -2)[..., None] * 255).round()
        return d


def metadata_for(facts: Facts) -> dict[str, Any]:
    """Return the bundle's metadata with this network's tensors and facts (``healthygan``)."""
    metadata = read_json(bundle_root() / "configs" / METADATA_FILE)
    for key in OF_THE_SHIPPED_MODEL:
        metadata.pop(key, None)
    tensors = metadata["network_data_format"]
    image, pred = tensors["inputs"]["image"], tensors["outputs"]["pred"]
    image["spatial_shape"] = pred["spatial_shape"] = [facts.image_size, facts.image_size]
    colours = range(facts.image_channels)
    names = ["image"] if len(colours) == 1 else [f"image_{c}" for c in colours]
    for part, channels in ((image, names), (pred, output_names(names, facts.translation))):
        part["num_channels"] = len(channels)
        part["channel_def"] = {str(number): name for number, name in enumerate(channels)}
    pred["value_range"] = output_range(facts.translation)
    metadata["pred_classes"] = output_words(facts.translation)
    return {**metadata, "healthygan": facts.as_texts()}


def inference_for(facts: Facts) -> dict[str, Any]:
    """Return ``extra/inference.json``: from an image in memory to its difference map."""
    prepare: dict[str, Any] = {"_target_": f"{__name__}.{FromDeployd.__name__}", "keys": "image"}
    prepare |= {"size": facts.image_size, "channels": facts.image_channels, "white": WHITE[8]}
    translation = f"{Translationd.__module__}.{Translationd.__name__}"
    return {
        "imports": ["$import torch"],
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "preprocessing": {"_target_": "Compose", "transforms": [prepare]},
        "inferer": {"_target_": "healthygan_monai.inferer.HealthyGANInferer"},
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": translation, "keys": "pred"},
                {"_target_": f"{__name__}.{ToDeployd.__name__}", "keys": "pred"},
            ],
        },
    }
