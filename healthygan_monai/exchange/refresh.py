"""The export that belongs to a model.pt, made anew when the model has changed."""

from __future__ import annotations

import logging
from pathlib import Path

from data_prep.files import sha256
from healthygan_monai.models.about import method_of
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.exported_facts import METHOD

logger = logging.getLogger(__name__)


def up_to_date(model: Path, name: str) -> Path:
    """``name`` (model.onnx or model.ts) beside ``model`` (model.pt), exported now unless it was made from this model.

    Raises:
        ValueError: another method's model, or a file of that name that is no export of this project.
        FileNotFoundError, ModuleNotFoundError: as for exporting.
    """
    if (method := method_of(model)) != METHOD:
        raise ValueError(
            f"{model}: a model of {method}, which only PyTorch computes; leave --runtime out."
        )
    path = model.with_name(name)
    if path.is_file() and load_exported(path).facts.model_sha256 == sha256(model):
        return path
    if path.suffix == ".onnx":
        from healthygan_monai.exchange.onnx import export_onnx as export
    else:
        from healthygan_monai.exchange.torchscript import export_torchscript as export
    difference = export(model, path)
    logger.info("exported %s; largest difference from %s: %.2g", path, model.name, difference)
    return path
