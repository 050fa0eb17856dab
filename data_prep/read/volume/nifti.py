"""One NIfTI file: header read strictly, values scaled, orientation as the standard ranks it.

NIfTI-1 standard, nifti1.h: `sform_code` > 0 gives the affine in `srow_*`, else `qform_code` > 0
gives it as a quaternion, else only the voxel sizes are known. NIfTI-2 keeps these fields.
"""

from pathlib import Path
from typing import Any

import numpy as np

from data_prep.read.volume.nifti_file import NiftiFile, opened
from data_prep.read.volume.volume import (
    LONGEST_MM,
    SHORTEST_MM,
    RawVolume,
    ReadOptions,
    VolumeError,
)

UNIT_IN_MM = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}
SIZES = 0.01  # of themselves: sizes of a voxel that differ by less are the same
AGREE_MM = 1.0  # qform and sform that place a corner within this are the same placement


def read_nifti(path: Path, options: ReadOptions) -> RawVolume:
    """Read NIfTI-1 or NIfTI-2, packed or not whatever its name, `slope * stored + inter` applied.

    VolumeError: no NIfTI, empty, damaged, truncated, colour, complex, not 3-D, 4-D without
    `volume_index`.
    """
    with opened(path) as file:
        return _raw(file, options)


def _raw(file: NiftiFile, options: ReadOptions) -> RawVolume:
    image = file.image
    header = image.header
    shape = _without_ones(image.shape)
    facts: dict[str, Any] = {
        "format": "NIfTI-2" if int(header["sizeof_hdr"]) == 540 else "NIfTI-1",
        "shape": [int(n) for n in image.shape],
        "dtype": str(header.get_data_dtype()),
        "intent": int(header["intent_code"]),
        "notes": [],
    }
    _check_type(header.get_data_dtype())
    file.require_possible_size()
    index = _volume_index(shape, options)
    unit = _millimetres(header, facts)
    zooms = [float(z) * unit for z in header["pixdim"][1:4]]
    if len(shape) == 2 and not zooms[2] > 0:
        zooms[2] = unit  # a picture has no thickness
    affine = _affine(image, facts, options.disagreement)
    if affine is not None and unit != 1.0:
        affine = np.diag([unit, unit, unit, 1.0]) @ affine
    data = file.values(index)
    data = data.reshape(
        (*shape, 1)[:3]
    )  # of a single slice the header tells the place all the same
    facts["notes"] += file.require_whole()
    if index is not None:
        facts["volume_index"] = index
    return RawVolume(data, affine, (zooms[0], zooms[1], zooms[2]), facts)


def _check_type(dtype: np.dtype) -> None:
    if dtype.fields is not None:
        raise VolumeError(
            "colour voxels; expected one intensity a voxel", remedy="Export the original scan."
        )
    if dtype.kind == "c":
        raise VolumeError(
            "complex voxels; expected real ones", remedy="Export the magnitude image."
        )


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without the axes of length 1 behind the third: x, y, z, 1, 1 is one volume."""
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return tuple(int(n) for n in shape)


def _volume_index(shape: tuple[int, ...], options: ReadOptions) -> int | None:
    """None for a 3-D image, else which volume of the fourth axis to take."""
    text = " x ".join(str(n) for n in shape)
    if len(shape) == 3 or (len(shape) == 2 and options.allow_single_slice):
        return None
    if len(shape) != 4:
        raise VolumeError(
            f"{len(shape)}-D image; expected 3-D", detail=text, remedy="Extract one volume of it."
        )
    count = shape[3]
    if options.volume_index is None:
        raise VolumeError(
            f"4-D image with {count} volumes; expected one",
            detail=text,
            remedy=f"Pass --volume-index with a number from 0 to {count - 1}, or split the file.",
        )
    if not 0 <= options.volume_index < count:
        raise VolumeError(
            f"4-D image with {count} volumes has no volume {options.volume_index}",
            detail=text,
            remedy=f"Pass --volume-index with a number from 0 to {count - 1}.",
        )
    return options.volume_index


def _millimetres(header: Any, facts: dict[str, Any]) -> float:
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError:
        unit = "unknown"
    if unit not in ("unknown", "mm"):
        facts["notes"].append(f"lengths are in {unit} and were converted to mm")
    return UNIT_IN_MM.get(unit, 1.0)


def _affine(image: Any, facts: dict[str, Any], disagreement: str) -> np.ndarray | None:
    """The affine of the sform, else of the qform, else None; a disagreement is noted and settled
    as ReadOptions.disagreement says.
    """
    header = image.header
    sform = header.get_sform() if int(header["sform_code"]) > 0 else None
    try:
        qform = header.get_qform(coded=True)[0]
    except (ValueError, ArithmeticError):
        qform = None
        facts["notes"].append("the qform is invalid and was left aside")
    if sform is not None and not _usable(sform):
        sform = None
        facts["notes"].append("the sform is singular and was left aside")
    if qform is not None and not _usable(qform):
        qform = None
        facts["notes"].append("the qform is singular and was left aside")
    if sform is not None and qform is not None:
        apart = _apart_mm(sform, qform, image.shape)
        facts["qform_sform_apart_mm"] = round(apart, 2)
        if apart > AGREE_MM:
            if disagreement == "refuse":
                raise VolumeError(
                    "qform and sform place the scan differently",
                    detail=f"up to {apart:.1f} mm apart",
                    remedy="Convert the scan again from DICOM, or pass --disagreement sform or "
                    "qform to say which of the two is right.",
                )
            facts["notes"].append(
                f"qform and sform differ by more than {AGREE_MM:g} mm; the {disagreement} was used"
            )
            sform = None if disagreement == "qform" else sform
    if sform is not None and qform is None:
        sform = _as_sized(sform, header["pixdim"][1:4], facts, disagreement)
    facts["orientation_source"] = "sform" if sform is not None else "qform"
    return sform if sform is not None else qform


def _as_sized(
    sform: np.ndarray, pixdim: np.ndarray, facts: dict[str, Any], disagreement: str
) -> np.ndarray | None:
    """The sform; None where pixdim says other sizes and is to be followed (METHOD 3, nifti1.h).

    An affine without sizes, as of an array that was given only its spacing, squashes the head.
    """
    stated = np.abs(np.asarray(pixdim, dtype=np.float64))
    sizes = np.linalg.norm(sform[:3, :3].astype(np.float64), axis=0)
    if not (np.isfinite(stated).all() and stated.all()) or np.allclose(sizes, stated, rtol=SIZES):
        return sform
    told = " and ".join(" x ".join(f"{v:.3g}" for v in each) for each in (sizes, stated))
    if disagreement == "refuse":
        raise VolumeError(
            "the sform and pixdim say different sizes of a voxel",
            detail=told,
            remedy="Convert the scan again from DICOM, or pass --disagreement sform or qform (then "
            "pixdim) to say which of the two is right.",
        )
    used = "sform" if disagreement == "sform" else "pixdim"
    facts["notes"].append(
        f"the sform and pixdim say different sizes of a voxel ({told}); the {used} was used"
    )
    return sform if used == "sform" else None


def _usable(affine: np.ndarray) -> bool:
    """True where every axis has a length in mm and a direction of its own."""
    from nibabel.orientations import io_orientation

    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(affine[:3, :3].astype(np.float64), axis=0)
        if not (np.isfinite(affine).all() and np.isfinite(lengths).all()):
            return False
        if lengths.min() < SHORTEST_MM or lengths.max() > LONGEST_MM:
            return False
        if abs(np.linalg.det(affine[:3, :3] / lengths)) <= 1e-9:
            return False
        return not np.isnan(io_orientation(affine)).any()


def _apart_mm(first: np.ndarray, second: np.ndarray, shape: tuple[int, ...]) -> float:
    """Largest distance in mm between the eight corners of the box under two affines."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in (*shape, 1)[:3]])).reshape(3, -1)
    difference = first - second
    moved = difference[:3, :3] @ corners + difference[:3, 3:]
    return float(np.linalg.norm(moved, axis=0).max())
