"""How far TorchScript and ONNX Runtime are from PyTorch on real images, and how fast each is.

    python benchmarks/export_parity.py cxr_kermany/test brain_lgg/test/flair
    python benchmarks/export_parity.py cxr_kermany/test brain_lgg/test/flair --published

The network is the bundle's (``--model`` for another), or one of the published size with random
weights (``--published``). It is exported once, and each export is run on every size and batch.
Prints a Markdown table: the largest difference of the network's output, of the difference map and
of the score over all images of a row, then seconds an image (median of the batches after a first
one that is not counted).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from healthygan_monai.data.images import PICTURES
from healthygan_monai.data.transforms import GreyReader, resized
from healthygan_monai.exchange.export import export
from healthygan_monai.inferer import HealthyGANInferer, split_translation
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.networks import Generator
from healthygan_monai.paths import bundle_root
from healthygan_monai.runs import save_weights
from healthygan_monai.scoring import image_score

EXPORTED_AT = 64
COLUMNS = ("images", "rows x columns", "batch", "runtime", "pred", "map", "score", "s an image")
# the hardest case: nothing for the per-image normalisation to divide by
FLAT_ROW = "one grey level"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="folders of grey pictures")
    parser.add_argument("--model", type=Path, default=bundle_root() / "models" / "model.pt")
    parser.add_argument("--published", action="store_true", help="8.4 million random weights")
    parser.add_argument("--images", type=int, default=8, help="of each folder")
    parser.add_argument("--sizes", nargs="+", default=["64", "128", "256", "192x128"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model
        if arguments.published:
            torch.manual_seed(0)
            model = Path(folder) / "model.pt"
            save_weights(Generator(3, 64, 6).state_dict(), model)
        print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
        networks = exports(model, Path(folder))
        for size in arguments.sizes:
            height, _, width = size.partition("x")
            shape = int(height), int(width or height)
            for name, images in pictures(arguments.folders, arguments.images, shape):
                for batch in arguments.batches:
                    compare(name, images, batch, networks)


def exports(model: Path, folder: Path) -> dict[str, torch.nn.Module]:
    """The network as PyTorch, TorchScript and ONNX Runtime compute it."""
    export(model, folder / "model.ts", EXPORTED_AT)
    export(model, folder / "model.onnx", EXPORTED_AT)
    return {
        "PyTorch": load_generator(load_weights(model)),
        "TorchScript": load_exported(folder / "model.ts"),
        "ONNX Runtime": load_exported(folder / "model.onnx"),
    }


def pictures(folders, count, shape):
    """Each folder's name and (count, 1, H, W) in [-1, 1], evenly spread over its files; then flat
    images.

    Where rows and columns differ, the middle of the image is cut out.
    """
    for folder in folders:
        found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES)
        if not found:
            raise SystemExit(f"{folder}: no pictures there")
        chosen = [found[i] for i in np.linspace(0, len(found) - 1, count).astype(int)]
        yield _name(folder), torch.stack([picture(path, shape) for path in chosen])
    flat = torch.linspace(-1, 1, count)[:, None, None, None]
    yield FLAT_ROW, flat.expand(count, 1, *shape).contiguous()


def _name(folder):
    """Images of the data set: .../cxr_kermany/test, or .../brain_lgg/test/flair."""
    return next(p for p in folder.parts[::-1] if p not in ("test", "flair"))


def picture(path, shape):
    values = np.asarray(GreyReader().get_data((path,))[0], dtype=np.float32)
    image = resized(torch.as_tensor(values)[None] / 127.5 - 1, max(shape))
    top, left = ((max(shape) - side) // 2 for side in shape)
    return image[:, top : top + shape[0], left : left + shape[1]]


def compare(name, images, batch, networks):
    """One line of the table for each runtime."""
    channels = networks["PyTorch"].image_channels
    batches = images.repeat(1, channels, 1, 1).split(batch)
    found = {runtime: run(network, batches) for runtime, network in networks.items()}
    expected = found["PyTorch"]
    place = f"{images.shape[-2]} x {images.shape[-1]}"
    for runtime, (*values, seconds) in found.items():
        differences = [
            float((a - b).abs().max()) for a, b in zip(values, expected[:-1], strict=True)
        ]
        shown = ["" if runtime == "PyTorch" else f"{d:.1e}" for d in differences]
        line = (name, place, str(batch), runtime, *shown, f"{seconds:.3f}")
        print("| " + " | ".join(line) + " |", flush=True)


@torch.no_grad()
def run(network, batches):
    """Outputs, difference maps and scores of all batches, and seconds an image."""
    infer, seconds, outputs = HealthyGANInferer(), [], []
    network(batches[0])
    for images in batches:
        began = time.perf_counter()
        outputs.append(network(images))
        seconds.append((time.perf_counter() - began) / len(images))
    maps = [
        split_translation(infer(images, lambda _, known=known: known))[2]
        for images, known in zip(batches, outputs, strict=True)
    ]
    difference = torch.cat(maps)
    return torch.cat(outputs), difference, image_score(difference), statistics.median(seconds)


if __name__ == "__main__":
    main()
