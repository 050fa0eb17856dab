"""How fast PyTorch, ONNX Runtime and OpenVINO score one model on the CPU, beside a plain loop, with
equal scores.

    python benchmarks/runtime_speed.py cxr_kermany/test --sizes 64 128 256
    python benchmarks/runtime_speed.py cxr_kermany/test --published --batches 1

The plain loop is what the published test code does with an image: the generator of PyTorch's own
layers, the composition, the mean of the difference, one batch after the other. "compiled" is that
loop with the project's generator under torch.compile. All take turns on the same images, so that
other work of the machine meets each, every one in a process of its own: "pytorch" keeps freed
memory as the bundle's workflows do, the others have the C library's own way. The first turn is not
counted, and with it the seconds that PyTorch compiles. Prints a Markdown table: milliseconds an
image (median of the turns), how many times as fast as the plain loop, the largest difference of any
score from the plain loop's, and the peak memory of a process that opens the model and scores one
batch. The network is the bundle's (``--model`` for another), or one of the published
size with random weights (``--published``).
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
import torch
from export_parity import pictures
from plain_orders import plain_layers

from data_prep.work.kept import keep_freed_memory
from healthygan_monai.composition import translate
from healthygan_monai.config.devices import peak_memory
from healthygan_monai.exchange.export import export
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.models.runtimes import RUNTIMES
from healthygan_monai.models.scorer import make_scorer
from healthygan_monai.networks import Generator
from healthygan_monai.paths import bundle_root
from healthygan_monai.runs import save_weights

FORMS = (".onnx", ".xml")
LOOP, PYTORCH, COMPILED = "plain loop", "pytorch", "compiled"
TURN = 16  # images; a process wakes slowly, and one call alone would show that


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
            files = {LOOP: model, PYTORCH: model, COMPILED: model}
            for suffix in arguments.forms:
                files[RUNTIMES[suffix].name] = Path(folder) / f"exported_{size}{suffix}"
                export(model, Path(folder) / f"exported_{size}{suffix}", size)
            for batch in arguments.batches:
                _, images = next(iter(pictures([arguments.folder], batch, (size, size))))
                images = images.repeat(1, load_generator(load_state(model)).image_channels, 1, 1)
                compare(images, files, arguments.turns)


def opened(name: str, file: Path, size: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the model as a function from images (B, C, H, W) to scores (B,)."""
    if name == PYTORCH:
        keep_freed_memory()
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


def compare(images: torch.Tensor, files: Mapping[str, Path], turns: int) -> None:
    """Print one line of the table for each way."""
    side = images.shape[-1]
    processes = {name: a_process(name, file, side) for name, file in files.items()}
    peaks, seconds, scores = {}, {name: [] for name in files}, {}
    for turn in range(turns + 1):
        for name, process in processes.items():
            taken, scores[name], memory = process.apply(take_turn, (images.numpy(),))
            if turn:
                seconds[name].append(taken)
            else:
                peaks[name] = memory
    for process in processes.values():
        process.close()
        process.join()
    loop = statistics.median(seconds[LOOP])
    for name, found in seconds.items():
        off = float(abs(scores[name] - scores[LOOP]).max())
        median = statistics.median(found)
        cells = [side, len(images), name, f"{1000 * median / len(images):.1f}"]
        cells += [f"{loop / median:.2f}", f"{off:.1e}", f"{peaks[name] / 2**20:.0f}"]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def a_process(name: str, file: Path, size: int) -> Pool:
    """Return a process that has opened the model in one way."""
    return multiprocessing.get_context("spawn").Pool(1, take_way, (name, file, size))


def take_way(name: str, file: Path, size: int) -> None:
    global _way
    _way = opened(name, file, size)


def take_turn(images: np.ndarray) -> tuple[float, np.ndarray, int]:
    """Return the seconds a batch took, the scores, and the bytes this process has held at most."""
    batch = torch.from_numpy(images)
    calls = -(-TURN // len(batch))
    began = time.perf_counter()
    for _ in range(calls):
        scores = _way(batch)
    taken = (time.perf_counter() - began) / calls
    return taken, scores.numpy(), peak_memory()["main"] or 0


if __name__ == "__main__":
    main()
