"""Import an authors' file as a model.pt with its config, and export a model.pt to one."""

from pathlib import Path
from typing import Any

import torch

from data_prep.errors import UsageError
from data_prep.files import sha256, write_json
from healthygan_monai.exchange.authors_checkpoint import (
    PUBLISHED_SIZE,
    check_generator,
    generator_from_authors,
    generator_to_authors,
    load_authors_file,
    statistics_of_authors,
)
from healthygan_monai.models.exported_facts import checked_size
from healthygan_monai.models.load import load_state
from healthygan_monai.models.runtimes import RUNTIMES, checked_output
from healthygan_monai.networks import generator_sizes
from healthygan_monai.paths import CONFIG_FILE, MODEL_FILE, read_config
from healthygan_monai.runs import save_weights
from healthygan_monai.scoring import HEALTHYGAN

STATISTICS_FILE = "authors_statistics.pt"  # beside an imported model.pt


def model_to_write(output: Path) -> Path:
    """Return the model.pt to write, named by itself or by its folder."""
    if output.suffix in (".pth", ".ckpt", ".bin", *RUNTIMES):
        raise UsageError(f"{output}: expected the name of a .pt file, such as OUT/model.pt.")
    return output if output.suffix == ".pt" else output / MODEL_FILE


def import_checkpoint(source: Path, model: Path, image_size: int = PUBLISHED_SIZE) -> dict:
    """Write ``model`` (model.pt) with the weights of ``source``, bit by bit; return config.json.

    The running statistics are kept in ``authors_statistics.pt`` for the way back.

    Raises:
        FileNotFoundError, ValueError: an unusable file or image size, or a file would be
            overwritten.
    """
    config, statistics = model.with_name(CONFIG_FILE), model.with_name(STATISTICS_FILE)
    for path in (model, config, statistics):
        if path.exists():
            raise UsageError(f"{path} exists already; import into a new folder.")
    checked_size(image_size)
    theirs = load_authors_file(source)
    check_generator(theirs, source.name)
    try:
        return _write(theirs, source, (model, statistics, config), image_size)
    except BaseException:
        for path in (model, statistics, config):
            path.unlink(missing_ok=True)
        raise


def _write(
    theirs: dict[str, torch.Tensor], source: Path, files: tuple[Path, Path, Path], image_size: int
) -> dict[str, Any]:
    model, statistics, config = files
    weights = generator_from_authors(theirs)
    sizes = generator_sizes(weights)
    save_weights(weights, model)
    if kept := statistics_of_authors(theirs):
        save_weights(kept, statistics)
    content = {
        "method": HEALTHYGAN,
        "image_size": image_size,
        "image_channels": sizes["image_channels"],
        "generator_channels": sizes["channels"],
        "generator_blocks": sizes["blocks"],
        "imported": {"file": source.name, "sha256": sha256(source), "model_sha256": sha256(model)},
    }
    write_json(config, content)
    return content


def export_authors(
    checkpoint: Path, output: Path, accept_changed: bool = False
) -> tuple[int, bool]:
    """Write ``output`` (.ckpt) with the weights of a model.pt, as the authors' code loads them.

    Returns:
        Its image channels, and whether it got back the running statistics that it was imported
        with, so that it equals the original file tensor by tensor.
    """
    output = checked_output(output, ".ckpt")
    weights = load_state(checkpoint, accept_changed)
    check_generator(weights, checkpoint.name)
    statistics = _statistics_beside(checkpoint)
    save_weights(generator_to_authors(weights, statistics), output)
    return generator_sizes(weights)["image_channels"], bool(statistics)


def _statistics_beside(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Return the statistics that were imported with this model, if it was imported."""
    config, path = checkpoint.with_name(CONFIG_FILE), checkpoint.with_name(STATISTICS_FILE)
    if not (config.is_file() and path.is_file()):
        return {}
    imported = read_config(config.parent).get("imported", {})
    return load_authors_file(path) if imported.get("model_sha256") == sha256(checkpoint) else {}
