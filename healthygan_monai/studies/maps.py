"""The maps of a case as files: PNG of a film, NIfTI of a volume, in its own rows or voxels."""

from pathlib import Path

import numpy as np

from data_prep.files import whole
from data_prep.film import png
from healthygan_monai.paths import MAPS_FOLDER, MARKED
from healthygan_monai.studies.case import CaseResult, Cut

CUTS_TO_WHITE = 4  # a pixel at the map threshold has a quarter of white
LARGEST = 1e-6  # the least white


def white_of(cut: Cut | None, largest: float, bounded: bool) -> float:
    """Return the difference that is white in the PNG of a map.

    Args:
        cut: the map threshold; white is four times that, one scale for all films of a model.
        largest: of the film's own map, which is white where no threshold is known.
        bounded: whether maps end at 1, as HealthyGAN's do.
    """
    white = max(largest, LARGEST) if cut is None else CUTS_TO_WHITE * cut.value
    return min(1.0, white) if bounded else white


def write_maps(case: CaseResult, output: Path, white: float) -> list[Path]:
    """Write maps/NAME.png or maps/NAME.nii.gz, and the same with the marked pixels or voxels.

    A PNG is 8-bit, ``white`` and above are 255; marked pixels are 255. A NIfTI map is float32, its
    marked voxels are 1 (uint8); both have the affine of the scan.
    """
    if case.difference is None or case.marked is None:
        return []
    stem = output / MAPS_FOLDER / case.name
    if case.affine is None:
        paths = [stem.with_name(f"{case.name}{end}.png") for end in ("", MARKED)]
        grey = np.rint(np.clip(case.difference / white, 0, 1) * 255).astype(np.uint8)
        png.save(grey, paths[0])
        png.save(case.marked, paths[1])
        return paths
    paths = [stem.with_name(f"{case.name}{end}.nii.gz") for end in ("", MARKED)]
    _write_nifti(case.difference.astype(np.float32), case.affine, paths[0])
    _write_nifti(case.marked.astype(np.uint8), case.affine, paths[1])
    return paths


def _write_nifti(data: np.ndarray, affine: np.ndarray, path: Path) -> None:
    import nibabel as nib

    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, "scanner")
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"research, not for diagnosis"
    with whole(path, same_name=True) as part:
        nib.save(image, part)
