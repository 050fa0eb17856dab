"""From a map to the DICOM results of one image or subject."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset

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
        facts: what they say.

    Raises:
        NotInstalled: the extra ``dicom`` is not installed.
        PrepError: sources that are not of one stack, or pixels that nobody decodes.
        ValueError: arrays of another shape.
    """
    needed("highdicom", "writing DICOM results", "dicom")
    from healthygan_monai.dicom_results import images
    from healthygan_monai.dicom_results.report import measurement_report

    shape = (frame_count(sources), int(sources[0].Rows), int(sources[0].Columns))
    values = _stack(difference, shape).astype(np.float32)
    chosen = _stack(marked, shape).astype(bool)
    if not np.isfinite(values).all():
        raise ValueError("make_results: the difference holds values that are not finite.")
    values = np.clip(values, 0, 1)
    facts = facts if facts.when else replace(facts, when=datetime.now())
    with film.quiet_pydicom():
        headers, frames = references(sources)
        shown = _largest(values)
        found = []
        for number, index in enumerate(shown, 1):
            k, frame = (0, index) if is_multi_frame(sources[0]) else (index, 0)
            picture = film.stored_picture(sources[k], frame)
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
    return found


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
