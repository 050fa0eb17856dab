"""Slices of a head: the map goes to the frames it is of, and stays where it is in the patient."""

import re
import subprocess
from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_sources import FACTS, corner, film_source, multi_frame, slices
from pydicom import dcmread
from pydicom.dataset import Dataset

from healthygan_monai.dicom_results import RESEARCH, ResultFacts, make_results, to_slices
from healthygan_monai.errors import PrepError
from healthygan_monai.scoring import score_words

SIZE = (20, 16, 6)  # columns, rows, slices
OBLIQUE = np.array(
    [[-0.69, 0.02, 0.2, 90.0], [0.03, -0.66, -0.77, 70.0], [0.03, 0.06, 5.9, -40.0], [0, 0, 0, 1]]
)


def rigid(sizes: tuple[float, float, float] = (0.7, 0.65, 6.0)) -> np.ndarray:
    """An oblique affine of right angles."""
    turned, _ = np.linalg.qr(OBLIQUE[:3, :3])
    turned *= np.sign(np.diag(turned)) * np.sign(np.diag(OBLIQUE[:3, :3]))
    affine = OBLIQUE.copy()
    affine[:3, :3] = turned * sizes
    return affine


def stack(folder: Path) -> list[Dataset]:
    data = np.arange(np.prod(SIZE), dtype=np.int16).reshape(SIZE)
    return slices(folder, data, rigid())


def facts(**more: object) -> ResultFacts:
    return ResultFacts(**{**FACTS, **more})  # type: ignore[arg-type]


def floats(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The float pixels as dcmtk reads them."""
    command = ["dcmdump", "-q", "+L", "+P", "FloatPixelData", str(path)]
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("dcmtk is not installed")
    (values,) = re.findall(r" OF (\S+)", text)
    return np.array(values.split("\\"), float).reshape(shape)


def places(found: Dataset, positions: list[list[float]]) -> list[int]:
    """Return for each frame of a result which of these positions it is at."""
    return [
        int(np.argmin(np.linalg.norm(np.array(positions, float) - here, axis=1)))
        for group in found.PerFrameFunctionalGroupsSequence
        for here in [np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)]
    ]


def test_the_map_is_a_parametric_map_and_everything_is_valid(
    tmp_path: Path, valid: Callable
) -> None:
    sources = stack(tmp_path / "in")
    shape = (6, 16, 20)
    difference, marked = corner(shape)
    difference[3] += 0.05
    files = valid(make_results(sources, difference, marked, facts()))
    found = [dcmread(file) for file in files]
    assert [f.Modality for f in found] == ["OT", "OT", "OT", "SEG", "OT", "SR"]
    shown = [f.SourceImageSequence[0].ReferencedSOPInstanceUID for f in found[:3]]
    assert shown[0] == sources[3].SOPInstanceUID and len(set(shown)) == 3
    assert len({f.SeriesInstanceUID for f in found[:3]}) == 1
    assert [f.InstanceNumber for f in found[:3]] == [1, 2, 3]
    assert found[4].ContentQualification == "RESEARCH" and RESEARCH in found[4].ContentDescription
    said = found[4].DerivationDescription
    assert f"image score: {score_words('mean', 'healthygan')}" in said and "recipe" not in said
    named = make_results(sources, difference, marked, facts(training_recipe="pretrained"))[4]
    assert "training recipe: pretrained" in named.DerivationDescription
    order = places(found[4], [one.ImagePositionPatient for one in sources])
    assert sorted(order) == list(range(6))
    assert np.abs(floats(files[4], shape) - difference[order]).max() < 1e-6


def test_an_independent_reader_finds_the_marks_at_the_same_place_in_the_patient(
    tmp_path: Path, valid: Callable
) -> None:
    sources = stack(tmp_path / "in")
    difference, marked = corner((6, 16, 20))
    marked[:, 9, 4] = [True, False, True, True, False, True]
    marked[1:3] |= False
    files = valid(make_results(sources, difference, marked, facts()))
    image = sitk.ReadImage(str(files[3]))
    pixels = sitk.GetArrayFromImage(image) > 0
    assert pixels.sum() == marked.sum()
    k, row, column = 2, 9, 4
    one = sources[k]
    iop = np.array(one.ImageOrientationPatient, float)
    place = np.array(one.ImagePositionPatient, float)
    place += column * iop[:3] * float(one.PixelSpacing[1])
    place += row * iop[3:] * float(one.PixelSpacing[0])
    x, y, z = image.TransformPhysicalPointToIndex([float(v) for v in place])
    assert (y, x) == (row, column) and pixels[z, y, x]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product((1, -1), repeat=3)))
def test_a_map_in_any_order_of_axes_comes_back_to_its_slices(
    tmp_path: Path, order: tuple[int, int, int], flips: tuple[int, int, int]
) -> None:
    sources = stack(tmp_path / "in")
    own = np.arange(np.prod(SIZE)).reshape(SIZE)  # (column, row, slice)
    affine = np.eye(4)
    volume = own.transpose(order)[:: flips[0], :: flips[1], :: flips[2]]
    for axis, (came, flip) in enumerate(zip(order, flips, strict=True)):
        affine[:3, axis] = rigid()[:3, came] * flip
    ends = [0 if flip > 0 else volume.shape[axis] - 1 for axis, flip in enumerate(flips)]
    affine[:3, 3] = rigid()[:3, 3] - affine[:3, :3] @ ends
    assert np.array_equal(to_slices(volume, affine, sources), own.transpose(2, 1, 0))


def test_slices_in_another_order_and_a_part_of_them(tmp_path: Path) -> None:
    sources = stack(tmp_path / "in")
    own = np.arange(np.prod(SIZE)).reshape(SIZE)
    found = to_slices(own, rigid(), [sources[4], sources[1]])
    assert np.array_equal(found, own.transpose(2, 1, 0)[[4, 1]])


@pytest.mark.parametrize(("factor", "taken"), [(1.00001, True), (1.02, False)])
def test_spacings_that_differ_by_rounding_are_one_stack(
    tmp_path: Path, factor: float, taken: bool
) -> None:
    sources = stack(tmp_path / "in")
    sources[2].PixelSpacing = [f"{float(v) * factor:.8f}" for v in sources[2].PixelSpacing]
    if taken:
        assert to_slices(np.zeros(SIZE), rigid(), sources).shape == SIZE[::-1]
    else:
        with pytest.raises(PrepError, match="spacing"):
            to_slices(np.zeros(SIZE), rigid(), sources)


@pytest.mark.parametrize("wrong", ["shifted", "turned", "coarser", "smaller"])
def test_a_map_in_another_grid_is_refused(tmp_path: Path, wrong: str) -> None:
    sources, affine, shape = stack(tmp_path / "in"), rigid(), SIZE
    if wrong == "shifted":
        affine[0, 3] += 0.35
    elif wrong == "turned":
        affine = np.diag([-0.7, -0.65, 6.0, 1])
        affine[:3, 3] = rigid()[:3, 3]
    elif wrong == "coarser":
        affine[:3, 0] *= 2
    else:
        shape = (20, 16, 5)
    with pytest.raises(PrepError, match="grid"):
        to_slices(np.zeros(shape), affine, sources)


def test_films_have_no_place_for_a_volume() -> None:
    with pytest.raises(PrepError, match="position"):
        to_slices(np.zeros(SIZE), np.eye(4), [film_source()])


def test_an_enhanced_image(tmp_path: Path, valid: Callable) -> None:
    data = np.arange(np.prod(SIZE), dtype=np.int16).reshape(SIZE)
    order = [3, 0, 5, 1, 2, 4]
    source = multi_frame(tmp_path / "enhanced.dcm", data, rigid(), order)
    frames = to_slices(data, rigid(), [source])
    assert np.array_equal(frames, data.transpose(2, 1, 0)[order])
    difference, marked = corner((6, 16, 20))
    difference[4] += 0.05
    files = valid(make_results([source], difference, marked, facts()))
    first = dcmread(files[0]).SourceImageSequence[0]
    assert first.ReferencedFrameNumber == 5
    stated = [
        group.PlanePositionSequence[0].ImagePositionPatient
        for group in source.PerFrameFunctionalGroupsSequence
    ]
    found = places(dcmread(files[4]), stated)
    assert np.abs(floats(files[4], (6, 16, 20)) - difference[found]).max() < 1e-6


def test_without_a_frame_of_reference_one_is_made_for_the_series(
    tmp_path: Path, valid: Callable
) -> None:
    sources = stack(tmp_path / "in")
    for one in sources:
        del one.FrameOfReferenceUID
    difference, marked = corner((6, 16, 20))
    found = make_results(sources, difference, marked, facts())
    valid(found)
    assert found[3].FrameOfReferenceUID == found[4].FrameOfReferenceUID
    assert found[3].FrameOfReferenceUID.startswith("2.25.")


def test_nothing_marked(tmp_path: Path, valid: Callable) -> None:
    sources = stack(tmp_path / "in")
    difference, marked = corner((6, 16, 20))
    files = valid(make_results(sources, difference, marked & False, facts()))
    assert not np.frombuffer(dcmread(files[3]).PixelData, np.uint8).any()


@pytest.mark.parametrize("wrong", ["another study", "another size", "twice", "no position"])
def test_slices_that_are_no_stack_are_refused(tmp_path: Path, wrong: str) -> None:
    sources = stack(tmp_path / "in")
    if wrong == "another study":
        sources[2].StudyInstanceUID = "1.2.3.99"
    elif wrong == "another size":
        sources[2].SeriesInstanceUID = "1.2.3.99"
    elif wrong == "twice":
        sources[2].ImagePositionPatient = sources[3].ImagePositionPatient
    else:
        del sources[2].ImagePositionPatient
    difference, marked = corner((6, 16, 20))
    with pytest.raises(PrepError):
        make_results(sources, difference, marked, facts())
