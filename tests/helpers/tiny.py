"""A data set of a few squares, and training runs of a second through the bundle's configs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data_prep.datalist import Dataset, Item, write

SIZE = 32
TRAINING: dict[str, Any] = {
    "recipe": "paper",
    **{"generator_channels": 2, "generator_blocks": 1, "critic_channels": 2, "critic_layers": 3},
    **{"batch_size": 4, "max_iterations": 6, "epoch_length": 2, "fid_features": "random"},
    "device": "$torch.device('cpu')",
}
PRETRAINED: dict[str, Any] = {  # in place of some of them
    **{"recipe": "pretrained", "critic_backbone": "resnet18", "critic_weights": "random"},
    **{"critic_size": 32, "critic_channels": 4, "lambda_adv_healthy": 0, "kept_out": 0.4},
    **{"log_interval": 1, "prices": [0.5, 5.0], "price_iterations": 2, "price_folds": 2},
}


def write_dataset(folder: Path, *, size: int = SIZE, bit_depth: int = 8, **keys: Any) -> Path:
    """dataset.json with 6 mixed, 5 healthy, 4 validation and 4 test images; every file is called
    0.png.

    Diseased images carry a bright square, in a corner of its own in each; its mask lies beside the
    test images.
    """
    rng = np.random.default_rng(0)
    dtype, white = (np.uint8, 255) if bit_depth == 8 else (np.uint16, 65535)

    def item(subject: str, diseased: bool, label: int | None, mask: bool = False) -> Item:
        image = rng.uniform(0.1, 0.4, (size, size))
        lesion = np.zeros((size, size), np.uint8)
        if diseased:
            row, column = rng.integers(0, size // 2, 2)
            lesion[row : row + size // 4, column : column + size // 4] = 255
            image[lesion > 0] = 0.9
        place = folder / "images" / subject
        place.mkdir(parents=True)
        Image.fromarray((image * white).round().astype(dtype)).save(place / "0.png")
        if mask:
            Image.fromarray(lesion).save(place / "lesion.png")
        return Item(
            f"images/{subject}/0.png",
            subject,
            slice=0,
            label=label,
            mask=f"images/{subject}/lesion.png" if mask else None,
        )

    def labelled(name: str, mask: bool = False) -> list[Item]:
        return [item(f"{name}{i}", i % 2 == 1, i % 2, mask and i % 2 == 1) for i in range(4)]

    sections = {
        "training_mixed": [item(f"mixed{i}", i % 2 == 0, None) for i in range(6)],
        "training_healthy": [item(f"healthy{i}", False, None) for i in range(5)],
        "validation": labelled("validation"),
        "test": labelled("test", mask=True),
    }
    dataset = Dataset("tiny", size, bit_depth, sections=sections, **keys)
    return write(dataset, folder).parent


def train(runs: Path, data: Path, **overrides: Any) -> Path:
    """A run folder made by train.json in this process."""
    from healthygan_monai.config.workflow import run_config

    settings = {**TRAINING, "runs_dir": str(runs), "dataset_dir": str(data), **overrides}
    workflow = run_config("train.json", settings, "training")
    return workflow.parser.get_parsed_content("output_dir")


def metrics(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def infer(model: Path, data: Path, output: Path, **overrides: Any) -> Path:
    """Score the images on the CPU with inference.json; return the output folder."""
    from healthygan_monai.config.workflow import run_config

    settings = {"checkpoint": str(model), "dataset_dir": str(data), "output_dir": str(output)}
    run_config("inference.json", {**settings, "device": TRAINING["device"], **overrides})
    return output


def forget_ranks() -> None:
    """Leave the process group; Ignite remembers it until the process ends."""
    import torch
    from ignite.distributed import utils

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    utils._set_model(utils._SerialModel())
