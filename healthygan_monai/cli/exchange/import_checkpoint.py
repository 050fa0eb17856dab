"""Run ``healthygan import-checkpoint``: the authors' G.ckpt -> a model.pt."""

import argparse
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import command


def add(commands: Any) -> None:
    text = "read the authors' generator file into a model.pt"
    parser = command(commands, "import-checkpoint", text, run)
    parser.add_argument("checkpoint", type=Path, metavar="G.ckpt", help="such as 360000-G.ckpt")
    parser.add_argument("output", type=Path, metavar="OUT/model.pt", help="in a new folder")
    text = "side that images are resized to; default: 256, as the published chest model"
    parser.add_argument("--image-size", type=int, metavar="PIXELS", help=text)


def run(arguments: argparse.Namespace) -> int:
    from healthygan_monai.exchange.authors_checkpoint import PUBLISHED_SIZE
    from healthygan_monai.exchange.authors_files import import_checkpoint, model_to_write

    model = model_to_write(arguments.output)
    size = arguments.image_size if arguments.image_size is not None else PUBLISHED_SIZE
    found = import_checkpoint(arguments.checkpoint, model, size)
    print(
        f"generator: {found['image_channels']} channels, width {found['generator_channels']}, "
        f"{found['generator_blocks']} blocks; images of {size} x {size}"
    )
    if arguments.image_size is None:
        print(f"image size: {size} is the published model's; give --image-size where yours differs")
    print(f"model: {model}")
    print(f"next: healthygan infer {model} DATASET --output FOLDER")
    return 0
