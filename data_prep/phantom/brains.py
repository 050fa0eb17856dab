"""Phantom heads: T1-weighted NIfTI volumes, planted lesions, a cohort table.

Nobody's data and nobody's anatomy: shells of an ellipsoid for scalp, skull and fluid, a cortex
folded along the level sets of a random field, ventricles, deep grey matter, eyes (they show where
the front is), a bias field and Rician noise. It exercises the whole path from NIfTI to score in
minutes; a score on it says nothing about patients.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.datalist import LABELLED
from data_prep.errors import UsageError
from data_prep.files import whole, write_csv

SHAPE = (64, 76, 64)  # voxels along R, A, S
SPACING_MM = 2.5
ORIENTATIONS = ("RAS", "LAS", "LPI")
COUNTS = {"training_mixed": 16, "training_healthy": 16, "validation": 8, "test": 12}
DISEASED_SHARE = 0.5  # of the mixed, validation and test heads
COHORT_COLUMNS = ("image", "subject", "section", "label", "mask")

# Grey levels in the order of a T1-weighted scan: fat > white > grey > fluid > bone.
FAT, WHITE, GREY, MUSCLE, FLUID, BONE = 230.0, 180.0, 125.0, 90.0, 45.0, 20.0
BRIGHT_LESION, DARK_LESION = 250.0, 60.0
NOISE = 4.0
LESION_MM = (8.0, 20.0)  # diameter


@dataclass(frozen=True)
class Head:
    """image: float32 (R, A, S), grey levels 0 to about 255. mask: bool, the lesions. brain: bool,
    grey and white matter, sulci and ventricles.
    """

    image: np.ndarray
    mask: np.ndarray
    brain: np.ndarray


def make_brains(folder: Path, *, seed: int = 0, counts: dict[str, int] | None = None) -> Path:
    """Write brains/*.nii.gz, masks/*.nii.gz and cohort.csv under `folder`; return the folder.

    counts: heads in each section, one subject a head. The files mix RAS, LAS and LPI order. Only
    diseased validation and test heads have a mask file, and training rows carry no label, although
    half of the mixed heads have lesions. The same seed gives the same voxels.
    """
    folder = Path(folder)
    (folder / "brains").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    plan = _plan(counts or COUNTS, np.random.default_rng(seed))
    rows = []
    for number, (section, diseased) in enumerate(plan, start=1):
        generator = np.random.default_rng([seed, number])
        subject = f"sub-{number:03d}"
        head = make_head(generator, lesions=int(generator.integers(1, 4)) if diseased else 0)
        orientation = ORIENTATIONS[int(generator.integers(len(ORIENTATIONS)))]
        gain = generator.uniform(0.8, 8.0)  # MRI grey levels have no unit
        image = f"brains/{subject}_T1w.nii.gz"
        _save(folder / image, (head.image * gain).astype(np.int16), orientation)
        known = section in LABELLED
        mask = f"masks/{subject}_lesion.nii.gz" if known and diseased else ""
        if mask:
            _save(folder / mask, head.mask.astype(np.uint8), orientation)
        label = str(int(diseased)) if known else ""
        rows.append((image, subject, section, label, mask))
    write_csv(folder / "cohort.csv", COHORT_COLUMNS, rows)
    return folder


def make_head(generator: np.random.Generator, *, lesions: int = 0) -> Head:
    """One head in RAS+ order, `SHAPE` voxels of `SPACING_MM`, with `lesions` planted lesions."""
    axes = [(np.arange(n) - (n - 1) / 2) * SPACING_MM for n in SHAPE]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    tissue, home, brain = _anatomy(generator, axes, x, y, z)
    tissue = _soften(tissue)
    mask = np.zeros(SHAPE, bool)
    for _ in range(lesions):
        weight = _lesion(generator, axes, x, y, z, home)
        level = BRIGHT_LESION if generator.random() < 0.5 else DARK_LESION
        tissue = tissue * (1 - weight) + level * weight
        mask |= weight > 0.5
    biased = tissue * _bias(generator, x, y, z)
    noise = generator.normal(0, NOISE, (2, *SHAPE))
    image = np.hypot(biased + noise[0], noise[1])  # magnitude of a complex signal: Rician
    return Head(image.astype(np.float32), mask, brain)


def _anatomy(
    generator: np.random.Generator,
    axes: list[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey levels without noise; where a lesion may be centred (white and deep grey); the brain."""
    width, length, height = generator.normal((69, 85, 74), (2, 2.5, 2))
    z = z + 2.0
    radius = np.sqrt((x / width) ** 2 + (y / length) ** 2 + (z / height) ** 2)
    neck = (np.hypot(x / 48, (y + 8) / 58) < 1) & (z < -20)
    tissue = np.where(neck, MUSCLE, 0.0)
    tissue = np.where((radius < 1) & (z > -70), FAT, tissue)
    tissue = np.where(radius < 0.94, np.where(z < -45, MUSCLE, BONE), tissue)

    base = np.where(y < -20, -52, -34)  # mm; the posterior fossa is the lowest part
    inside = (radius < 0.88) & (z > base)
    tissue = np.where(inside, FLUID, tissue)

    folds = _random_field(generator, axes, wavelength=30.0)
    depth = 0.86 - radius + 0.015 * folds  # below the brain's surface, in units of the head
    brain = (depth > 0) & (z > base + 3) & ~((np.abs(x) < 1.6) & (depth < 0.22) & (z > 0))
    sulcus = (np.abs(folds) < 0.13) & (depth < 0.26)
    grey = (depth < 0.05) | ((np.abs(folds) < 0.45) & (depth < 0.32))
    tissue = np.where(brain, np.where(sulcus, FLUID, np.where(grey, GREY, WHITE)), tissue)

    side = np.abs(x)
    nuclei = ((side - 21) / 9) ** 2 + ((y - 2) / 20) ** 2 + ((z - 2) / 13) ** 2 < 1
    tissue = np.where(nuclei & brain, GREY, tissue)
    swell = generator.uniform(0.8, 1.3)
    bend = 7 + 0.006 * (y + 5) ** 2  # the horns part towards the front and the back
    ventricle = ((side - bend) / (4.5 * swell)) ** 2 + (y / 36) ** 2 < 1
    ventricle = ventricle & (((z - 12 + 0.004 * y**2) / (8 * swell)) ** 2 < 1)
    ventricle = ventricle | (side < 1.5) & (np.abs(y) < 12) & (np.abs(z - 2) < 9)
    tissue = np.where(ventricle & brain, FLUID, tissue)
    for eye in (-29, 29):
        globe = (x - eye) ** 2 + (y - length + 24) ** 2 + (z + 30) ** 2 < 12**2
        tissue = np.where(globe, FLUID, tissue)
    home = brain & (depth > 0.1) & ~ventricle & (z > -15)
    return tissue, home, (depth > 0) & (z > base + 3)


def _random_field(
    generator: np.random.Generator, axes: list[np.ndarray], *, wavelength: float, waves: int = 48
) -> np.ndarray:
    """Smooth random field of unit variance (R, A, S): a sum of plane waves of `wavelength` mm."""
    direction = generator.normal(size=(waves, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    number = 2 * np.pi / (wavelength * generator.uniform(0.8, 1.25, (waves, 1)))
    k = direction * number
    phase = np.exp(1j * generator.uniform(0, 2 * np.pi, waves))
    r, a, s = (np.exp(1j * np.outer(axis, k[:, i])) for i, axis in enumerate(axes))  # (n, waves)
    plane = (r[:, None, :] * a[None, :, :] * phase).reshape(-1, waves)
    field = (plane @ s.T).real.reshape(SHAPE)
    return field * np.sqrt(2 / waves)


def _lesion(
    generator: np.random.Generator,
    axes: list[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    home: np.ndarray,
) -> np.ndarray:
    """Soft weight (R, A, S) in [0, 1] of one lumpy ball, its centre drawn from `home`."""
    places = np.flatnonzero(home)
    i, j, k = np.unravel_index(places[int(generator.integers(len(places)))], SHAPE)
    radius = generator.uniform(*LESION_MM) / 2
    distance = np.sqrt((x - axes[0][i]) ** 2 + (y - axes[1][j]) ** 2 + (z - axes[2][k]) ** 2)
    lumps = 0.12 * radius * _random_field(generator, axes, wavelength=2.5 * radius, waves=16)
    return np.clip((radius - distance + lumps) / SPACING_MM + 0.5, 0, 1)


def _soften(image: np.ndarray) -> np.ndarray:
    """Partial volume: (1, 2, 1) / 4 along each axis."""
    for axis in range(3):
        padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        moved = np.moveaxis(padded, axis, 0)
        image = np.moveaxis((moved[:-2] + 2 * moved[1:-1] + moved[2:]) / 4, 0, axis)
    return image


def _bias(
    generator: np.random.Generator, x: np.ndarray, y: np.ndarray, z: np.ndarray
) -> np.ndarray:
    """Receive-coil shading: exp of a random quadratic, within about a quarter of 1."""
    slope, bend = generator.normal(0, 0.07, 3), generator.normal(0, 0.07, 3)
    parts = [slope[n] * c / 80 + bend[n] * (c / 80) ** 2 for n, c in enumerate((x, y, z))]
    return np.exp(parts[0] + parts[1] + parts[2])


def _plan(counts: dict[str, int], generator: np.random.Generator) -> list[tuple[str, bool]]:
    """(section, diseased) of every head, sections interleaved so that numbers tell nothing."""
    unknown = sorted(set(counts) - set(COUNTS))
    if unknown:
        raise UsageError(f"counts: unknown section {unknown}; expected {', '.join(COUNTS)}.")
    plan = []
    for section, count in counts.items():
        diseased = 0 if section == "training_healthy" else round(count * DISEASED_SHARE)
        plan += [(section, n < diseased) for n in range(count)]
    return [plan[int(n)] for n in generator.permutation(len(plan))]


def _save(path: Path, data: np.ndarray, orientation: str) -> None:
    """Write RAS+ `data` with its axes in `orientation` order, centre at 0 mm."""
    import nibabel as nib
    from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    affine[:3, 3] = -(np.array(SHAPE) - 1) / 2 * SPACING_MM
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    turn = ornt_transform(io_orientation(affine), axcodes2ornt(tuple(orientation)))
    with whole(path, same_name=True) as part:
        nib.save(image.as_reoriented(turn), part)
