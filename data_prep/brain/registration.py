"""A brain onto the template, rigid then affine, in RAS+ mm: input, measures, limits.

The search itself is in registration_simpleitk.py and registration_elastix.py.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from data_prep.brain.grey_range import lowest_grey
from data_prep.brain.template import Template
from data_prep.read.volume.resample import onto_grid
from data_prep.read.volume.volume import Volume, VolumeError, voxel_size

WORK_MM = 2.0  # finer grids do not change the affine match of two brains
EDGE_MM = 10.0  # of air around the template's brain: its edge is half of what can be matched
NCC_SIGMA_MM = 2.0  # before correlating: single folds differ between healthy brains
# Brains 10 degrees, 8 mm or 10 % off the template correlate by 0.47 to 0.63 with it or overlap by
# less than 0.87; 45 healthy heads reach 0.69 and 0.95, three with thick slices 0.68 and 0.95
# (docs/brain_preparation.md). Smaller errors are for the table of outliers and the eye.
LEAST_NCC, LEAST_DICE = 0.65, 0.88
SCALES = (0.6, 1.6)  # template -> subject along any axis; an adult brain is 0.8 to 1.1


@dataclass(frozen=True)
class Registration:
    """matrix: (4, 4) template mm -> subject mm, both RAS+.

    ncc: Pearson's correlation inside the template's brain, after a Gaussian of 2 mm; nmi:
    normalised mutual information (H(a) + H(b)) / H(a, b), 1 for unrelated images (C. Studholme
    1999); dice: of the two brain masks; scales: singular values of the matrix, least and most.
    """

    matrix: np.ndarray
    ncc: float
    nmi: float
    dice: float
    scales: tuple[float, float]

    def facts(self) -> dict[str, Any]:
        return {
            "registration_ncc": round(self.ncc, 4),
            "registration_nmi": round(self.nmi, 4),
            "registration_dice": round(self.dice, 4),
            "registration_scales": [round(scale, 4) for scale in self.scales],
        }


def register(
    volume: Volume, brain: np.ndarray, template: Template, method: str = "simpleitk"
) -> Registration:
    """Find the affine from the template to the brain of ``volume``; `refuse_poor` judges it.

    brain: bool (R, A, S). method: "simpleitk" or "elastix". Raises VolumeError if nothing overlaps.
    """
    fixed, inside = _working_grid(template)
    moving = _moving(_from_zero(volume, brain), brain)
    if method == "elastix":
        from data_prep.brain.registration_elastix import find_affine
    else:
        from data_prep.brain.registration_simpleitk import find_affine
    matrix = find_affine(fixed, inside, moving)
    return measure(volume, brain, template, matrix)


def place(volume: Volume, matrix: np.ndarray) -> Volume:
    """The same voxels with an affine in template space: the inverse of `matrix` before its own."""
    affine = np.linalg.inv(matrix) @ volume.affine
    return replace(volume, affine=affine, spacing=voxel_size(affine))


def measure(
    volume: Volume, brain: np.ndarray, template: Template, matrix: np.ndarray
) -> Registration:
    """The quality of a given matrix, on a 2 mm grid of the template."""
    fixed, inside = _working_grid(template)
    shape, affine = fixed.data.shape, fixed.affine
    volume = _from_zero(volume, brain)
    only = replace(volume, data=np.where(brain, volume.data, 0).astype(np.float32))
    moved = onto_grid(place(only, matrix), shape, affine).data
    mask = replace(volume, data=brain.astype(np.float32))
    moved_brain = onto_grid(place(mask, matrix), shape, affine).data > 0.5
    both = moved_brain.sum() + inside.sum()
    dice = float(2 * (moved_brain & inside).sum() / both) if both else 0.0
    singular = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    a, b = fixed.data[inside], moved[inside]
    return Registration(
        matrix=matrix,
        ncc=_correlation(fixed.data, moved, inside),
        nmi=_nmi(a, b),
        dice=dice,
        scales=(float(singular.min()), float(singular.max())),
    )


def refuse_poor(found: Registration, least_ncc: float, least_dice: float) -> None:
    """VolumeError where the brain does not lie on the template."""
    low, high = found.scales
    possible = SCALES[0] <= low and high <= SCALES[1]
    if possible and found.ncc >= least_ncc and found.dice >= least_dice:
        return
    raise VolumeError(
        "the brain does not fit the template: registration failed",
        detail=f"correlation {found.ncc:.2f} (least {least_ncc:g}), overlap {found.dice:.2f} "
        f"(least {least_dice:g}), scales {low:.2f} to {high:.2f}",
        remedy="Look at its strip in the report: is the mask the brain, is the scan whole and T1-"
        "weighted? Lower --least-ncc or --least-overlap to take it nevertheless.",
    )


def _working_grid(template: Template) -> tuple[Volume, np.ndarray]:
    """Template and its brain at 2 mm, with room around."""
    volume = template.volume
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in volume.data.shape])).reshape(3, -1)
    world = volume.affine[:3, :3] @ corners + volume.affine[:3, 3:]
    low, high = world.min(axis=1) - EDGE_MM, world.max(axis=1) + EDGE_MM
    shape = tuple(int(n) for n in np.ceil((high - low) / WORK_MM) + 1)
    affine = np.diag([WORK_MM, WORK_MM, WORK_MM, 1.0])
    affine[:3, 3] = low
    inside = onto_grid(replace(volume, data=template.brain.astype(np.float32)), shape, affine)
    return onto_grid(volume, shape, affine), inside.data > 0.5


def _from_zero(volume: Volume, brain: np.ndarray) -> Volume:
    """The volume with the lowest grey level of its brain at 0, where it is lower."""
    zero = lowest_grey(volume.data[brain]) if brain.any() else 0.0
    return replace(volume, data=volume.data - np.float32(zero)) if zero else volume


def _moving(volume: Volume, brain: np.ndarray) -> Volume:
    """The brain alone, its brightest percent clipped, cut to its box and 10 mm around."""
    if not brain.any():
        raise VolumeError("the brain mask is empty", remedy="Look at the scan and its mask.")
    top = float(np.percentile(volume.data[brain], 99))
    data = np.where(brain, np.clip(volume.data, 0, max(top, 1e-6)), 0).astype(np.float32)
    found = np.argwhere(brain)
    pad = np.ceil(EDGE_MM / np.array(volume.spacing)).astype(int)
    low = np.maximum(found.min(axis=0) - pad, 0)
    high = np.minimum(found.max(axis=0) + pad + 1, data.shape)
    cut = data[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    return replace(volume, data=np.ascontiguousarray(cut), affine=affine)


def _correlation(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> float:
    from scipy.ndimage import gaussian_filter

    a, b = (gaussian_filter(data, NCC_SIGMA_MM / WORK_MM)[inside] for data in (first, second))
    return float(np.corrcoef(a, b)[0, 1]) if b.std() > 0 else 0.0


def _nmi(a: np.ndarray, b: np.ndarray) -> float:
    """Normalised mutual information of two lists of values, 64 bins each."""
    joint = np.histogram2d(a, b, bins=64)[0] / len(a)

    def entropy(p: np.ndarray) -> float:
        p = p[p > 0]
        return float(-(p * np.log(p)).sum())

    together = entropy(joint)
    return (entropy(joint.sum(axis=0)) + entropy(joint.sum(axis=1))) / together if together else 1.0
