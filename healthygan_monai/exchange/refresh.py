"""What writes an export of each ending, and the export beside a model.pt, kept up to date."""

from __future__ import annotations

import logging
from pathlib import Path

from healthygan_monai.exchange.files import sha256
from healthygan_monai.exchange.onnx import export_onnx
from healthygan_monai.exchange.torchscript import export_torchscript
from healthygan_monai.models.about import method_of
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.exported_facts import METHOD

logger = logging.getLogger(__name__)
EXPORTS = {".ts": export_torchscript, ".onnx": export_onnx}  # for each of models.runtimes.RUNTIMES


def up_to_date(model: Path, name: str) -> Path:
    """Return ``name`` (such as model.onnx) beside ``model`` (model.pt), exported again if ``model`` changed.

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
    difference = EXPORTS[path.suffix](model, path)
    logger.info("exported %s; largest difference from %s: %.2g", path, model.name, difference)
    return path
