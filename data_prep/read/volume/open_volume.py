"""One brain volume: NIfTI file or DICOM series -> float32 array in RAS+ order, spacing in mm.

RAS+ (nifti1.h, "3D IMAGE ORIENTATION"): axes run to the patient's Right, Anterior, Superior.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_prep.read.content import kind_of
from data_prep.read.pointers import not_fetched
from data_prep.read.volume.background import below_all, darkened
from data_prep.read.volume.volume import (
    LONGEST_MM,
    SHORTEST_MM,
    RawVolume,
    ReadOptions,
    Volume,
    VolumeError,
    voxel_size,
)

logger = logging.getLogger(__name__)

OBLIQUE_DEG = 5.0  # planned 2-D scans are often tilted this much; more is worth a warning
TILTED = (
    f"tilted by more than {OBLIQUE_DEG:.0f} degrees; the slices follow the scan, not the patient's "
    "axes (--straighten resamples them)"
)
SAME_GRID_MM = 0.01
FEWEST_GREYS = 32  # values; labels of a segmentation are often fewer, a scan of 8 bits has 256
MOST_LABELS = 256  # values; FreeSurfer's aparc+aseg has about 110
FLAT = 0.5  # share of neighbours of one value; 0.27 at most in ten real scans, of 8 bits too
LOOKED_AT = 1_000_000  # voxels, evenly taken, that are counted first
# nifti1.h, "INTENT_CODES": statistics; labels and names of regions; matrices and vectors
STATISTICS, OTHERS = range(2, 25), {1002: "labels", 1003: "labels"}
OTHERS |= dict.fromkeys((1004, 1005, 1006, 1007), "vectors or matrices")
SHEAR_DEG = 0.5  # a tilted gantry; headers round angles to a tenth


def read_volume(
    path: Path, options: ReadOptions | None = None, files: Sequence[Path] = ()
) -> Volume:
    """Read a NIfTI file or .hdr/.img pair of any name, a folder with one DICOM series, or a DICOM
    file with several frames. files: those of the series, where the folder holds others.

    Returns a `Volume` in RAS+ order (closest axes; the tilt of an oblique volume is recorded as
    `obliquity_deg`), NaN and infinite voxels counted in `facts["nonfinite_voxels"]` and made the
    darkest, as a constant background is.
    Raises VolumeError for anything that is no 3-D volume of real intensities.
    """
    options = options or ReadOptions()
    path = Path(path)
    absent = not_fetched(path)
    if absent is not None:
        raise VolumeError(absent[0], remedy=absent[1])
    if not path.exists():
        raise VolumeError("no such file", remedy="Correct the table or the folder.")
    if path.is_dir() or files or kind_of(path) == "dicom":
        from data_prep.read.volume.dicom_series import read_dicom_series

        raw = read_dicom_series(path, options, files or ([] if path.is_dir() else [path]))
    else:
        from data_prep.read.volume.nifti import read_nifti

        raw = read_nifti(path, options)
    raw.facts["notes"] += options.require_modality(raw.facts)
    _require_intent(raw.facts.pop("intent", 0))
    volume = _to_ras(_checked(raw, options), options)
    if volume.facts.get("shear_deg") and not options.straighten_oblique:
        raise VolumeError(
            "the voxel grid is sheared: a tilted gantry, or an affine transform in the header",
            detail=f"{volume.facts['shear_deg']} degrees",
            remedy="Pass --straighten to resample such scans onto the patient's axes.",
        )
    if options.straighten_oblique and volume.facts["obliquity_deg"] > 0:
        from data_prep.read.volume.resample import straighten

        volume = straighten(volume)
        volume.facts["notes"] = [note for note in volume.facts["notes"] if note != TILTED]
    return volume


def read_mask(
    path: Path, like: Volume, options: ReadOptions | None = None, what: str = "lesion"
) -> np.ndarray:
    """Read a mask; returns bool (R, A, S) on the grid of `like`, True inside the lesion (or brain).

    Any label counts as inside, a probability counts from 0.5. A mask on another grid (other
    orientation, spacing or field of view) is brought over by nearest neighbour in RAS+ mm. Raises
    VolumeError where the lesion falls outside of the image: the two are then no pair.
    """
    options = options or ReadOptions()
    path = Path(path)
    from data_prep.read.volume.nifti import read_nifti
    from data_prep.read.volume.resample import onto_grid

    try:
        if not path.is_file():
            raise VolumeError("no such file", remedy="Correct the table.")
        mask = _to_ras(_finite(read_nifti(path, options)), options)
    except VolumeError as error:
        raise VolumeError(
            f"{what} mask: {error.reason}", detail=error.detail, remedy=error.remedy
        ) from None
    if mask.facts["orientation_source"].startswith("assumed") and (
        mask.facts["orientation_source"] != like.facts["orientation_source"]
    ):
        raise VolumeError(
            f"{what} mask: the file states no orientation, but the image does",
            remedy="Save the mask with the affine of the image it was drawn on.",
        )
    inside = replace(mask, data=(mask.data > 0.5).astype(np.float32))
    same_grid = mask.data.shape == like.data.shape and np.allclose(
        mask.affine, like.affine, atol=SAME_GRID_MM
    )
    here = inside if same_grid else onto_grid(inside, like.data.shape, like.affine, nearest=True)
    if inside.data.any() and not here.data.any():
        raise VolumeError(
            f"{what} mask: the {what} is outside of the image",
            remedy="Check which mask the table pairs with this scan, and the mask's affine.",
        )
    return here.data > 0.5


def _checked(raw: RawVolume, options: ReadOptions) -> RawVolume:
    """More than one slice, real spacing, finite and not constant, or VolumeError."""
    if min(raw.data.shape) < 2 and not options.allow_single_slice:
        raise VolumeError(
            "one slice only; expected a volume",
            detail=" x ".join(str(n) for n in raw.data.shape),
            remedy="Export the whole series, or pass --allow-single-slice.",
        )
    if not all(SHORTEST_MM <= mm <= LONGEST_MM for mm in raw.spacing):
        raise VolumeError(
            "voxel spacing is not three positive lengths",
            detail=f"{raw.spacing} mm",
            remedy="The header is damaged: convert the scan again.",
        )
    raw = _finite(raw)
    data = darkened(raw.data)
    if data is not raw.data:
        notes = [
            *raw.facts["notes"],
            "the background is among the grey levels, or far below them; it was made the darkest",
        ]
        raw = replace(raw, data=data, facts={**raw.facts, "notes": notes})
    if raw.data.min() == raw.data.max():
        raise VolumeError(
            "empty scan: every voxel has the same value",
            detail=f"{raw.data.flat[0]:g}",
            remedy="Its export failed: export it again.",
        )
    _require_greys(raw.data)
    return raw


def _require_intent(code: int) -> None:
    """Raise VolumeError where a NIfTI says that its values are no grey levels."""
    what = "statistics" if code in STATISTICS else OTHERS.get(code)
    if what is not None:
        raise VolumeError(
            f"the header says that the values are {what}, no grey levels",
            detail=f"intent_code {code}",
            remedy="Leave it out. A mask of lesions goes into the column mask of the table.",
        )


def _require_greys(data: np.ndarray) -> None:
    """Raise VolumeError for labels: few values, or more of which most neighbours have the same."""
    inside = data > data.min()
    both = inside[1:] & inside[:-1]
    flat = np.count_nonzero((data[1:] == data[:-1]) & both) > FLAT * np.count_nonzero(both)
    most = min(MOST_LABELS if flat else FEWEST_GREYS, data.size)
    step = max(1, round((data.size / LOOKED_AT) ** (1 / 3)))
    if len(np.unique(data[::step, ::step, ::step])) >= most:
        return
    count = len(np.unique(data))
    if count < most:
        raise VolumeError(
            "few grey levels: a mask, or the labels of a segmentation?",
            detail=f"{count} values",
            remedy="Leave it out. A mask of lesions goes into the column mask of the table.",
        )


def _finite(raw: RawVolume) -> RawVolume:
    """Float32; NaN and infinities are counted and set to 0, or below all values where some are
    negative.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        data = np.asarray(raw.data, dtype=np.float32)
    bad = ~np.isfinite(data)
    count = int(bad.sum())
    notes = list(raw.facts["notes"])
    if count:
        data = below_all(data, bad)
        notes.append("NaN or infinite voxels were set to the lowest grey level")
    facts = {**raw.facts, "notes": notes, "nonfinite_voxels": count}
    return replace(raw, data=data, facts=facts)


def _to_ras(raw: RawVolume, options: ReadOptions) -> Volume:
    """Permute and flip the array axes to the closest RAS+ order; no voxel value changes."""
    import nibabel as nib
    from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

    facts = dict(raw.facts)
    affine = raw.affine
    if affine is None:
        affine = _assumed_affine(raw, options)
        facts["orientation_source"] = f"assumed {options.unoriented}"
        facts["notes"].append(
            f"the file states no orientation; {options.unoriented} was assumed, so left and right "
            "may be exchanged"
        )
    to_ras = io_orientation(affine)
    if np.isnan(to_ras).any():
        raise VolumeError(
            "the axes of the scan have no directions of their own",
            remedy="The header is damaged: convert the scan again.",
        )
    facts["orientation"] = "".join(nib.orientations.ornt2axcodes(to_ras))
    facts["obliquity_deg"] = round(float(np.degrees(nib.affines.obliquity(affine).max())), 2)
    if facts["obliquity_deg"] > OBLIQUE_DEG:
        facts["notes"].append(TILTED)
    shear = _shear_deg(affine)
    if shear > SHEAR_DEG:
        facts["shear_deg"] = round(shear, 2)
    data = np.ascontiguousarray(apply_orientation(raw.data, to_ras))  # (R, A, S)
    affine = affine @ inv_ornt_aff(to_ras, raw.data.shape)
    spacing = voxel_size(affine)
    facts["shape_ras"] = list(data.shape)
    facts["spacing_mm"] = list(spacing)
    logger.debug("read a volume of %s voxels, %s mm", facts["shape_ras"], facts["spacing_mm"])
    return Volume(data, spacing, affine, facts)


def _shear_deg(affine: np.ndarray) -> float:
    """By how much the angle between any two array axes differs from a right one, in degrees."""
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = (unit.T @ unit)[np.triu_indices(3, 1)]
    return float(np.degrees(np.abs(np.arcsin(np.clip(cosines, -1, 1)))).max())


def _assumed_affine(raw: RawVolume, options: ReadOptions) -> np.ndarray:
    """Affine of an array whose axes are `options.unoriented`, its centre at 0 mm."""
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff

    if options.unoriented == "refuse":
        raise VolumeError(
            "the file states no orientation: qform_code and sform_code are 0",
            remedy="Convert the scan again from DICOM, or pass --unoriented RAS (or another code) "
            "if the order of its axes is known.",
        )
    to_ras = axcodes2ornt(tuple(options.unoriented))
    shape_ras, mm_ras = np.empty(3), np.empty(3)
    for axis, (target, _) in enumerate(to_ras):
        shape_ras[int(target)] = raw.data.shape[axis]
        mm_ras[int(target)] = raw.spacing[axis]
    affine = np.diag([*mm_ras, 1.0])
    affine[:3, 3] = -(shape_ras - 1) / 2 * mm_ras
    return affine @ np.linalg.inv(inv_ornt_aff(to_ras, raw.data.shape))
