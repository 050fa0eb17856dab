"""Write a trained generator as an ONNX file."""

import copy
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from healthygan_monai.integrity.onnx import sealed
from healthygan_monai.models.exported_facts import Facts
from healthygan_monai.models.runtimes import needed

OPSET = 17  # read by the oldest ONNX Runtime of setup.cfg


class NormByRows(nn.Module):
    """``InstanceNorm2d``: w (x - mean) / sqrt(var + eps) + b over each image's plane; (B, C, H, W).

    Means are over rows first, then over the rows' means. ONNX Runtime adds a whole plane in float32
    at once, which at 512 x 512 changes the output by 1.5e-4, and by 5e-3 for an image of one grey
    level (measured against float64; by rows: 7e-6 and 5e-5).
    """

    def __init__(self, layer: nn.InstanceNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = layer.weight, layer.bias, layer.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        centred = x - _mean_by_rows(x)
        scale = self.weight[:, None, None] / torch.sqrt(_mean_by_rows(centred**2) + self.eps)
        return centred * scale + self.bias[:, None, None]


def _mean_by_rows(x: torch.Tensor) -> torch.Tensor:
    # OpenVINO merges two means that keep their axes alike into one over the whole plane
    return x.mean(3, keepdim=True).mean(2)[..., None]  # (B, C, 1, 1)


def _with_norm_by_rows(network: nn.Module) -> nn.Module:
    """Replace the normalisation layers of ``network`` itself."""
    for name, layer in list(network.named_children()):
        if isinstance(layer, nn.InstanceNorm2d):
            setattr(network, name, NormByRows(layer))
        else:
            _with_norm_by_rows(layer)
    return network


def write_onnx(generator: nn.Module, facts: Facts, path: Path) -> None:
    """Write a generator: input ``image``, output ``pred``, facts as ``metadata_props``."""
    needed("onnxruntime", "export to ONNX, which compares the file with PyTorch,", "onnx")
    path.write_bytes(sealed(onnx_model(generator, facts).SerializeToString()))


def onnx_model(
    generator: nn.Module, facts: Facts, what: str = "export to ONNX", extra: str = "onnx"
) -> Any:
    """Return a generator as an ``onnx.ModelProto``.

    Raises:
        NotInstalled: ``what`` needs onnx, which ``extra`` brings.
    """
    onnx = needed("onnx", what, extra)
    from monai.networks.utils import convert_to_onnx

    axes = {0: "images", 2: "rows", 3: "columns"}
    with warnings.catch_warnings():
        # statistics per image are intended, and so is PyTorch's older exporter: it needs no further
        # package and writes one file
        known = ".*(instance_norm|TorchScript|legacy|dynamic_axes).*"
        warnings.filterwarnings("ignore", message=known)
        model = convert_to_onnx(
            _with_norm_by_rows(copy.deepcopy(generator)),
            [torch.zeros(2, facts.image_channels, 32, 48)],
            input_names=["image"],
            output_names=["pred"],
            dynamic_axes={"image": axes, "pred": axes},
            opset_version=OPSET,
            dynamo=False,
        )
    model.producer_name, model.producer_version = "healthygan-monai", facts.version
    model.doc_string = "HealthyGAN generator. Research software, not a medical device."
    onnx.helper.set_model_props(model, facts.as_texts())
    onnx.checker.check_model(model)
    return model
