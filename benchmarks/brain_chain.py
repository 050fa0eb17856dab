"""Brain extraction and registration on real heads: overlap, quality, seconds, memory.

    python benchmarks/brain_chain.py extraction --data DATA            # Dice against reference
    masks python benchmarks/brain_chain.py registration --data DATA --heads 6 python
    benchmarks/brain_chain.py thresholds --data DATA --heads 3  # planted misplacements

DATA is the folder with nifti/ (HEALTHYGAN_DATA). Each table is Markdown on standard output. Memory
is the peak resident size of this process and of the largest program it started, so far.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_prep.brain.extraction import extract, resolve, volume_ml
from data_prep.brain.head import correct_bias_field
from data_prep.brain.registration import measure, register
from data_prep.brain.template import find_template, load_template
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.resample import onto_grid
from data_prep.read.volume.volume import Volume, VolumeError

METHODS = ("deepbet", "brainextractor", "hd-bet")
# Whole heads of the pack whose brain is known: the template's brain lies on the same grid.
WHOLE = ("templates/MNI152_T1_2mm.nii.gz", "edge_real/avg152T1_LR_nifti.nii.gz")
REFERENCE = "templates/MNI152_T1_2mm_Brain.nii.gz"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=("extraction", "registration", "thresholds"))
    parser.add_argument("--data", type=Path, default=os.environ.get("HEALTHYGAN_DATA"))
    parser.add_argument("--heads", type=int, default=3, help="how many IXI heads")
    parser.add_argument("--registration", default="simpleitk", choices=("simpleitk", "elastix"))
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("--data: expected the folder with nifti/")
    nifti = Path(arguments.data) / "nifti"
    heads = sorted((nifti / "ixi_t1").glob("*.nii.gz"))[: arguments.heads]
    if arguments.table == "extraction":
        print_rows(extraction(nifti, heads))
    elif arguments.table == "registration":
        print_rows(registration(heads, arguments.registration))
    else:
        print_rows(thresholds(heads))
    return 0


def installed() -> list[str]:
    found = []
    for method in METHODS:
        try:
            found.append(resolve(method)[0])
        except ValueError:
            print(f"{method} is not installed: not run", file=sys.stderr)
    return found


def extraction(nifti: Path, heads: list[Path]) -> Iterator[list[str]]:
    """Dice against the reference where there is one, else against the first method."""
    yield ["head", "method", "Dice", "against", "ml", "s", "MiB here", "MiB program"]
    for path in [*(nifti / name for name in WHOLE), *heads]:
        volume = read_volume(path)
        known = path not in heads
        reference = brain_of(nifti / REFERENCE, volume) if known else None
        for method in installed():
            try:
                found, seconds = timed(extract, volume, method)
            except VolumeError as error:
                yield [path.name, method, "failed", error.reason, "", "", "", ""]
                continue
            against = "reference" if known else "the first method"
            row = dice(found, reference) if reference is not None else "-"
            reference = found if reference is None else reference
            size = f"{volume_ml(found, volume.spacing):.0f}"
            yield [path.name, method, row, against, size, f"{seconds:.1f}", *memory()]


def registration(heads: list[Path], method: str) -> Iterator[list[str]]:
    yield [
        "head",
        "n4 s",
        "extract s",
        "register s",
        "NCC",
        "NMI",
        "Dice",
        "MiB here",
        "MiB program",
    ]
    template = load_template(find_template())
    brain_method = resolve("auto")[0]
    for path in heads:
        volume, n4_seconds = timed(correct_bias_field, read_volume(path))
        brain, brain_seconds = timed(extract, volume, brain_method)
        found, seconds = timed(register, volume, brain, template, method)
        times = [f"{s:.1f}" for s in (n4_seconds, brain_seconds, seconds)]
        quality = [f"{found.ncc:.3f}", f"{found.nmi:.3f}", f"{found.dice:.3f}"]
        yield [path.name, *times, *quality, *memory()]


def thresholds(heads: list[Path]) -> Iterator[list[str]]:
    """What the figures are when a rightly placed head is moved by a known amount."""
    yield ["misplaced by", "NCC", "Dice"]
    template = load_template(find_template())
    method = resolve("auto")[0]
    found: dict[str, list[tuple[float, float]]] = {}
    for path in heads:
        volume = correct_bias_field(read_volume(path))
        brain = extract(volume, method)
        right = register(volume, brain, template).matrix
        for name, wrong in misplacements().items():
            result = measure(volume, brain, template, right @ wrong)
            found.setdefault(name, []).append((result.ncc, result.dice))
    for name, pairs in found.items():
        yield [name, *(span([pair[i] for pair in pairs]) for i in (0, 1))]


def misplacements() -> dict[str, np.ndarray]:
    def about(axis: int, degrees: float) -> np.ndarray:
        matrix, angle = np.eye(4), np.radians(degrees)
        i, j = [a for a in range(3) if a != axis]
        matrix[i, i] = matrix[j, j] = np.cos(angle)
        matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
        return matrix

    down = np.eye(4)
    down[2, 3] = 8.0
    return {
        "nothing": np.eye(4),
        "nod 6 degrees": about(0, 6),
        "nod 12 degrees": about(0, 12),
        "nod 25 degrees": about(0, 25),
        "turn 10 degrees": about(2, 10),
        "lean 10 degrees": about(1, 10),
        "8 mm down": down,
        "10 % larger": np.diag([1.1, 1.1, 1.1, 1.0]),
        "back to front": np.diag([-1.0, -1.0, 1.0, 1.0]),
        "upside down": np.diag([1.0, -1.0, -1.0, 1.0]),
    }


def brain_of(path: Path, like: Volume) -> np.ndarray:
    template = read_volume(path)
    mask = replace(template, data=(template.data > 0).astype(np.float32))
    return onto_grid(mask, like.data.shape, like.affine, nearest=True).data > 0.5


def dice(a: np.ndarray, b: np.ndarray) -> str:
    return f"{2 * (a & b).sum() / (a.sum() + b.sum()):.4f}"


def span(values: list[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"


def timed(function: Callable, *arguments: object) -> tuple:
    start = time.monotonic()
    return function(*arguments), time.monotonic() - start


def memory() -> list[str]:
    """Peaks in MiB; ru_maxrss is in KiB on Linux."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return [f"{resource.getrusage(w).ru_maxrss // 1024}" for w in who]


def print_rows(rows: Iterator[list[str]]) -> None:
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |", flush=True)
        if number == 0:
            print("|" + "---|" * len(row), flush=True)


if __name__ == "__main__":
    sys.exit(main())
