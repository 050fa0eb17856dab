"""A trained generator as a TorchScript file in MONAI's layout, for MONAI Deploy and for C++."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from data_prep.files import whole
from healthygan_monai.exchange.deploy import inference_for, metadata_for
from healthygan_monai.exchange.parity import TOLERANCE, assure_parity, largest_difference
from healthygan_monai.models.about import facts_about
from healthygan_monai.models.exported import TorchScriptNetwork, checked_output
from healthygan_monai.models.load import load_generator, load_weights


def export_torchscript(
    checkpoint: Path, output: Path, image_size: int | None = None, tolerance: float = TOLERANCE
) -> float:
    """Write ``output`` (.ts): (B, C, H, W) -> (B, C + 1, H, W), B free, H and W any multiples of 4.

    Inside lie ``extra/metadata.json`` and ``extra/inference.json``, as ``monai.bundle ckpt_export`` places them;
    :mod:`~healthygan_monai.exchange.deploy` says what they hold. Returns the largest difference from PyTorch,
    measured on the written file.

    Raises:
        ValueError: not a HealthyGAN model, no image size known, or the difference exceeds ``tolerance``.
    """
    from monai.data import save_net_with_metadata
    from monai.networks.utils import convert_to_torchscript

    output = checked_output(output, ".ts")
    generator = load_generator(load_weights(checkpoint))
    facts = facts_about(checkpoint, generator.image_channels, image_size)
    with whole(output, same_name=True) as part, warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*torch.jit.*"
        )  # PyTorch would have torch.export
        save_net_with_metadata(
            convert_to_torchscript(generator),
            str(part),
            include_config_vals=False,
            meta_values=metadata_for(facts),
            more_extra_files={"inference.json": json.dumps(inference_for(facts)).encode()},
        )
        difference = largest_difference(
            generator, TorchScriptNetwork(part), facts.image_channels, facts.image_size
        )
        assure_parity(difference, output, tolerance)
    return difference
