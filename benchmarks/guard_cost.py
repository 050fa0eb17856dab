"""What decoding in a guarded child costs: seconds a batch of `infer`, with and without the guard.

    python benchmarks/guard_cost.py [--model MODEL] [--size 64 256] [--batches 40] [--device cpu]

Draws pictures and scores them as inference.json does (read, network, three pictures written an
image). The decoder is in the child for every second batch and in this process for the others.
Prints, for each size, the lower quartiles: other work on the machine only adds to a batch.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import DataLoader, decollate_batch
from monai.data import Dataset as Items

from data_prep.frame import png
from healthygan_monai.config.devices import best_device
from healthygan_monai.data import image_transforms, labelled_items, transforms
from healthygan_monai.data.images import load_images
from healthygan_monai.inference.pictures import MapPictures
from healthygan_monai.models.scorer import make_scorer
from healthygan_monai.paths import bundle_root

BATCH = 16


def here(function: Callable[..., Any], arguments: Any, *_: Any) -> Any:
    """As `decode`, in this process."""
    return function(*arguments)


def seconds_of_batches(
    scorer: Any, folder: Path, output: Path, size: int
) -> dict[bool, list[float]]:
    """Guarded or not -> seconds of each batch after the first two; one of them starts the child."""
    images = load_images(folder, size)
    transform = image_transforms(size, None, scorer.image_channels, track_meta=True)
    items = Items(labelled_items(images), transform)
    save = MapPictures(scorer, items, output, folder)
    batches, guarded = iter(DataLoader(items, batch_size=BATCH, num_workers=0)), transforms.decode
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for number in range(len(items) // BATCH):
        inside = number % 2 == 0
        transforms.decode = guarded if inside else here
        start = time.perf_counter()
        batch = next(batches)
        _, drawn = scorer(batch["image"])
        for index, image in enumerate(decollate_batch(batch["image"])):
            save({"image": image, **{name: each[index] for name, each in drawn.items()}})
        if number > 1:
            seconds[inside].append(time.perf_counter() - start)
    transforms.decode = guarded
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    model = bundle_root() / "models" / "model.pt"
    parser.add_argument("--model", type=Path, default=model)
    parser.add_argument("--size", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    scorer = make_scorer(arguments.model, best_device(arguments.device))
    rng = np.random.default_rng(0)
    print("| pixels | guarded, ms a batch | in this process | cost |\n|---|---|---|---|")
    for size in arguments.size:
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work) / "films"
            for k in range(BATCH * (arguments.batches + 2)):
                png.save(rng.integers(0, 256, (size, size)).astype(np.uint8), folder / f"{k}.png")
            found = seconds_of_batches(scorer, folder, Path(work) / "out", size)
        ms = {inside: 1000 * statistics.quantiles(all_, n=4)[0] for inside, all_ in found.items()}
        cost = ms[True] / ms[False] - 1
        print(f"| {size} x {size} | {ms[True]:.1f} | {ms[False]:.1f} | {100 * cost:+.1f} % |")


if __name__ == "__main__":
    main()
