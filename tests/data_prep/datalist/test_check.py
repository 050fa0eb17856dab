"""The checks of a data set: what each counts and names, and where a PNG is whole."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_prep import datalist
from data_prep.datalist import DataError, Dataset, Item, LeakError
from data_prep.datalist.file import recipe_of_data
from data_prep.datalist.items import a_few
from data_prep.datalist.pixels import CUT_OFF, DAMAGED, damage, incomplete
from data_prep.datalist.shared import shared_pictures
from data_prep.frame import png

Make = Callable[..., Dataset]
ADAM7 = [
    *("16462646", "77777777", "56565656", "77777777"),
    *("36463646", "77777777", "56565656", "77777777"),
]  # the pass of each pixel of 8 x 8, PNG 8.1


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(test=[pixels, ...]) -> a data set of these pictures, subjects 0, 1, 2, ..."""

    def dataset(bits: int = 8, **sections: list[np.ndarray]) -> Dataset:
        found: dict[str, list[Item]] = {}
        for section, pictures in sections.items():
            for number, pixels in enumerate(pictures):
                name = f"images/{section}-{number:02d}.png"
                png.save(pixels, tmp_path / name)
                label = number % 2 if section in ("validation", "test") else None
                found.setdefault(section, []).append(Item(name, f"{section}-{number}", label=label))
        return Dataset("x", 8, bits, sections=found, root=tmp_path)

    return dataset


def test_two_sections_of_the_same_images_are_one_problem(make: Make) -> None:
    dataset = make(training_mixed=[drawn(0), drawn(1)])
    dataset.sections["training_healthy"] = dataset.sections["training_mixed"]
    (problem,) = datalist.check(dataset)
    assert problem.startswith("training_mixed and training_healthy hold the same 2 images")
    with pytest.raises(LeakError, match="1 problem"):
        datalist.require_valid(dataset)


def drawn(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (8, 8)).astype(np.uint8)


@pytest.mark.parametrize(("count", "more"), [(1, 0), (2, 0), (30, 0), (31, 1), (33, 3)])
def test_thirty_problems_are_shown_and_the_others_counted(count, more):
    items = [Item(f"{k}.png", "p", label=0) for k in range(count)]
    with pytest.raises(DataError) as error:
        datalist.require_valid(Dataset("x", 8, sections={"test": items}))
    first, *lines = str(error.value).splitlines()
    assert first.endswith(": 1 problem" if count == 1 else f": {count} problems")
    assert len(lines) == min(count, 30) + (more > 0)
    assert (lines[-1] == f"  and {more} more") is (more > 0)


def test_pixels_are_read_only_where_that_is_asked_for(make, tmp_path):
    datalist.write(make(test=[drawn(0), drawn(1)]), tmp_path)
    path = tmp_path / "images" / "test-00.png"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    dataset = datalist.read(tmp_path)
    assert datalist.check(dataset) == []
    datalist.require_valid(dataset)
    assert datalist.check(dataset, deep=True) == datalist.check(dataset, hashed=True) != []


def test_what_is_wrong_with_sections_is_said_for_each(make):
    one, two = [drawn(0), drawn(1)], [drawn(2), drawn(3)]
    assert datalist.check(make(test=one)) == []
    assert datalist.check(make(training_mixed=one, training_healthy=two)) == []
    assert datalist.check(make(training_healthy=one)) == []  # for methods of these alone
    (problem,) = datalist.check(make(training_mixed=one))
    assert problem.startswith("section training_healthy is empty")
    assert datalist.check(Dataset("x", 8)) == ["no images in any section: nothing was prepared."]
    (problem,) = datalist.check(make(validation=one[:1]))
    assert problem.startswith("section validation holds only healthy images")
    sick = make(validation=one)
    del sick.sections["validation"][0]
    (problem,) = datalist.check(sick)
    assert problem.startswith("section validation holds only diseased images")


def test_a_lesion_in_training_is_a_problem_and_the_first_place_of_a_double_is_named(make):
    dataset = make(training_mixed=[drawn(0)], training_healthy=[drawn(1)])
    mixed, healthy = (dataset.sections[name] for name in ("training_mixed", "training_healthy"))
    mixed[0] = Item(mixed[0].image, "a", mask=mixed[0].image)
    assert ["carries a lesion" in problem for problem in datalist.check(dataset)] == [True]
    mixed[0] = Item(healthy[0].image, "a")
    (problem,) = datalist.check(dataset)
    assert problem.startswith("training_healthy: ") and "(also in training_mixed)" in problem


def test_the_same_picture_in_two_sections_is_named_once_and_a_flat_one_is_nobodys(make):
    same = [drawn(0), drawn(1)]
    flat = [np.full((8, 8), level, np.uint8) for level in (0, 7, 255)]
    dataset = make(test=[*same, *flat, drawn(2)], validation=[*flat, *same, drawn(3), drawn(3)])
    problems = shared_pictures(dataset)
    assert len(problems) == 2
    assert problems[0].startswith("images/validation-03.png is in test and validation: ")
    assert "images/test-00.png holds the same picture" in problems[0]
    with pytest.raises(LeakError, match="2 problems"):
        datalist.require_valid(dataset)


def test_a_flat_picture_of_sixteen_bit_is_nobodys_and_one_of_three_levels_is(make):
    for level in (0, 7, 300, 65535):
        flat = np.full((8, 8), level, np.uint16)
        assert shared_pictures(make(16, test=[flat], validation=[flat])) == []
    flat[2, 3], flat[5, 1] = 300, 1000
    assert len(shared_pictures(make(16, test=[flat], validation=[flat]))) == 1


def test_twenty_shared_pictures_are_named_and_the_others_counted(make):
    for count, last in ((20, "images/"), (21, "and 1 more pictures"), (23, "and 3 more pictures")):
        pictures = [drawn(k) for k in range(count)]
        given = {"test": [*pictures, drawn(98)], "validation": [*pictures, drawn(99)]}
        problems = shared_pictures(make(**given))
        assert len(problems) == min(count, 21) and problems[-1].startswith(last)


@pytest.mark.parametrize("more", [0, 1])
def test_a_mixed_set_that_is_the_healthy_one_is_one_sentence(make, more):
    healthy = [drawn(k) for k in range(30)]
    mixed = healthy[: 30 - 10 * more]  # or a part of it
    (problem,) = shared_pictures(make(training_mixed=mixed, training_healthy=healthy))
    assert problem.startswith(
        f"all {len(mixed)} pictures of training_mixed are in training_healthy"
    )


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("image_size", True, "must be a whole number, not of type bool"),
        ("image_size", "64", "must be a whole number, not of type str"),
        ("bit_depth", 8.0, "must be a whole number, not of type float"),
        ("name", None, "must be a text, not of type NoneType"),
        ("test", {}, "must be a list of images .it may be empty., not of type dict"),
        ("protocol", 3, "key 'protocol' must be a text, not 3"),
        ("framing", "paper", "key 'framing' must be an object, not 'paper'"),
        ("test", ["a.png"], r"test\[0\] must be an object"),
        ("test", [{"image": "a.png", "subject": ""}], "'subject' is missing or not a text"),
        ("test", [{"image": 1, "subject": "p"}], "'image' is missing or not a text"),
        ("test", [{"image": "a.png", "subject": "p", "label": True}], "'label' must be int"),
        ("test", [{"image": "a.png", "subject": "p", "slice": "1"}], "'slice' must be int"),
        ("test", [{"image": "a.png", "subject": "p", "session": 1}], "'session' must be str"),
    ],
)
def test_a_value_of_another_type_is_named(make, tmp_path, key, value, told):
    path = datalist.write(make(test=[drawn(0)]), tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(DataError, match=told):
        datalist.read(tmp_path)


def test_the_recipe_of_a_data_set_is_told_or_there_is_none(make, tmp_path):
    assert recipe_of_data(tmp_path) is None
    for known in ({}, {"recipe": "x"}, {"recipe": {"size": 8}}):
        dataset = make(test=[drawn(0)])
        dataset.generated_by = known
        datalist.write(dataset, tmp_path)
        recipe = known.get("recipe")
        assert recipe_of_data(tmp_path) == (recipe if isinstance(recipe, dict) else None)
    (tmp_path / "dataset.json").write_text("{")
    assert recipe_of_data(tmp_path) is None


def test_three_names_are_quoted_and_the_others_counted():
    assert a_few("abc") == "a, b, c"
    assert a_few("abcde") == "a, b, c and 2 more"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 10**6), st.integers(0, 7))
def test_a_png_is_whole_as_written_and_not_with_a_part_less_or_a_bit_turned(
    tmp_path_factory, mode, width, height, at, bit
):
    path = tmp_path_factory.getbasetemp() / "one.png"
    if mode == "I;16":
        Image.fromarray(np.full((height, width), 300, np.uint16)).save(path)
    else:
        Image.new(mode, (width, height), 1).save(path)
    data = path.read_bytes()
    assert incomplete(data) == damage(path) == ""
    at %= len(data) - 8
    assert incomplete(data[: 8 + at]) in (CUT_OFF, DAMAGED)
    turned = bytearray(data)
    turned[8 + at] ^= 1 << bit
    assert incomplete(bytes(turned)) in (CUT_OFF, DAMAGED)


@pytest.mark.parametrize(("colour", "samples"), [(0, 1), (2, 3), (3, 1), (4, 2), (6, 4)])
def test_a_png_of_any_colour_type_that_lacks_a_byte_of_its_rows_is_cut_off(colour, samples):
    header = struct.pack(">IIBBBBB", 4, 3, 8, colour, 0, 0, 0)  # PNG 11.2.1
    rows = bytes(3 * (1 + 4 * samples))
    for lacking in (0, 1):
        body = zlib.compress(rows[lacking:])
        parts = [(b"IHDR", header), (b"IDAT", body), (b"IEND", b"")]
        data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)
        assert incomplete(data) == (CUT_OFF if lacking else "")


def test_a_full_memory_is_no_damage(tmp_path, monkeypatch):
    """The guard stops the child then, and says so."""

    def full(_: Image.Image) -> None:
        raise MemoryError

    path = tmp_path / "one.png"
    Image.new("L", (4, 4)).save(path)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", full)
    with pytest.raises(MemoryError):
        damage(path)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def interlaced(width: int, height: int, bits: int, lacking: int = 0) -> bytes:
    """A black PNG by Adam7, without so many bytes of its rows."""
    rows = b""
    for number in "1234567":
        at = [[c for c in range(width) if ADAM7[r % 8][c % 8] == number] for r in range(height)]
        rows += b"".join(bytes(1 + -(-len(row) * bits // 8)) for row in at if row)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 1)
    packed = zlib.compress(rows[: len(rows) - lacking])
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 2, 4, 8, 16]))
def test_an_interlaced_png_is_whole_with_all_rows_of_its_seven_passes(
    tmp_path_factory, width, height, bits
):
    path = tmp_path_factory.getbasetemp() / "adam.png"
    path.write_bytes(interlaced(width, height, bits))
    assert damage(path) == ""
    assert incomplete(interlaced(width, height, bits, 1)) == CUT_OFF
