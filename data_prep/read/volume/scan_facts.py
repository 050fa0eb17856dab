"""How a head was scanned, from DICOM header or BIDS sidecar: listed makers, codes, sane numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from data_prep.read.dicom.header import codes_of, finite
from data_prep.read.dicom.terms import MODALITIES

SPARSE = 1.5  # gap over slice thickness from which slices seem to have been left out

MANUFACTURERS = ("SIEMENS", "GE", "PHILIPS", "CANON", "TOSHIBA", "HITACHI", "UIH", "FUJIFILM")
SEQUENCES = ("SE", "IR", "GR", "EP", "RM")  # PS3.3 C.8.3.1.1.2, Scanning Sequence
ACQUISITIONS = ("2D", "3D")  # MR Acquisition Type, same clause
_CLASSES = {  # PS3.4 B.5
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.130": "PT",
}
# Image Type from its third value on (PS3.3 C.8.3.1.1.1, C.8.16.1.3), and the makers' short words.
_PARTS = {
    "phase": ("PHASE", "PHASE MAP", "P"),
    "imaginary": ("IMAGINARY", "I"),
    "real": ("REAL", "R"),
}
# Raw Data Type (0043,xx2F) of GE, block GEMS_PARM_01; 0 is the magnitude.
_GE_BLOCK, _GE_ELEMENT = (0x0043, "GEMS_PARM_01"), 0x2F
_GE_PARTS = {1: "phase", 2: "real", 3: "imaginary"}
_DERIVED = {
    *("ADC", "EADC", "FA", "CBF", "CBV", "RCBF", "RCBV", "MTT", "TTP", "TMAX"),
    *("PROJECTION IMAGE", "MIP", "MAX_IP", "MIN_IP", "MINIP", "MNIP", "VOLUME_RENDER"),
    *("SUBTRACTION", "MODULUS SUBTRACT", "PHASE SUBTRACT", "VELOCITY", "LOCALIZER"),
    *("FAT_FRACTION", "WATER_FRACTION"),
}
_FAT = {"FAT", "F"}  # of a Dixon scan, of MR alone
_DIXON = {"WATER", "W", "IP", "OP", "IN_PHASE", "OUT_PHASE", "OPP_PHASE", *_FAT}
DERIVED_NOTE = "by its Image Type a map, a projection, a difference or a localiser, no plain scan"
FAT_NOTE = "the fat image of a Dixon scan by its Image Type; expected the water or the whole"
REAL_NOTE = "the real part of a scan by its Image Type, as of a PSIR; expected the magnitude"
MIXED_NOTE = "magnitude and phase are mixed in one file"
# fact: (keyword, the same in DICOM and BIDS; least and most that is believed; ms in BIDS' seconds)
_NUMBERS = {
    "field_strength_t": ("MagneticFieldStrength", 0.01, 25.0, False),
    "repetition_time_ms": ("RepetitionTime", 0.1, 1e5, True),
    "echo_time_ms": ("EchoTime", 0.01, 1e4, True),
    "inversion_time_ms": ("InversionTime", 0.1, 1e5, True),
    "flip_angle_deg": ("FlipAngle", 0.1, 360.0, False),
    "slice_thickness_mm": ("SliceThickness", 0.01, 100.0, False),
}


def from_header(dataset: Any) -> dict[str, Any]:
    """Facts of a pydicom data set; times in ms, as DICOM has them (PS3.3 C.8.3.1).

    Without a Modality (0008,0060) the SOP Class says it.
    """
    known = _facts(lambda keyword: _plain(dataset, keyword), seconds=False)
    by_class = _CLASSES.get(_class(dataset))
    return known if by_class is None else {"modality": by_class, **known}


def part_of(dataset: Any) -> str:
    """Return 'phase', 'imaginary' or 'real', where an MR image is no magnitude, else "".

    Complex Image Component (0008,9208) tells it, PS3.3 C.8.13.3.1.1, else Image Type (0008,0008).
    A BIDS sidecar has both by the same names; one without a Modality is of an MR. GE tells it in
    an element of its own.
    """
    if not _is_mr(dataset):
        return ""
    stated = codes_of(dataset, "ComplexImageComponent")[:1]
    words = stated if any(stated) else codes_of(dataset, "ImageType")[2:]
    told = next((part for part, names in _PARTS.items() if set(names) & set(words)), "")
    return told or _ge_part(dataset)


def _ge_part(dataset: Any) -> str:
    try:
        return _GE_PARTS.get(int(dataset.private_block(*_GE_BLOCK)[_GE_ELEMENT].value), "")
    except Exception:  # a sidecar, no such block or element, or a broken one
        return ""


def _is_mr(dataset: Any) -> bool:
    stated_by_sidecar = isinstance(dataset, Mapping) and "Modality" not in dataset
    kinds = (_CLASSES.get(_class(dataset)), *codes_of(dataset, "Modality"))
    return "MR" in kinds or stated_by_sidecar


def dixon_of(dataset: Any) -> str:
    """Return which image of a Dixon scan an MR image is by Image Type: "W", "FAT", ... or ""."""
    words = [word for word in codes_of(dataset, "ImageType")[2:] if word in _DIXON]
    return words[0] if words and _is_mr(dataset) else ""


def is_magnitude(dataset: Any) -> bool:
    """Whether an image can be used: a magnitude, or a real part, as of a PSIR."""
    return part_of(dataset) not in ("phase", "imaginary")


def frame_kind(frame_type: Any) -> dict[str, Any]:
    """Of an item of MR Image Frame Type (PS3.3 C.8.13.5.1), what `part_of` asks for."""
    return {
        "ImageType": codes_of(frame_type, "FrameType"),
        "ComplexImageComponent": codes_of(frame_type, "ComplexImageComponent"),
    }


def kind_notes(dataset: Any) -> list[str]:
    """What Image Type tells of a volume, DICOM or with a sidecar, that is no plain scan."""
    words = {*codes_of(dataset, "ImageType")[2:]}
    words.update(codes_of(dataset, "VolumeBasedCalculationTechnique"))
    derived = words & _DERIVED or any(word.endswith(" MAP") for word in words)
    mixed = "MIXED" in codes_of(dataset, "ComplexImageComponent")
    real = part_of(dataset) == "real"
    fat = words & _FAT and _is_mr(dataset)
    told = (
        *((derived, DERIVED_NOTE), (real, REAL_NOTE)),
        *((fat, FAT_NOTE), (mixed, MIXED_NOTE)),
    )
    return [note for found, note in told if found]


def from_sidecar(content: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a BIDS sidecar; its times are in seconds (BIDS 1.9, "Timing Parameters")."""
    return _facts(content.get, seconds=True)


def _facts(value: Callable[[str], Any], *, seconds: bool) -> dict[str, Any]:
    known: dict[str, Any] = {}
    maker = str(value("Manufacturer") or "").upper()
    found = [name for name in MANUFACTURERS if maker.startswith(name)]
    if found:
        known["manufacturer"] = found[0]
    for fact, keyword, allowed in (
        ("modality", "Modality", MODALITIES),
        ("sequence", "ScanningSequence", SEQUENCES),
        ("acquisition", "MRAcquisitionType", ACQUISITIONS),
    ):
        text = value(keyword)
        parts = text if isinstance(text, (list, tuple)) else str(text or "").replace("_", "\\")
        parts = parts.split("\\") if isinstance(parts, str) else parts
        parts = [str(part).strip().upper() for part in parts]
        if parts and all(part in allowed for part in parts):
            known[fact] = "+".join(parts)
    for fact, (keyword, least, most, is_time) in _NUMBERS.items():
        number = finite(value(keyword))
        if number is not None:
            number *= 1000.0 if is_time and seconds else 1.0
            if least <= number <= most:
                known[fact] = round(number, 4)
    return known


def _class(dataset: Any) -> str:
    return str(_plain(dataset, "SOPClassUID")).strip(" \0")


def _plain(dataset: Any, keyword: str) -> Any:
    try:
        value = dataset.get(keyword)
    except Exception:  # a broken element raises when it is converted
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    try:
        return [str(part) for part in value]
    except TypeError:
        return str(value)


def facts_of(header: Any, kind: str, data: np.ndarray) -> dict[str, Any]:
    """What both kinds of DICOM volume say about themselves."""
    return {
        "format": kind,
        "shape": [int(n) for n in data.shape],
        "dtype": str(data.dtype),
        "orientation_source": "DICOM",
        "notes": kind_notes(header),
        **from_header(header),
    }


def note_sparse(facts: dict[str, Any], gap_mm: float, slices: int) -> None:
    """Say so where thin slices lie far apart: an export may have left out every other one."""
    thickness = facts.get("slice_thickness_mm")
    if thickness and slices > 1 and gap_mm > SPARSE * thickness:
        facts["gap_mm"] = round(gap_mm, 3)
        facts["notes"].append(
            "slices lie further apart than they are thick: some may have been left out"
        )


def spacing_of(affine: np.ndarray) -> tuple[float, float, float]:
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(i), float(j), float(k)
