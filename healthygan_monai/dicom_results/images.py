"""Results that are images: Secondary Capture, Segmentation, Parametric Map."""

from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from pydicom.valuerep import format_number_as_ds

from healthygan_monai.dicom_results.facts import KINDS, MAKER, RESEARCH, ResultFacts
from healthygan_monai.dicom_results.source import OF_THE_STUDY

FINDING = codes.SCT.MorphologicallyAbnormalStructure
LONGEST_ST = 1024  # letters, PS3.5 6.2
FULL = 255  # Maximum Fractional Value: a difference of 1


def identity(kind: str, facts: ResultFacts, sources: Sequence[Dataset]) -> dict[str, Any]:
    """Return the arguments that every result has: series, numbers, UIDs, who made it."""
    return {
        "series_instance_uid": facts.uid(f"series {kind}", sources),
        "sop_instance_uid": facts.uid(f"instance {kind}", sources),
        "series_number": series_number(sources[0], kind),
        "instance_number": 1,
        "manufacturer": MAKER,
        "series_description": facts.series_description(kind),
        "manufacturer_model_name": facts.algorithm,
        "software_versions": facts.version,
        "device_serial_number": facts.weights_sha256,
    }


def series_number(source: Dataset, kind: str) -> int:
    """Return the series number of the source, then two digits of the kind; an IS (PS3.5 6.2)."""
    number = 100 * int(source.get("SeriesNumber") or 0) + KINDS[kind]
    return number if number < 2**31 else KINDS[kind]


def capture(
    pixels: NDArray[np.uint8],
    factor: float,
    source: Dataset,
    frame: int | None,
    number: int,
    facts: ResultFacts,
    sources: Sequence[Dataset],
) -> Dataset:
    """Return a Secondary Capture (PS3.3 A.8.1) of (height, width, 3); frame: of several, from 1."""
    given = identity("overlay", facts, sources)
    given["instance_number"] = number
    given["sop_instance_uid"] = facts.uid(f"instance overlay {number}", sources)
    found = hd.sc.SCImage.from_ref_dataset(
        source,
        pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **given,
    )
    spacing = _spacing(source)
    if spacing is not None:
        found.PixelSpacing = [format_number_as_ds(float(value) / factor) for value in spacing]
    elif "PixelAspectRatio" in source:
        found.PixelAspectRatio = source.PixelAspectRatio
    for keyword in OF_THE_STUDY:  # highdicom's captures leave them out
        if keyword in source:
            found[keyword] = source[keyword]
    found.PatientOrientation = source.get("PatientOrientation")
    found.BurnedInAnnotation = "YES"
    found.DerivationDescription = f"Overlay with a legend below it; {RESEARCH}"
    item = Dataset()
    item.ReferencedSOPClassUID = source.SOPClassUID
    item.ReferencedSOPInstanceUID = source.SOPInstanceUID
    if frame is not None:
        item.ReferencedFrameNumber = frame
    item.PurposeOfReferenceCodeSequence = [
        hd.sr.CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
    ]
    found.SourceImageSequence = [item]
    return found


def marked_pixels(
    sources: Sequence[Dataset], marked: NDArray[np.bool_], facts: ResultFacts
) -> Dataset:
    """Return a Segmentation BINARY (PS3.3 A.51) of bool (n, rows, columns)."""
    return hd.seg.Segmentation(
        sources,
        marked.astype(np.uint8),
        "BINARY",
        [_segment("Marked by the algorithm", facts)],
        content_label="MARKED",
        content_description=f"Marked pixels; {RESEARCH}",
        **identity("marked", facts, sources),
    )


def fractional_map(
    sources: Sequence[Dataset], difference: NDArray[np.float32], facts: ResultFacts
) -> Dataset:
    """Return a Segmentation FRACTIONAL (PS3.3 A.51): stored value / 255 is the difference."""
    # to whole steps here, so that no step of rounding is left to the library
    steps = np.rint(np.clip(difference, 0, 1) * FULL) / FULL
    found = hd.seg.Segmentation(
        sources,
        steps.astype(np.float32),
        "FRACTIONAL",
        [_segment("Difference to the healthy translation", facts)],
        fractional_type="OCCUPANCY",
        max_fractional_value=FULL,
        content_label="DIFFERENCE",
        content_description="Difference 0 to 1, no probability; " + RESEARCH,
        **identity("map", facts, sources),
    )
    # not by the library: it may take GDCM's encoder, which ends the process on odd sizes
    found.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    return found


def parametric_map(
    sources: Sequence[Dataset], difference: NDArray[np.float32], facts: ResultFacts
) -> Dataset:
    """Return a Parametric Map (PS3.3 A.75) of float32 (n, rows, columns)."""
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="DIFFERENCE",
        lut_explanation="Difference to the healthy translation",
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, 1.0),
        slope=1,
        intercept=0,
    )
    found = hd.pm.ParametricMap(
        sources,
        np.ascontiguousarray(difference, dtype=np.float32),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            hd.VOILUTTransformation(
                window_center=0.5, window_width=1, voi_lut_function="LINEAR_EXACT"
            )
        ],
        content_qualification="RESEARCH",
        content_label="DIFFERENCE",
        content_description="Difference 0 to 1, no probability; " + RESEARCH,
        **identity("map", facts, sources),
    )
    # a map has no place for an algorithm's parameters, as a segment has (PS3.3 C.8.20.2)
    words = (f"{name}: {value}" for name, value in facts.parameters().items())
    found.DerivationDescription = "; ".join(words)[:LONGEST_ST]
    return found


def algorithm(facts: ResultFacts) -> hd.AlgorithmIdentificationSequence:
    return hd.AlgorithmIdentificationSequence(
        name=facts.algorithm,
        family=codes.DCM.ArtificialIntelligence,
        version=facts.version,
        source=MAKER,
        parameters=facts.parameters(),
    )


def _segment(label: str, facts: ResultFacts) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=FINDING,
        segmented_property_type=FINDING,
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm(facts),
    )


def _spacing(source: Dataset) -> Sequence[Any] | None:
    if "SharedFunctionalGroupsSequence" in source:
        source = source.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    return source.get("PixelSpacing")
