"""The result that is a report: TID 1500, Imaging Measurement Report (PS3.16)."""

import uuid
from collections.abc import Sequence

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from healthygan_monai.dicom_results.facts import MAKER, RESEARCH, ResultFacts
from healthygan_monai.dicom_results.images import identity

SCHEME = "99HEALTHYGAN"  # private codes: the standard has none for a score without a disease
SCORE = hd.sr.CodedConcept("score", SCHEME, "Anomaly score")
SCORE_CUT = hd.sr.CodedConcept("score-threshold", SCHEME, "Threshold of the anomaly score")
MAP_CUT = hd.sr.CodedConcept("map-threshold", SCHEME, "Threshold of the difference map")
SHARE = hd.sr.CodedConcept("marked-share", SCHEME, "Marked share of the pixels")
SIDE = hd.sr.CodedConcept("side", SCHEME, "Score against its threshold")
ABOVE = hd.sr.CodedConcept("above", SCHEME, "At or above the threshold")
BELOW = hd.sr.CodedConcept("below", SCHEME, "Below the threshold")


def measurement_report(
    sources: Sequence[Dataset],
    shown: Sequence[int],
    marked: NDArray[np.bool_],
    facts: ResultFacts,
) -> Dataset:
    """Return a Comprehensive SR (PS3.3 A.35.3) with the score, its threshold and the algorithm.

    It names no finding: a score, also one above a threshold, is none.

    shown: the frames that carry the score, from 0; they are named as the source of the measurement.
    """
    device = f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, facts.weights_sha256).int}"
    observer = hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=device,
            name=facts.algorithm,
            manufacturer_name=MAKER,
            model_name=facts.algorithm,
            serial_number=facts.weights_sha256,
        ),
    )
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.LN.DiagnosticImagingReport,
        imaging_measurements=[_group(sources, shown, marked, facts)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    words = f"{RESEARCH.capitalize()}. A higher score is more anomalous."
    for text in (words, *(f"Warning: {warning}" for warning in facts.warnings)):
        comment = hd.sr.TextContentItem(codes.DCM.Comment, text, "CONTAINS")
        content[0].ContentSequence.append(comment)
    given = identity("report", facts, sources)
    found = hd.sr.ComprehensiveSR(
        evidence=list(sources), content=content[0], is_complete=True, is_final=False, **given
    )
    scheme = Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeName = SCHEME, MAKER
    found.CodingSchemeIdentificationSequence = [scheme]
    return found


def _group(
    sources: Sequence[Dataset],
    shown: Sequence[int],
    marked: NDArray[np.bool_],
    facts: ResultFacts,
) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    numbers = [(SCORE, facts.score, codes.UCUM.NoUnits)]
    if facts.score_threshold is not None:
        numbers.append((SCORE_CUT, facts.score_threshold, codes.UCUM.NoUnits))
    if facts.map_threshold is not None:
        numbers.append((MAP_CUT, facts.map_threshold, codes.UCUM.NoUnits))
        numbers.append((SHARE, 100 * float(marked.mean()), codes.UCUM.Percent))
    above = facts.above()
    sides = [] if above is None else [hd.sr.QualitativeEvaluation(SIDE, ABOVE if above else BELOW)]
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=facts.uid("measurement", sources), identifier=f"{facts.prefix} score"
        ),
        algorithm_id=hd.sr.AlgorithmIdentification(
            name=facts.algorithm,
            version=facts.version,
            parameters=[f"{name}: {value}" for name, value in facts.parameters().items()],
        ),
        measurements=[
            hd.sr.Measurement(name=name, value=float(f"{value:.6g}"), unit=unit)
            for name, value, unit in numbers
        ],
        qualitative_evaluations=sides,
        source_images=_source_images(sources, shown),
    )


def _source_images(
    sources: Sequence[Dataset], shown: Sequence[int]
) -> list[hd.sr.SourceImageForMeasurementGroup]:
    make = hd.sr.SourceImageForMeasurementGroup
    if "NumberOfFrames" in sources[0]:
        frames = [index + 1 for index in shown]
        return [make(sources[0].SOPClassUID, sources[0].SOPInstanceUID, frames)]
    return [make(sources[k].SOPClassUID, sources[k].SOPInstanceUID) for k in shown]
