"""The four results of a film: whose they are, what they say, and where they mark."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from codestreams import JPEG_LS, RLE
from dcmtk import shown
from dicom_sources import DIGITAL, FACTS, WEIGHTS, corner, film_source
from pydicom import dcmread
from pydicom.dataset import Dataset

from data_prep.errors import UsageError
from healthygan_monai.dicom_results import RESEARCH, ResultFacts, make_results

KINDS = {
    "plain": {},
    "digital": {"SOPClassUID": DIGITAL, "Modality": "DX", "FrameOfReferenceUID": "1.2.3.8"},
    "white is low": {"PhotometricInterpretation": "MONOCHROME1"},
    "spacing": {"PixelSpacing": [0.2, 0.1]},
    "a position": {
        **{"FrameOfReferenceUID": "1.2.3.8", "ImagePositionPatient": [1.0, 2.0, 3.0]},
        **{"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "SliceThickness": 1.0},
        "PixelSpacing": [0.2, 0.2],
    },
    "no spacing": {"PixelSpacing": [0.0, 0.0]},
    "no orientation": {"PatientOrientation": None},
    "no body part": {"BodyPartExamined": None},
    "a side": {"BodyPartExamined": "HAND", "ImageLaterality": "L"},
    "no side": {"BodyPartExamined": "HAND"},
    "lossy": {"LossyImageCompression": "01"},
    "odd size": {},
    "one long side": {},
}
SHAPES = {"odd size": (97, 75), "one long side": (640, 40)}


def results_of(source: Dataset, **facts: Any) -> list[Dataset]:
    difference, marked = corner((int(source.Rows), int(source.Columns)))
    return make_results([source], difference, marked, ResultFacts(**{**FACTS, **facts}))


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_is_valid_and_belongs_to_the_patient_and_the_study(
    kind: str, valid: Callable
) -> None:
    source = film_source(SHAPES.get(kind, (96, 80)), **KINDS[kind])
    files = valid(results_of(source))
    assert [dcmread(f).Modality for f in files] == ["OT", "SEG", "SEG", "SR"]
    for found in map(dcmread, files):
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "AccessionNumber"):
            assert found[keyword].value == source[keyword].value
        assert RESEARCH in found.SeriesDescription
        assert found.SeriesInstanceUID != source.SeriesInstanceUID
    assert len({str(dcmread(f).SeriesInstanceUID) for f in files}) == 4
    assert [dcmread(f).SeriesNumber for f in files] == [301, 302, 303, 304]


@pytest.mark.parametrize("shape", [(96, 80), (97, 75)])
def test_a_marked_corner_is_found_in_the_same_corner_by_other_readers(
    shape: tuple[int, int], valid: Callable
) -> None:
    difference, marked = corner(shape)
    _, binary, fraction, _ = valid(results_of(film_source(shape)))
    bits = np.unpackbits(np.frombuffer(dcmread(binary).PixelData, np.uint8), bitorder="little")
    assert np.array_equal(bits[: marked.size].reshape(shape), marked)
    assert np.array_equal(shown(fraction, "+Wm") / 255 > 0.9, marked)  # lowest black, highest white
    reader = gdcm.ImageReader()
    reader.SetFileName(str(fraction))
    assert reader.Read()
    steps = np.frombuffer(
        reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape"), np.uint8
    ).reshape(shape)
    assert np.abs(steps / 255 - difference).max() <= 0.5 / 255 + 1e-6


def test_dcmtk_shows_the_marked_pixels(valid: Callable) -> None:
    _, binary, _, _ = valid(results_of(film_source()))
    assert np.array_equal(shown(binary) > 0, corner((96, 80))[1])


def test_segmentations_keep_the_orientation_and_name_their_source() -> None:
    source = film_source()
    capture, binary, fraction, report = results_of(source)
    for found in (capture, binary, fraction):
        assert list(found.PatientOrientation) == ["L", "F"]
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    for found in (binary, fraction):
        (series,) = found.ReferencedSeriesSequence
        assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
        (segment,) = found.SegmentSequence
        assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
        assert WEIGHTS in segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
    assert (
        evidence.ReferencedSeriesSequence[0]
        .ReferencedSOPSequence[0]["ReferencedSOPInstanceUID"]
        .value
        == "1.2.3.4"
    )


def test_a_segmentation_of_a_film_has_no_spacing_without_a_position() -> None:
    """GDCM ends the process on one that has."""
    for found in results_of(film_source(PixelSpacing=[0.2, 0.2]))[1:3]:
        assert "PixelMeasuresSequence" not in found.SharedFunctionalGroupsSequence[0]
        assert "FrameOfReferenceUID" not in found


def items(content: Dataset) -> list[Dataset]:
    inner = content.get("ContentSequence") or ()
    return [content, *(found for item in inner for found in items(item))]


def test_the_report_tells_score_threshold_policy_and_algorithm() -> None:
    report = results_of(film_source())[-1]
    found = items(report)
    numbers = {
        item.ConceptNameCodeSequence[0].CodeMeaning: float(
            item.MeasuredValueSequence[0].NumericValue
        )
        for item in found
        if item.get("ValueType") == "NUM"
    }
    assert numbers["Anomaly score"] == 0.0362
    assert numbers["Threshold of the anomaly score"] == 0.05
    assert numbers["Marked share of the pixels"] == pytest.approx(100 * 15 / (96 * 80), rel=1e-4)
    texts = " | ".join(item.TextValue for item in found if item.get("ValueType") == "TEXT")
    for words in (WEIGHTS, "false alarm", "0.1.0", "HealthyGAN", RESEARCH.capitalize()):
        assert words in texts
    codes = [
        item.ConceptCodeSequence[0].CodeValue for item in found if item.get("ValueType") == "CODE"
    ]
    assert "below" in codes and "above" not in codes
    assert "49755003" not in codes  # a score is no finding
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")


@pytest.mark.parametrize(
    ("score_by", "words"),
    [
        ("mean", "image score: mean of the difference map"),
        ("top", "image score: mean of the brightest 2 % of the smoothed difference map"),
    ],
)
def test_report_and_segmentations_tell_which_score_it_is_and_how_the_model_was_trained(
    score_by: str, words: str, valid: Callable
) -> None:
    made = results_of(film_source(), score_by=score_by, training_recipe="pretrained")
    valid(made)
    parameters = [item.TextValue for item in items(made[-1]) if item.get("ValueType") == "TEXT"]
    assert words in parameters and "training recipe: pretrained" in parameters
    for found in made[1:3]:
        (algorithm,) = found.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
        for value in (words.partition(": ")[2], "pretrained"):
            assert value in algorithm.AlgorithmParameters


def test_a_training_recipe_that_is_not_known_is_not_told() -> None:
    assert "training recipe" not in ResultFacts(**FACTS).parameters()


def test_without_thresholds_the_report_says_none() -> None:
    facts = {
        "score_threshold": None,
        "score_policy": None,
        "map_threshold": None,
        "map_source": None,
    }
    report = results_of(film_source(), **facts)[-1]
    names = [
        item.ConceptNameCodeSequence[0].CodeMeaning
        for item in items(report)
        if item.get("ValueType") == "NUM"
    ]
    assert names == ["Anomaly score"]


def test_the_same_result_has_the_same_uids_on_another_day_and_another_result_has_others() -> None:
    def uids(source: Dataset, **facts: Any) -> list[str]:
        return [str(r.SOPInstanceUID) for r in results_of(source, **facts)]

    first = uids(film_source())
    assert len(set(first)) == 4
    assert uids(film_source(), when=datetime(2027, 1, 1)) == first
    others = [
        uids(film_source(), weights_sha256="f" * 64),
        uids(film_source(), score=0.5),
        uids(film_source(), map_threshold=0.3),
        uids(film_source(), score_by="top"),
        uids(film_source(SOPInstanceUID="1.2.3.5")),
    ]
    assert not set(first) & {uid for found in others for uid in found}
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in first)


def test_two_calls_give_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        for number, result in enumerate(results_of(film_source())):
            result.save_as(tmp_path / f"{name}{number}.dcm", enforce_file_format=True)
        contents.append([(tmp_path / f"{name}{n}.dcm").read_bytes() for n in range(4)])
    assert contents[0] == contents[1]


@pytest.mark.parametrize("syntax", [JPEG_LS, RLE])
def test_compressed_sources(syntax: str, valid: Callable) -> None:
    source = film_source()
    plain = valid(results_of(source))
    pixels = dcmread(plain[0]).PixelData
    source.compress(syntax, generate_instance_uid=False)
    assert results_of(source)[0].PixelData == pixels


def test_the_sources_are_not_changed() -> None:
    source = film_source(PatientAge="062Y", PixelSpacing=[0.0, 0.0])
    before = source.to_json()
    results_of(source)
    assert source.to_json() == before


def test_what_was_compressed_with_loss_says_so_for_ever() -> None:
    found = results_of(film_source(LossyImageCompression="01", LossyImageCompressionRatio=10))
    assert [one.get("LossyImageCompression") for one in found] == ["01", "01", "01", None]


def test_a_large_film(valid: Callable) -> None:
    capture, binary, fraction, _ = valid(results_of(film_source((2500, 2300))))
    assert dcmread(binary).Rows == 2500 and dcmread(fraction).Columns == 2300
    assert dcmread(capture).Columns == round(2300 * 2048 / 2500)
    assert fraction.stat().st_size < 2500 * 2300 / 4  # RLE


def test_the_overlay_scales_its_spacing_and_says_that_text_is_in_it() -> None:
    capture = results_of(film_source((4096, 64), PixelSpacing=[0.1, 0.1]))[0]
    assert [float(v) for v in capture.PixelSpacing] == [0.2, 0.2]
    assert capture.BurnedInAnnotation == "YES"


@pytest.mark.parametrize(
    ("given", "ratio"),
    [
        ({"PixelAspectRatio": [2, 1]}, [2, 1]),
        ({"ImagerPixelSpacing": [0.15, 0.1]}, [3, 2]),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelAspectRatio": [2, 1]}, None),
        ({"PixelSpacing": [0.2, 0.1]}, None),  # the spacing says it
    ],
)
def test_the_overlay_of_pixels_that_are_not_square_says_so(
    given: dict[str, Any], ratio: list[int] | None, valid: Callable
) -> None:
    capture = dcmread(valid(results_of(film_source((64, 64), **given)))[0])
    assert capture.get("PixelAspectRatio") == ratio


@pytest.mark.parametrize(("source", "first"), [(21474836, 2147483601), (21474837, 1)])
def test_a_series_number_is_one_that_dicom_can_hold(source: int, first: int) -> None:
    assert results_of(film_source(SeriesNumber=source))[0].SeriesNumber == first


def test_every_result_names_the_issuer_of_the_patients_number() -> None:
    given = {"IssuerOfPatientID": "HOSP-B", "StudyDescription": "Chest", "PatientAge": "050Y"}
    for one in results_of(film_source(**given)):
        assert {keyword: one.get(keyword) for keyword in given} == given


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": float("nan")},
        {"weights_sha256": "abc"},
        {"prefix": "x" * 21},
        {"version": ""},
        {"algorithm": "a\\b"},
        {"warnings": ["two\nlines"]},
        {"score_by": "median"},
    ],
)
def test_facts_that_dicom_cannot_hold_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(ResultFacts(**FACTS), **wrong)


def test_a_map_of_another_size_is_refused() -> None:
    difference, marked = corner((80, 96))
    with pytest.raises(ValueError, match="96, 80"):
        make_results([film_source()], difference, marked, ResultFacts(**FACTS))


def test_warnings_are_comments_of_the_report(valid: Callable) -> None:
    said = ("turned or mirrored by Patient Orientation R\\F; turned upright", "first of 2 frames")
    made = results_of(film_source(), warnings=said)
    valid(made)
    texts = [item.TextValue for item in items(made[-1]) if item.get("ValueType") == "TEXT"]
    assert all(f"Warning: {text}" in texts for text in said)
    assert not any(
        "Warning" in str(item.get("TextValue")) for item in items(results_of(film_source())[-1])
    )
