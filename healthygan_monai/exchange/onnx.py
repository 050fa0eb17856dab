"""A trained generator as an ONNX file for ONNX Runtime and what else reads ONNX."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from healthygan_monai.exchange.facts import facts_about
from healthygan_monai.exchange.files import checked_output, whole_file
from healthygan_monai.exchange.parity import TOLERANCE, assure_parity, largest_difference
from healthygan_monai.exchange.runtimes import OnnxNetwork, needed
from healthygan_monai.inference import load_generator, load_weights

OPSET = 17  # what the oldest ONNX Runtime of setup.cfg reads


def export_onnx(
    checkpoint: Path, output: Path, image_size: int | None = None, tolerance: float = TOLERANCE
) -> float:
    """Write ``output`` (.onnx): input ``image`` (B, C, H, W), output ``pred`` (B, C + 1, H, W), B, H and W free.

    H and W must be divisible by 4. The facts (:class:`~healthygan_monai.exchange.facts.Facts`) are its
    ``metadata_props``. Returns the largest difference from PyTorch, measured on the written file.

    Raises:
        ModuleNotFoundError: onnx or onnxruntime is missing.
        ValueError: not a HealthyGAN model, no image size known, or the difference exceeds ``tolerance``.
    """
    output = checked_output(output, ".onnx")
    onnx = needed("onnx", "export to ONNX")
    needed("onnxruntime", "export to ONNX, which compares the file with PyTorch,")
    from monai.networks.utils import convert_to_onnx

    generator = load_generator(load_weights(checkpoint))
    facts = facts_about(checkpoint, generator.image_channels, image_size)
    axes = {0: "images", 2: "rows", 3: "columns"}
    with whole_file(output) as part, warnings.catch_warnings():
        # per-image statistics are meant to be computed; that PyTorch's older exporter, which needs no further
        # package and writes one file, will go some day is no concern of a user
        warnings.filterwarnings(
            "ignore", message=".*(instance_norm|TorchScript|legacy|dynamic_axes).*"
        )
        model = convert_to_onnx(
            generator,
            [torch.zeros(2, generator.image_channels, 32, 48)],
            input_names=["image"],
            output_names=["pred"],
            dynamic_axes={"image": axes, "pred": axes},
            opset_version=OPSET,
            filename=str(part),
            dynamo=False,
        )
        model.producer_name, model.producer_version = "healthygan-monai", facts.version
        model.doc_string = "HealthyGAN generator. Research software, not a medical device."
        onnx.helper.set_model_props(model, facts.as_texts())
        onnx.checker.check_model(model)
        onnx.save(model, str(part))
        difference = largest_difference(
            generator, OnnxNetwork(part), facts.image_channels, facts.image_size
        )
        assure_parity(difference, output, tolerance)
    return difference
