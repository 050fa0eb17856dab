"""From a map to the DICOM results of one image or subject."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage

from data_prep import film
from healthygan_monai.dicom_results.facts import ResultFacts
from healthygan_monai.dicom_results.frames import frame_count, is_multi_frame
from healthygan_monai.dicom_results.overlay import overlay
from healthygan_monai.dicom_results.source import references
from healthygan_monai.models.runtimes import needed

UNPAIRED = ("ABDOMEN", "BRAIN", "CHEST", "HEAD", "NECK", "PELVIS", "SKULL")
MOST_OVERLAYS = 3  # of a volume: the slices with the largest mean difference


def make_results(
    sources: Sequence[Dataset], difference: ArrayLike, marked: ArrayLike, facts: ResultFacts
) -> list[Dataset]:
    """Return the results of one film, or of the slices of one stack, ready to be written or sent.

    Of a film: a Secondary Capture (overlay), a Segmentation BINARY (marked pixels), a Segmentation
    FRACTIONAL (the map) and a report (TID 1500), in this order. Of slices with positions: up to
    three Secondary Captures, and a Parametric Map in place of the Segmentation FRACTIONAL.

    They are of the patient and the study of the sources, each kind in a new series. The UIDs follow
    from the sources and the facts (`ResultFacts.uid`), so a second call, even on another day,
    gives the same instances. Patient and study data go into them: they are for the archive that
    the sources are from.

    The pixels of the sources are decoded here. Call it in a guarded process (``work.kept``) where
    they come from outside.

    Args:
        sources: one film; or single slices in order; or one Enhanced multi-frame image.
        difference: (rows, columns) or (n, rows, columns) in [0, 1], in the sources' own pixels.
        marked: bool, of the same shape.
        facts: what they say; ``frame`` is the one of a film of several that was scored, and the
            results refer to that one alone.

    Raises:
        NotInstalled: the extra ``dicom`` is not installed.
        PrepError: sources that are not of one stack, or pixels that nobody decodes.
        ValueError: arrays of another shape, or a frame that the film does not have.
    """
    needed("highdicom", "writing DICOM results", "dicom")
    from healthygan_monai.dicom_results import images
    from healthygan_monai.dicom_results.report import measurement_report

    stored, frame_number = sources, _frame_number(sources[0], facts.frame)
    if facts.frame is not None:
        sources = [_of_one_frame(sources[0])]
    shape = (frame_count(sources), int(sources[0].Rows), int(sources[0].Columns))
    values = _stack(difference, shape).astype(np.float32)
    chosen = _stack(marked, shape).astype(bool)
    if not np.isfinite(values).all():
        raise ValueError("make_results: the difference holds values that are not finite.")
    values = np.clip(values, 0, 1)
    facts = facts if facts.when else replace(facts, when=datetime.now())
    with film.quiet_pydicom():
        headers, frames = references(sources)
        is_film = frames is None or facts.frame is not None
        sop_class = str(headers[0].SOPClassUID)
        if is_film:  # the library takes every film of a multi-frame class for a stack
            headers[0].SOPClassUID = ComputedRadiographyImageStorage
        shown = _largest(values)
        found = []
        for number, index in enumerate(shown, 1):
            k, frame = (0, index) if is_multi_frame(sources[0]) else (index, 0)
            picture = film.stored_picture(stored[k], (facts.frame or 0) if is_film else frame)
            pixels, factor = overlay(picture, values[index], chosen[index], facts)
            several = frame + 1 if is_multi_frame(sources[0]) else None
            found.append(
                images.capture(pixels, factor, headers[k], several, number, facts, headers)
            )
        found.append(images.marked_pixels(headers, chosen, facts))
        draw = images.fractional_map if frames is None else images.parametric_map
        found.append(draw(headers, values, facts))
        found.append(measurement_report(headers, shown, chosen, facts))
    for one in found:
        _finish(one, headers[0], facts)
        if is_film:
            _refer(one, str(headers[0].SOPInstanceUID), sop_class, frame_number)
    return found


def _frame_number(source: Dataset, frame: int | None) -> int | None:
    """Return the Referenced Frame Number, from 1; None for a film of one frame."""
    count = int(source.get("NumberOfFrames") or 1)
    if frame is not None and not 0 <= frame < count:
        raise ValueError(f"make_results: frame {frame} of {count}.")
    return (frame or 0) + 1 if count > 1 else None


def _of_one_frame(source: Dataset) -> Dataset:
    """Return the header of a film whose other frames do not count."""
    found = Dataset()
    found.update(source)
    found.pop("PerFrameFunctionalGroupsSequence", None)
    return found


def _refer(where: Dataset, uid: str, sop_class: str, frame: int | None) -> None:
    """State class and frame of the film in all that refers to its image.

    Without a Referenced Frame Number all frames are meant (PS3.3 10.3); references of a series and
    the evidence of a report name instances only.
    """
    for element in where:
        for item in element.value if element.VR == "SQ" else ():
            if item.get("ReferencedSOPInstanceUID") == uid:
                item.ReferencedSOPClassUID = sop_class
                image = element.keyword == "SourceImageSequence" or (
                    where.get("ValueType") == "IMAGE"
                )
                if image and frame is not None:
                    item.ReferencedFrameNumber = frame
            _refer(item, uid, sop_class, frame)


def _stack(array: ArrayLike, shape: tuple[int, int, int]) -> NDArray[np.generic]:
    found = np.asarray(array)
    found = found[None] if found.ndim == 2 else found
    if found.shape != shape:
        raise ValueError(
            f"make_results: expected arrays of {shape} (frames, rows, columns); "
            f"found {found.shape}."
        )
    return found


def _largest(values: NDArray[np.float32]) -> list[int]:
    """Return the frames that carry most of the difference, the most first."""
    return [int(k) for k in np.argsort(-values.mean(axis=(1, 2)), kind="stable")[:MOST_OVERLAYS]]


def _set_side(one: Dataset, source: Dataset) -> None:
    """State the body part and its side; Laterality is of type 2C (PS3.3 C.7.3.1)."""
    side, part = source.get("ImageLaterality") or source.get("Laterality"), None
    if side is not None or source.get("BodyPartExamined") in UNPAIRED:
        part = source.get("BodyPartExamined")
    if part is not None:
        one.BodyPartExamined = part
    if side is not None:
        one.ImageLaterality = side
    elif part is None and one.Modality != "SEG":
        one.Laterality = None  # must be there, and is not known


def _finish(one: Dataset, source: Dataset, facts: ResultFacts) -> None:
    """Set what the library takes from the clock or from chance, and what it does not copy."""
    assert facts.when is not None
    day, time = facts.when.strftime("%Y%m%d"), facts.when.strftime("%H%M%S")
    for keyword in ("InstanceCreation", "Content", "Series"):
        setattr(one, f"{keyword}Date", day)
        setattr(one, f"{keyword}Time", time)
    if "DateOfSecondaryCapture" in one:
        one.DateOfSecondaryCapture, one.TimeOfSecondaryCapture = day, time
    for item in one.get("ContributingEquipmentSequence") or ():
        item.ContributionDateTime = day + time
    if "DimensionOrganizationSequence" in one:
        uid = facts.uid(f"dimensions {one.SeriesInstanceUID}", [source])
        one.DimensionOrganizationSequence[0].DimensionOrganizationUID = uid
        for item in one.DimensionIndexSequence:
            item.DimensionOrganizationUID = uid
    if one.Modality == "SR":
        return
    _set_side(one, source)
    if source.get("LossyImageCompression") == "01":  # once lossy, always lossy (C.7.6.1.1.5)
        one.LossyImageCompression = "01"
    if one.Modality == "SEG" and "FrameOfReferenceUID" not in one:
        one.PatientOrientation = source.PatientOrientation
        # GDCM, and an Orthanc that draws with it, abort on a spacing without a position
        one.SharedFunctionalGroupsSequence[0].pop("PixelMeasuresSequence", None)
