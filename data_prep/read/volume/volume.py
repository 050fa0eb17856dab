"""The nouns of the volume readers: Volume, RawVolume, ReadOptions and their errors."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_prep.errors import LeftOut, PrepError, UsageError
from data_prep.read.dicom.terms import MODALITIES

NIFTI_SUFFIXES = (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz")
MAX_VOXELS = 2**31  # 8 GiB as float32; a 0.4 mm whole head has a fifth of that
SHORTEST_MM, LONGEST_MM = 1e-6, 1e6  # of a voxel; anything else is damage, and overflows
MODALITY = "MR"
DISAGREEMENT = ("sform", "qform", "refuse")


class VolumeError(PrepError):
    """A volume that cannot be used; see PrepError for its three texts."""


class OtherImage(VolumeError, LeftOut):
    """A volume that could be read but is not what was asked for."""


def no_magnitude() -> OtherImage:
    """Return the reason for a part of a complex scan."""
    return OtherImage(
        "a phase image, or the real or imaginary part of one; expected the magnitude",
        remedy="Leave it out.",
    )


@dataclass(frozen=True)
class Volume:
    """A volume in RAS+ order.

    data: float32 (R, A, S), finite. spacing: mm along R, A, S. affine: (4, 4) voxel index -> RAS+
    mm. facts: what reading found and decided, ready for JSON; `notes` are sentences for a person.
    """

    data: np.ndarray
    spacing: tuple[float, float, float]
    affine: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadOptions:
    """How to read what a file leaves open.

    volume_index: which volume of a 4-D file, None refuses a 4-D file with several.
    series_index: which series of a DICOM folder, None refuses a folder with several.
    unoriented: axis code assumed for a file that states no orientation ("RAS", "LAS", ...), or
        "refuse". The NIfTI standard gives such files scaling only, so left and right are a guess.
    disagreement: what to do where the qform and the sform of a NIfTI place the scan differently:
        take the "sform" (the standard's method 3, which programs that register a scan rewrite) or
        the "qform" (method 2, the scanner's), or "refuse". Of a file without a qform the same
        where pixdim and the sform say different sizes; "qform" then takes pixdim alone.
    allow_single_slice: accept a volume that is one slice thick.
    straighten_oblique: resample a tilted or sheared volume onto the RAS axes (linear) instead of
        taking the closest axes.
    modality: code of the scans that are wanted (PS3.3 C.7.3.1.1.1), or "any"; a scan that does not
        state its own is taken.
    """

    volume_index: int | None = None
    series_index: int | None = None
    unoriented: str = "RAS"
    allow_single_slice: bool = False
    disagreement: str = "sform"
    straighten_oblique: bool = False
    modality: str = MODALITY

    def __post_init__(self) -> None:
        if self.unoriented != "refuse" and not _is_axis_code(self.unoriented):
            raise UsageError(
                f"unoriented is {self.unoriented!r}; expected 'refuse' or one letter each of R/L, "
                "A/P and S/I in the order of the array axes, for example 'RAS' or 'LPI'."
            )
        if self.disagreement not in DISAGREEMENT:
            raise UsageError(
                f"disagreement is {self.disagreement!r}; expected one of {', '.join(DISAGREEMENT)}."
            )
        if self.modality not in (*MODALITIES, "any"):
            raise UsageError(
                f"modality is {self.modality!r}; expected a DICOM code such as MR or CT, or any."
            )

    def require_modality(self, facts: Mapping[str, Any]) -> list[str]:
        """Return notes on a scan of these facts; OtherImage where its modality is not wanted."""
        stated = facts.get("modality", MODALITY)
        if stated != self.modality and (self.modality != "any" and "modality" in facts):
            raise OtherImage(
                f"another modality than {self.modality}",
                detail=stated,
                remedy=f"Pass --modality {stated} to take such scans.",
            )
        return [] if stated == MODALITY else [f"the modality is {stated}; it was asked for"]


@dataclass(frozen=True)
class RawVolume:
    """What a reader hands over: the array as stored, its affine (None: not stated), its facts."""

    data: np.ndarray  # (I, J, K), any real type
    affine: np.ndarray | None  # (4, 4) voxel index -> RAS+ mm
    spacing: tuple[float, float, float]  # mm along I, J, K
    facts: dict[str, Any]


def volume_digest(volume: Volume) -> str:
    """SHA-256 (hex) over shape and voxels in RAS+ order: equal for copies in other containers."""
    total = hashlib.sha256(str(volume.data.shape).encode())
    total.update(np.ascontiguousarray(volume.data, "<f4").data)
    return total.hexdigest()


def voxel_size(affine: np.ndarray) -> tuple[float, float, float]:
    """Voxel size in mm along the array axes; rounded, as headers store it with 24 bits at best."""
    r, a, s = np.linalg.norm(affine[:3, :3], axis=0)
    return round(float(r), 4), round(float(a), 4), round(float(s), 4)


def _is_axis_code(code: str) -> bool:
    """True for one letter each of R/L, A/P, S/I in any order."""
    kinds = [group for letter in code for group in ("RL", "AP", "SI") if letter in group]
    return re.fullmatch("[RLAPSI]{3}", code) is not None and len(set(kinds)) == 3
