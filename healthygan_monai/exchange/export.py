"""Export a trained generator to one file for another runtime, compared with model.pt."""

import logging
import os
import tempfile
from pathlib import Path

from data_prep.errors import UsageError
from data_prep.files import sha256, whole
from healthygan_monai.exchange.onnx import write_onnx
from healthygan_monai.exchange.openvino import write_openvino
from healthygan_monai.exchange.parity import TOLERANCE, assure_parity, largest_difference
from healthygan_monai.exchange.torchscript import write_torchscript
from healthygan_monai.models.about import facts_about, method_of
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.models.runtimes import RUNTIMES, facts_in_archive
from healthygan_monai.scoring import HEALTHYGAN

logger = logging.getLogger(__name__)
WRITERS = {  # the suffixes of models.runtimes
    ".ts": write_torchscript,
    ".onnx": write_onnx,
    ".xml": write_openvino,
}


def export(
    checkpoint: Path,
    output: Path,
    image_size: int | None = None,
    tolerance: float = TOLERANCE,
    accept_changed: bool = False,
) -> float:
    """Write a generator in the form of ``output``'s ending, completely or not at all.

    Args:
        checkpoint: model.pt.
        output: the file: (B, C, H, W) -> (B, C + 1, H, W), or C channels
            where the translation is additive; B free, H and W any multiples of 4.
        image_size: side that images are resized to; default: that of the training.
        tolerance: largest difference from PyTorch to accept.
        accept_changed: whether weights changed since training are taken.

    Returns:
        The largest difference from PyTorch, measured on the written file.

    Raises:
        ModuleNotFoundError: a library that writes or reads the form is missing.
        ValueError: not a HealthyGAN model, no image size known, or a larger difference.
    """
    generator = load_generator(load_weights(checkpoint, accept_changed))
    facts = facts_about(
        checkpoint, generator.image_channels, str(generator.translation), image_size
    )
    side = facts.image_size
    logger.info("writing %s, then comparing it with PyTorch at %d x %d", output.name, side, side)
    with whole(output, same_name=True) as part:
        WRITERS[output.suffix](generator, facts, part)
        difference = largest_difference(
            generator, load_exported(part), facts.image_channels, facts.image_size
        )
        assure_parity(difference, output, tolerance)
        _move_second_file(part, output)
    return difference


def _move_second_file(part: Path, path: Path) -> None:
    """Move what a form writes beside its file; the file, with the sum of both, comes last.

    Raises:
        UsageError: a file of that name exists that belongs to no export.
    """
    if not (suffix := RUNTIMES[path.suffix].beside):
        return
    second = path.with_suffix(suffix)
    if second.exists() and not path.exists():
        raise UsageError(f"{second} exists, without {path.name}; move it, or give another name.")
    os.replace(part.with_suffix(suffix), second)


def up_to_date(model: Path, name: str, accept_changed: bool = False) -> Path:
    """Return ``name`` (such as model.onnx) beside model.pt, exported again if that changed.

    A TorchScript file is a program: the one that is there is not run, but compared with a new one.

    Raises:
        UsageError: another method's model, or a file of that name that this project did not export.
    """
    if (method := method_of(model)) != HEALTHYGAN:
        raise UsageError(f"{model}: a model of {method}, for PyTorch only; omit --runtime.")
    path = model.with_name(name)
    if path.is_file():
        facts = facts_in_archive(path) if path.suffix == ".ts" else load_exported(path).facts
        if path.suffix != ".ts" and facts.model_sha256 == sha256(model):
            return path
    with tempfile.TemporaryDirectory(prefix=".part-", dir=path.parent) as folder:
        part = Path(folder) / name
        difference = export(model, part, accept_changed=accept_changed)
        if path.is_file() and sha256(path) == sha256(part):
            return path
        _move_second_file(part, path)
        os.replace(part, path)
    logger.info("exported %s; largest difference from %s: %.2g", path, model.name, difference)
    return path
