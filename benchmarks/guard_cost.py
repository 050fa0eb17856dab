"""What decoding in a guarded child costs of a batch of `infer`.

    python benchmarks/guard_cost.py [--model MODEL] [--size 64 256] [--batches 40] [--device cpu]

Draws pictures and scores them as inference.json does (read, network, three pictures written an
image). The decoder is in the child for every second batch and in this process for the others. What
the guard costs is the difference of the two times of decoding; the rest of a batch does not know of
it, and varies more than that where a machine has other work. Prints medians for each size.
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

from data_prep.frame import png
from healthygan_monai.config.devices import best_device
from healthygan_monai.data import image_transforms, labelled_items, reader
from healthygan_monai.data.images import load_images
from healthygan_monai.data.reader import DecodedBatches
from healthygan_monai.inference.pictures import MapPictures
from healthygan_monai.models.scorer import make_scorer
from healthygan_monai.paths import bundle_root

BATCH = 16


def seconds_of_batches(
    scorer: Any, folder: Path, output: Path, size: int
) -> tuple[dict[bool, list[float]], list[float]]:
    """(guarded or not -> seconds of decoding a batch, seconds of whole batches), the first left."""
    images = load_images(folder, size)
    transform = image_transforms(size, None, scorer.image_channels, track_meta=True)
    items = DecodedBatches(labelled_items(images), transform)
    save = MapPictures(scorer, items, output, folder)
    guarded, decoding, whole = reader.decode, dict[bool, list[float]](), list[float]()
    inside = True

    def timed(function: Callable[..., Any], arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return guarded(function, arguments) if inside else function(*arguments)
        finally:
            decoding.setdefault(inside, []).append(time.perf_counter() - start)

    reader.decode = timed
    batches = iter(DataLoader(items, batch_size=BATCH, num_workers=0))
    for number in range(len(items) // BATCH):
        inside = number % 2 == 0
        start = time.perf_counter()
        batch = next(batches)
        _, drawn = scorer(batch["image"])
        for index, image in enumerate(decollate_batch(batch["image"])):
            save({"image": image, **{name: each[index] for name, each in drawn.items()}})
        whole.append(time.perf_counter() - start)
    reader.decode = guarded
    return {key: seconds[1:] for key, seconds in decoding.items()}, whole[2:]


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
    print(
        "| pixels | a batch, ms | decoding, guarded | decoding here | cost |\n|---|---|---|---|---|"
    )
    for size in arguments.size:
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work) / "films"
            for k in range(BATCH * (arguments.batches + 2)):
                png.save(rng.integers(0, 256, (size, size)).astype(np.uint8), folder / f"{k}.png")
            decoding, whole = seconds_of_batches(scorer, folder, Path(work) / "out", size)
        inside, here, batch = (
            1000 * statistics.median(each) for each in (decoding[True], decoding[False], whole)
        )
        cost = 100 * (inside - here) / batch
        print(f"| {size} x {size} | {batch:.0f} | {inside:.1f} | {here:.1f} | {cost:.1f} % |")


if __name__ == "__main__":
    main()
