"""Simulated lesions in real heads: a cohort whose truth is known, from healthy scans alone.

A score on it says whether blobs are found in real anatomy and noise, nothing about a disease.
`python -m data_prep.lesions HEADS OUTPUT` writes the cohort as phantom brains does.
"""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_prep.datalist import LABELLED
from data_prep.errors import DataError
from data_prep.files import whole, write_csv
from data_prep.inputs.names import parse_name
from data_prep.phantom.brains import COHORT_COLUMNS
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.volume import Volume, VolumeError

log = logging.getLogger(__name__)

DIAMETER_MM = (10.0, 24.0)
FACTORS = (0.5, 1.5)  # dark and bright, of the tissue they lie in: it keeps its noise
DEPTH_MM = 6.0  # of the centre below the edge of the brain mask
COUNT = (1, 3)
LUMPS = 0.25  # of the radius by which the surface waves
EDGE_MM = 1.5  # over which a lesion fades out
# Shares of the subjects; what is left is training, half healthy and half mixed.
VALIDATION, TEST, DISEASED = 0.15, 0.3, 0.5


def plant(
    volume: Volume, brain: np.ndarray, generator: np.random.Generator, count: int
) -> tuple[Volume, np.ndarray]:
    """`count` smooth blobs inside the brain; returns (the head with them, their mask).

    v' = v (1 + w (f - 1)), with the weight w in [0, 1] of the blob and its factor f, dark or
    bright. The mask, bool (R, A, S), is w > 0.5 within the brain. Raises VolumeError where the
    brain is too thin to hold a lesion.
    """
    home = np.flatnonzero(_deep(brain, volume.spacing))
    if not len(home):
        raise VolumeError("no room for a lesion in this brain mask", remedy="Check the mask.")
    data, mask = volume.data.astype(np.float32), np.zeros(brain.shape, bool)
    for _ in range(count):
        centre = np.unravel_index(home[int(generator.integers(len(home)))], brain.shape)
        radius = generator.uniform(*DIAMETER_MM) / 2
        weight = _blob(volume, np.array(centre), radius, generator) * brain
        factor = FACTORS[int(generator.integers(len(FACTORS)))]
        data = data * (1 + weight * (factor - 1))
        mask |= weight > 0.5
    facts = {**volume.facts, "simulated_lesions": count}
    return replace(volume, data=data.astype(np.float32), facts=facts), mask


def _deep(brain: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(brain, 1)  # the end of the scan is an edge, too
    depth = distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1]
    return depth >= DEPTH_MM


def _blob(
    volume: Volume, centre: np.ndarray, radius: float, generator: np.random.Generator
) -> np.ndarray:
    """Weight (R, A, S): 1 inside a ball whose surface waves with the direction, 0 outside."""
    axes = [
        (np.arange(n) - c) * mm
        for n, c, mm in zip(volume.data.shape, centre, volume.spacing, strict=True)
    ]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    distance = np.sqrt(x**2 + y**2 + z**2)
    waves = np.zeros_like(distance)
    for _ in range(4):
        direction = generator.normal(size=3)
        direction *= 3.0 / np.linalg.norm(direction)
        phase = generator.uniform(0, 2 * np.pi)
        along = (direction[0] * x + direction[1] * y + direction[2] * z) / radius
        waves += np.sin(along + phase) / 4
    return np.clip((radius * (1 + LUMPS * waves) - distance) / EDGE_MM + 0.5, 0, 1)


def sections(count: int, generator: np.random.Generator) -> list[tuple[str, bool]]:
    """(section, with lesions) of each of `count` subjects, in random order."""
    validation, test = round(count * VALIDATION), round(count * TEST)
    mixed = (count - validation - test) // 2
    sizes = {"validation": validation, "test": test, "training_mixed": mixed}
    sizes["training_healthy"] = count - sum(sizes.values())
    plan = []
    for section, size in sizes.items():
        diseased = 0 if section == "training_healthy" else round(size * DISEASED)
        plan += [(section, n < diseased) for n in range(size)]
    return [plan[int(n)] for n in generator.permutation(len(plan))]


def make_cohort(heads: Path, output: Path, *, brain: str = "auto", seed: int = 0) -> Path:
    """Write brains/, masks/ and cohort.csv under `output` from the NIfTI heads of a folder.

    One subject a head; heads without lesions are written as they are. Only diseased validation and
    test heads have a mask file, and training rows carry no label. The same seed and heads give the
    same voxels. Raises ValueError where two files are of one subject, VolumeError for a bad head.
    """
    from data_prep.brain.extraction import extract, resolve

    method, _ = resolve(brain)
    files = sorted([*Path(heads).glob("*.nii"), *Path(heads).glob("*.nii.gz")])
    subjects = [parse_name(path.name).subject for path in files]
    twice = sorted({name for name in subjects if subjects.count(name) > 1})
    if twice or not files:
        raise DataError(
            f"{heads}: {len(twice)} subjects have several files; expected one each"
            if twice
            else f"{heads}: no NIfTI heads in this folder"
        )
    for folder in ("brains", "masks"):
        (Path(output) / folder).mkdir(parents=True, exist_ok=True)
    rows = []
    plan = sections(len(files), np.random.default_rng(seed))
    for number, (path, subject, (section, diseased)) in enumerate(
        zip(files, subjects, plan, strict=True)
    ):
        generator = np.random.default_rng([seed, number])
        volume = read_volume(path)
        mask = np.zeros(volume.data.shape, bool)
        if diseased:
            count = int(generator.integers(COUNT[0], COUNT[1] + 1))
            volume, mask = plant(volume, extract(volume, method), generator, count)
        image = f"brains/{subject}_T1w.nii.gz"
        _save(Path(output) / image, volume.data, volume.affine)
        known = section in LABELLED
        lesion = f"masks/{subject}_lesion.nii.gz" if known and diseased else ""
        if lesion:
            _save(Path(output) / lesion, mask.astype(np.uint8), volume.affine)
        rows.append((image, subject, section, str(int(diseased)) if known else "", lesion))
        log.info("lesions %d/%d", number + 1, len(files))
    write_csv(Path(output) / "cohort.csv", COHORT_COLUMNS, rows)
    return Path(output)


def _save(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
    import nibabel as nib

    with whole(path, same_name=True) as part:
        nib.save(nib.Nifti1Image(data, affine), part)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_prep.lesions", description=__doc__)
    parser.add_argument("heads", type=Path, help="folder of healthy NIfTI heads, one a subject")
    parser.add_argument("output", type=Path)
    parser.add_argument("--brain", default="auto", help="brain extraction, see prep brains --help")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    make_cohort(arguments.heads, arguments.output, brain=arguments.brain, seed=arguments.seed)
    print(
        f"next: healthygan prep brains {arguments.output} {arguments.output}-prepared "
        f"--table {arguments.output / 'cohort.csv'}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
