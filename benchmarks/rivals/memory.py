"""Peak memory and time of fitting PaDiM and PatchCore to many images, on drawn images or on drawn
features.

    python benchmarks/rivals/memory.py                         # 10,000 images of 256 x 256
    python benchmarks/rivals/memory.py --images 200 --network  # the network too, on fewer images

Each case runs in a process of its own, and its peak is that of the whole process, libraries and
network included. Images are noise, made batch by batch. By default the backbone is run once for a
batch of each size and its maps, with noise added, stand for those of all further batches: the
detectors' own work is done in full, and only the network's (whose memory one batch shows, as
nothing of it stays) is left out. ``--network`` runs it on every image. ``--share`` shortens the
choice of PatchCore's coreset, whose time grows with its size; of memory it is 4 x 1,024 bytes for
each patch remembered.

Weights are random, which neither memory nor time depends on. Times are seconds of processor time,
all threads together.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

CASES = {
    "padim, resnet18, 100 channels": ("padim", "resnet18", {}),
    "padim, wide_resnet50_2, 550 channels": ("padim", "wide_resnet50_2", {}),
    "padim, efficientnet_lite0, 100 channels": ("padim", "efficientnet_lite0", {}),
    "patchcore, resnet18, pool 100,000": ("patchcore", "resnet18", {}),
    "patchcore, wide_resnet50_2, pool 100,000": ("patchcore", "wide_resnet50_2", {}),
    "patchcore, efficientnet_lite0, pool 100,000": ("patchcore", "efficientnet_lite0", {}),
}
LIMIT_MB = 8 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share", type=float, default=0.1, help="of PatchCore's candidates")
    parser.add_argument("--network", action="store_true", help="run it on every image")
    parser.add_argument("--cases", nargs="*", default=list(CASES), help="beginnings of their names")
    parser.add_argument("--one", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(fit(arguments)))
        return
    print(
        f"{arguments.images:,} images of {arguments.size} x {arguments.size}, batches of "
        f"{arguments.batch}\n"
    )
    print(
        "| case | images | network on | peak, MB | below 8 GB | before the fit, MB | fit, CPU s |"
    )
    print("|---|---|---|---|---|---|---|")
    for case in CASES:
        if not case.startswith(tuple(arguments.cases)):
            print(f"| {case} | not run | | | | | |")
            continue
        command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--one", case]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{case}: failed with {done.returncode}\n{done.stderr[-1000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        on = "all" if arguments.network else "one batch"
        row = [case, f"{arguments.images:,}", on, f"{found['peak']:,.0f}"]
        row += ["yes" if found["peak"] < LIMIT_MB else "**no**"]
        row += [f"{found['before']:,.0f}", f"{found['seconds']:,.0f}"]
        print(f"| {' | '.join(row)} |", flush=True)


def fit(arguments: argparse.Namespace) -> dict[str, float]:
    import torch

    from healthygan_monai.baselines.registry import DETECTORS

    torch.set_num_threads(arguments.threads)
    method, backbone, settings = CASES[arguments.one]
    if method == "patchcore":
        settings = {**settings, "share": arguments.share}
    detector = DETECTORS[method](backbone, "random", **settings)
    if not arguments.network:
        replay(detector.backbone)

    def batches() -> Iterator[torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        shape = (1, arguments.size, arguments.size)
        for start in range(0, arguments.images, arguments.batch):
            count = min(arguments.batch, arguments.images - start)
            yield torch.rand(count, *shape, generator=generator) * 2 - 1

    before = peak_mb()
    start = time.process_time()
    detector.fit(batches)
    return {"before": before, "peak": peak_mb(), "seconds": time.process_time() - start}


def replay(backbone) -> None:
    """Run the network once per batch size; later batches get its maps, changed by noise."""
    import torch

    run, kept = backbone.network.forward, {}
    generator = torch.Generator().manual_seed(1)

    def forward(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if len(images) not in kept:
            kept[len(images)] = run(images)
        factor = 1 + 0.5 * torch.rand(len(images), 1, 1, 1, generator=generator)
        return tuple(
            level * factor + torch.rand(level.shape, generator=generator)
            for level in kept[len(images)]
        )

    backbone.network.forward = forward


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux


if __name__ == "__main__":
    main()
