"""The header of a source as the results may use it: only what they need, and only valid values."""

import uuid
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM, format_number_as_ds, validate_value

from data_prep.film import is_radiograph, quiet_pydicom
from healthygan_monai.dicom_results.frames import Frames, frames_of, is_multi_frame, numbers
from healthygan_monai.errors import PrepError

UTF_8 = "ISO_IR 192"
# Type 2 of Patient and General Study (PS3.3 C.7.1.1, C.7.2.1): empty where the source has none
TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
# further ones of these modules
OF_THE_STUDY = (
    "IssuerOfPatientID", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip
KEPT = (
    *TYPE_2,
    *OF_THE_STUDY,
    *("Modality", "BodyPartExamined", "Laterality", "ImageLaterality", "PatientOrientation"),
    *("SeriesNumber", "InstanceNumber", "PositionReferenceIndicator"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
ONE_OF = {
    "PatientSex": ("M", "F", "O"),
    "Laterality": ("R", "L"),
    "ImageLaterality": ("R", "L"),  # of a series; U and B are of images only
    "LossyImageCompression": ("00", "01"),
}
SIDES = "LRAPHF"
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


def references(sources: Sequence[Dataset]) -> tuple[list[Dataset], Frames | None]:
    """Return headers to derive results from, in the order of the sources, and where they are.

    Texts are in UTF-8. An invalid value is left out, by the rules of its value representation
    (PS3.5 6.2); where an attribute must be there (type 2) it is empty. The UIDs of the study, the
    series and the instance are kept even with leading zeros: they say where the results belong.

    Raises:
        PrepError: a UID is missing, or the sources are of several studies, series or sizes.
    """
    with quiet_pydicom():
        # a film may state a position (a stand does); it is a projection all the same
        is_film = len(sources) == 1 and is_radiograph(sources[0])
        frames = None if is_film else frames_of(sources)
        found = [_header(source) for source in sources]
        same = ("StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
        if len({tuple(str(one.get(k)) for k in same) for one in found}) > 1:
            raise PrepError(
                "the slices are of several studies, series or sizes",
                remedy="Give the slices of one series.",
            )
        if frames is None:
            if len(sources) > 1 or is_multi_frame(sources[0]):
                raise PrepError(
                    "slices without positions", remedy="Give the original series, or single films."
                )
            found[0].pop("FrameOfReferenceUID", None)
            spacing = _spacing(sources[0])
            if spacing is not None:
                found[0].PixelSpacing = spacing
            elif (aspect := _aspect(sources[0])) is not None:
                found[0].PixelAspectRatio = aspect
            return found, None
        for index, (one, source) in enumerate(zip(found, sources, strict=True)):
            _place(one, source, frames, index)
    return found, frames


def _header(source: Dataset) -> Dataset:
    one = Dataset()
    one.SpecificCharacterSet = UTF_8
    for keyword in TYPE_2:
        setattr(one, keyword, None)
    for keyword in KEPT:
        value = _valid(source, keyword)
        if value is not None:
            setattr(one, keyword, value)
    if not _is_orientation(one.get("PatientOrientation")):
        one.PatientOrientation = None
    for keyword in UIDS:
        uid = str(source.get(keyword) or "").strip("\0 ")
        if not uid or len(uid) > 64 or not uid.isascii() or uid.strip("0123456789."):
            raise PrepError(
                "no valid Study, Series or SOP Instance UID, so that a result would belong nowhere",
                remedy="Export the image again from the archive.",
            )
        setattr(one, keyword, uid)
    frame = _valid(source, "FrameOfReferenceUID")
    if frame is not None:
        one.FrameOfReferenceUID = frame
    one.Rows, one.Columns = int(source.Rows), int(source.Columns)
    return one


def _valid(source: Dataset, keyword: str) -> Any:
    """Return the value of an attribute, None if it is missing, empty or invalid."""
    try:
        value = source.get(keyword)
    except Exception:  # pydicom raises many kinds on values that it cannot convert
        return None
    if value is None or value == "" or value == []:
        return None
    vr = dictionary_VR(keyword)
    several = value if isinstance(value, (list, pydicom.multival.MultiValue)) else [value]
    texts = [str(one).strip("\0 ") for one in several]
    if len(texts) > 1 and dictionary_VM(keyword) == "1":
        return None
    try:
        for text in texts:
            _require(vr, text, ONE_OF.get(keyword))
    except Exception:
        return None
    return texts if len(texts) > 1 else texts[0]


def _require(vr: str, text: str, allowed: Sequence[str] | None) -> None:
    """Raise ValueError where a text is no value of this kind."""
    validate_value(vr, text, pydicom.config.RAISE)
    if not text or not text.isprintable() or "\ufffd" in text or "\\" in text:
        raise ValueError("not a text")
    if allowed is not None and text not in allowed:
        raise ValueError("not an enumerated value")
    if vr in ("DA", "TM"):
        {"DA": DA, "TM": TM}[vr](text)
    if vr in ("DS", "IS") and not float(text) > 0:
        raise ValueError("not a size, a weight or a number of the series")


def _is_orientation(value: Any) -> bool:
    """Tell whether rows and columns go to two different sides (PS3.3 C.7.6.1.1.1)."""
    if value is None or isinstance(value, str) or len(value) != 2:
        return False
    pairs = [{SIDES.index(letter) // 2 for letter in v} for v in value if not v.strip(SIDES)]
    return len(pairs) == 2 and not pairs[0] & pairs[1]


def _spacing(source: Dataset) -> list[str] | None:
    values = numbers(source, "PixelSpacing", 2)
    if values is None or min(values) <= 0:
        return None
    texts = _decimals(values)
    return texts if all(float(text) > 0 for text in texts) else None


def _aspect(source: Dataset) -> list[int] | None:
    """Return the height and width of a pixel as whole numbers (PS3.3 C.7.6.3.1.7); None: square."""
    for keyword in ("ImagerPixelSpacing", "PixelAspectRatio"):
        values = numbers(source, keyword, 2)
        if values is not None and min(values) > 0:
            ratio = Fraction(values[0] / values[1]).limit_denominator(1000)
            return None if ratio in (0, 1) else [ratio.numerator, ratio.denominator]
    return None


def _place(one: Dataset, source: Dataset, frames: Frames, index: int) -> None:
    """State where the frames of a header are: at its root, or in its functional groups."""
    if "FrameOfReferenceUID" not in one:
        name = uuid.uuid5(uuid.NAMESPACE_OID, f"frame of reference of {one.SeriesInstanceUID}")
        one.FrameOfReferenceUID = f"2.25.{name.int}"
    plane, measures = Dataset(), Dataset()
    plane.ImageOrientationPatient = _decimals(frames.orientation)
    measures.PixelSpacing = _decimals(frames.spacing)
    measures.SliceThickness = _decimals([frames.thickness])[0]
    one.PatientOrientation = frames.directions()
    if not is_multi_frame(source):
        one.update(plane)
        one.update(measures)
        one.ImagePositionPatient = _decimals(frames.positions[index])
        return
    shared = Dataset()
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    one.SharedFunctionalGroupsSequence = [shared]
    one.PerFrameFunctionalGroupsSequence = [_position_group(p) for p in frames.positions]
    one.NumberOfFrames = len(frames.positions)


def _position_group(position: Iterable[float]) -> Dataset:
    inner, outer = Dataset(), Dataset()
    inner.ImagePositionPatient = _decimals(position)
    outer.PlanePositionSequence = [inner]
    return outer


def _decimals(values: Iterable[Any]) -> list[str]:
    return [format_number_as_ds(float(value)) for value in values]
