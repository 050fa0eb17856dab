"""How fast PyTorch, ONNX Runtime and OpenVINO score one model on the CPU, beside a plain loop, with
equal scores.

    python benchmarks/runtime_speed.py cxr_kermany/test --sizes 64 128 256
    python benchmarks/runtime_speed.py cxr_kermany/test --published --batches 1

The plain loop is what the published test code does with an image: the generator of PyTorch's own
layers, the composition, the mean of the difference, one batch after the other. "compiled" is that
loop with the project's generator under torch.compile. All take turns on the same images, so that
other work of the machine meets each. The first turn is not counted, and with it the seconds that
PyTorch compiles. Prints a Markdown table:
milliseconds an image (median of the turns), how many times as fast as the plain loop, the largest
difference of any score from the plain loop's, and the peak memory of a process that opens the model
and scores one batch. The network is the bundle's (``--model`` for another), or one of the published
size with random weights (``--published``).
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from export_parity import pictures
from plain_orders import plain_layers

from healthygan_monai.composition import translate
from healthygan_monai.exchange.export import export
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.models.runtimes import RUNTIMES
from healthygan_monai.models.scorer import make_scorer
from healthygan_monai.networks import Generator
from healthygan_monai.paths import bundle_root
from healthygan_monai.runs import save_weights

FORMS = (".onnx", ".xml")
LOOP, COMPILED = "plain loop", "compiled"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of grey pictures")
    parser.add_argument("--model", type=Path, default=bundle_root() / "models" / "model.pt")
    parser.add_argument("--published", action="store_true", help="8.4 million random weights")
    parser.add_argument("--sizes", nargs="+", type=int, default=[256])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--forms", nargs="*", choices=FORMS, default=FORMS, help="exported")
    parser.add_argument("--turns", type=int, default=10)
    arguments = parser.parse_args()
    print(f"threads of PyTorch: {torch.get_num_threads()}")
    print("| side | batch | | ms an image | times the plain loop | score differs by | peak, MiB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model
        if arguments.published:
            torch.manual_seed(0)
            model = Path(folder) / "model.pt"
            save_weights(Generator(3, 64, 6).state_dict(), model)
        for size in arguments.sizes:
            files = {LOOP: model, "pytorch": model, COMPILED: model}
            for suffix in arguments.forms:
                files[RUNTIMES[suffix].name] = Path(folder) / f"exported_{size}{suffix}"
                export(model, Path(folder) / f"exported_{size}{suffix}", size)
            ways = {name: opened(name, file, size) for name, file in files.items()}
            for batch in arguments.batches:
                _, images = next(iter(pictures([arguments.folder], batch, (size, size))))
                images = images.repeat(1, load_generator(load_state(model)).image_channels, 1, 1)
                compare(images, ways, files, arguments.turns)


def opened(name: str, file: Path, size: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the model as a function from images (B, C, H, W) to scores (B,)."""
    if name not in (LOOP, COMPILED):
        scorer = make_scorer(file, image_size=size)
        return lambda images: scorer(images).scores
    network = load_generator(load_state(file))
    network = plain_layers(network) if name == LOOP else compiled(network)

    def plain(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            healthy = translate(images, network(images)).healthy
        return (images - healthy).abs().mean((1, 2, 3)) / 2

    return plain


def compiled(network: torch.nn.Module) -> torch.nn.Module:
    torch.compiler.reset()  # what was compiled for another size
    network.compile(dynamic=False)
    return network


def compare(images, ways, files, turns):
    """Print one line of the table for each way."""
    seconds, scores = {name: [] for name in ways}, {}
    for turn in range(turns + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            scores[name] = way(images)
            if turn:
                seconds[name].append(time.perf_counter() - began)
    loop = statistics.median(seconds[LOOP])
    for name, found in seconds.items():
        off = float((scores[name] - scores[LOOP]).abs().max())
        median = statistics.median(found)
        cells = [images.shape[-1], len(images), name, f"{1000 * median / len(images):.1f}"]
        cells += [f"{loop / median:.2f}", f"{off:.1e}", f"{peak(name, files[name], images):.0f}"]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def peak(name: str, file: Path, images: torch.Tensor) -> float:
    """Return the largest resident memory of a process that scores one batch, in MiB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(score_once, (name, file, images.numpy()))


def score_once(name, file, images) -> float:
    opened(name, file, images.shape[-1])(torch.from_numpy(images))
    status = Path("/proc/self/status").read_text()  # ru_maxrss would begin with the parent's
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


if __name__ == "__main__":
    main()
