"""How fast PyTorch, ONNX Runtime and OpenVINO score one model on the CPU, with equal scores.

    python benchmarks/runtime_speed.py cxr_kermany/test
    python benchmarks/runtime_speed.py cxr_kermany/test --published --batches 1

The runtimes take turns on the same images, so that other work of the machine meets all of them. The
first turn is not counted. Prints a Markdown table: milliseconds an image (median of the turns), and
the largest difference of any score from PyTorch's. The network is the bundle's (``--model`` for
another), or one of the published size with random weights (``--published``).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from export_parity import pictures

from healthygan_monai.exchange.export import export
from healthygan_monai.models.runtimes import RUNTIMES
from healthygan_monai.models.scorer import make_scorer
from healthygan_monai.networks import Generator
from healthygan_monai.paths import bundle_root
from healthygan_monai.runs import save_weights

FORMS = (".onnx", ".xml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of grey pictures")
    parser.add_argument("--model", type=Path, default=bundle_root() / "models" / "model.pt")
    parser.add_argument("--published", action="store_true", help="8.4 million random weights")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--turns", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model
        if arguments.published:
            torch.manual_seed(0)
            model = Path(folder) / "model.pt"
            save_weights(Generator(3, 64, 6).state_dict(), model)
        files = {"pytorch": model}
        for suffix in FORMS:
            files[RUNTIMES[suffix].name] = Path(folder) / f"exported{suffix}"
            export(model, Path(folder) / f"exported{suffix}", arguments.size)
        scorers = {n: make_scorer(file, image_size=arguments.size) for n, file in files.items()}
        print(f"threads of PyTorch: {torch.get_num_threads()}")
        print("| batch | runtime | ms an image | score differs by |\n|---|---|---|---|")
        for batch in arguments.batches:
            shape = (arguments.size, arguments.size)
            _, images = next(iter(pictures([arguments.folder], batch, shape)))
            channels = scorers["pytorch"].image_channels
            compare(batch, images.repeat(1, channels, 1, 1), scorers, arguments.turns)


def compare(batch, images, scorers, turns):
    """Print one line of the table for each runtime."""
    seconds, scores = {name: [] for name in scorers}, {}
    for turn in range(turns + 1):
        for name, scorer in scorers.items():
            began = time.perf_counter()
            scores[name] = scorer(images).scores
            if turn:
                seconds[name].append(time.perf_counter() - began)
    for name, found in seconds.items():
        off = float((scores[name] - scores["pytorch"]).abs().max())
        median = 1000 * statistics.median(found) / batch
        print(f"| {batch} | {name} | {median:.1f} | {off:.1e} |", flush=True)


if __name__ == "__main__":
    main()
