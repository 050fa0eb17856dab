"""Films of several frames, of which one was scored."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dicom_sources import DIGITAL, FACTS, corner, film_source
from pydicom.dataset import Dataset

from healthygan_monai.dicom_results import ResultFacts, make_results

MANY = "1.2.840.10008.5.1.4.1.1.7.2"  # Multi-frame Grayscale Byte Secondary Capture


def two_frames(**header: Any) -> Dataset:
    """A film, then its negative."""
    source = film_source(NumberOfFrames=2, Modality="DX", **header)
    first = np.frombuffer(source.PixelData, "<u2")
    source.PixelData = np.concatenate([first, 4095 - first]).tobytes()
    return source


def results_of(source: Dataset, **facts: Any) -> list[Dataset]:
    difference, marked = corner((int(source.Rows), int(source.Columns)))
    return make_results([source], difference, marked, ResultFacts(**{**FACTS, **facts}))


def referred(where: Dataset) -> list[tuple[str, str, Any]]:
    """(sequence, class, frame) of all references to the film."""
    found = []
    for element in where:
        for item in element.value if element.VR == "SQ" else ():
            if item.get("ReferencedSOPInstanceUID") == "1.2.3.4":
                frame = item.get("ReferencedFrameNumber")
                found.append((element.keyword, str(item.ReferencedSOPClassUID), frame))
            found += referred(item)
    return found


@pytest.mark.parametrize("sop_class", [MANY, DIGITAL])
@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("frame", [0, 1])
def test_results_of_one_of_several_frames_name_that_frame(
    sop_class: str, groups: bool, frame: int, valid: Callable
) -> None:
    source = two_frames(SOPClassUID=sop_class)
    if groups:
        source.PerFrameFunctionalGroupsSequence = [Dataset(), Dataset()]
    made = results_of(source, frame=frame)
    if sop_class == MANY:  # dciodvfy wants no frame number where a class ought to have one frame
        valid(made)
    bright = made[0].pixel_array[300, 20].mean() > 128  # below: the ramp grows downwards
    top = made[0].pixel_array[20, 20].mean()
    assert (top < 128) == (frame == 0) and bright == (frame == 0)
    for one in made:
        found = referred(one)
        assert found and {each[1] for each in found} == {sop_class}
        images = {"SourceImageSequence"} if one.Modality != "SR" else {"ReferencedSOPSequence"}
        numbers = [each[2] for each in found if each[0] in images]
        assert frame + 1 in numbers
        if one.Modality != "SR":
            assert set(numbers) == {frame + 1}


def test_a_film_of_one_frame_has_no_frame_number_and_two_frames_are_two_results() -> None:
    assert {each[2] for one in results_of(film_source()) for each in referred(one)} == {None}
    first, second = (results_of(two_frames(), frame=k) for k in (0, 1))
    assert {str(one.SOPInstanceUID) for one in first}.isdisjoint(
        str(one.SOPInstanceUID) for one in second
    )
    with pytest.raises(ValueError, match="frame 2 of 2"):
        results_of(two_frames(), frame=2)
