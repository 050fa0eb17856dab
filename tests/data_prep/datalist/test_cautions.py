"""What ``check`` warns of, and that a sound data set has none of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep import datalist
from data_prep.cli.main import main
from data_prep.datalist import Dataset, Item, cautions
from data_prep.datalist.cautions import grey_spread
from data_prep.frame import png

SIDE = 32
Draw = Callable[[np.random.Generator], np.ndarray]


def textured(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.1, 0.9, (SIDE, SIDE))


def dataset(root: Path, count: int = 44, bit_depth: int = 8, **drawn: Draw) -> Dataset:
    """``count`` images a section, half of them diseased; ``drawn`` draws a section's first."""
    kind, white = (np.uint8, 255) if bit_depth == 8 else (np.uint16, 65535)
    sections: dict[str, list[Item]] = {}
    for number, section in enumerate(datalist.SECTIONS):
        sections[section] = []
        for k in range(count):
            draw = drawn.get(section, textured) if k == 0 else textured
            name = f"images/{section}{k}/00.png"
            pixels = draw(np.random.default_rng([number, k])) * white
            png.save(pixels.round().astype(kind), root / name)
            label = k % 2 if section in ("validation", "test") else None
            sections[section].append(Item(name, f"{section}{k}", label=label))
    found = Dataset("drawn", SIDE, bit_depth, sections=sections)
    datalist.write(found, root)
    return found


def fewer(found: Dataset, section: str, count: int) -> Dataset:
    return replace(found, sections={**found.sections, section: found.sections[section][:count]})


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_a_sound_data_set_gives_no_caution(tmp_path, bit_depth):
    assert cautions(dataset(tmp_path, bit_depth=bit_depth)) == []


def constant(rng: np.random.Generator) -> np.ndarray:
    return np.full((SIDE, SIDE), 0.5)


def black(rng: np.random.Generator) -> np.ndarray:
    return np.zeros((SIDE, SIDE))


def nearly(rng: np.random.Generator) -> np.ndarray:
    """Noise of 4 grey levels of 256, with a bright letter in a corner."""
    image = rng.integers(100, 105, (SIDE, SIDE)) / 255
    image[0, :3] = 1.0
    return image


def faint(rng: np.random.Generator) -> np.ndarray:
    """Little contrast, but an image: 10 grey levels of 256."""
    return rng.integers(100, 111, (SIDE, SIDE)) / 255


def small_brain(rng: np.random.Generator) -> np.ndarray:
    """A bright part of 2 % on black, as the last slice of a head."""
    image = np.zeros((SIDE, SIDE))
    image[:4, :5] = rng.uniform(0.3, 0.9, (4, 5))
    return image


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize(
    ("draw", "word"),
    [
        (constant, "1 image constant"),
        (black, "1 image constant"),
        (nearly, "1 image nearly constant"),
        (faint, None),
        (small_brain, None),
    ],
)
def test_images_that_show_nothing_are_named(tmp_path, bit_depth, draw, word):
    found = cautions(dataset(tmp_path, bit_depth=bit_depth, training_healthy=draw))
    if word is None:
        assert found == []
    else:
        (text,) = found
        assert word in text and "section training_healthy" in text
        assert "images/training_healthy0/00.png" in text


def test_the_spread_is_a_share_of_the_grey_range(tmp_path):
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535)):
        pixels = np.zeros((SIDE, SIDE), dtype)
        pixels[: SIDE // 2] = white // 5
        pixels[-1, -1] = white
        Image.fromarray(pixels).save(tmp_path / "a.png")
        assert grey_spread(tmp_path / "a.png") == pytest.approx((1.0, 0.2))


def test_sections_too_small_to_measure_by(tmp_path):
    found = dataset(tmp_path)
    assert "test has 19 subjects with diseased" in cautions(fewer(found, "test", 39))[0]
    texts = cautions(fewer(found, "validation", 3))
    assert "validation has 2 subjects with healthy" in texts[0]
    assert "validation has one subject with diseased" in texts[1]
    many_images = [replace(item, subject="one") for item in found.sections["test"]]
    alone = replace(found, sections={**found.sections, "test": many_images})
    assert sum("one subject" in text for text in cautions(alone)) == 2


@pytest.mark.parametrize("section", ["training_mixed", "training_healthy"])
def test_a_training_section_of_one_image(tmp_path, section):
    found = fewer(dataset(tmp_path), section, 1)
    (text,) = cautions(found)
    assert f"section {section} holds one image" in text
    datalist.write(found, tmp_path)
    from healthygan_monai.data import load_dataset

    with pytest.raises(datalist.DataError, match=f"section {section} holds one image"):
        load_dataset(tmp_path)
    load_dataset(tmp_path, training=False)


@pytest.mark.parametrize("size", [12, 50, 66])
def test_a_size_that_the_networks_cannot_take(size):
    (text,) = cautions(Dataset("x", size))
    assert f"image_size is {size}" in text and "--size" in text
    from healthygan_monai.data.plan import plan_for

    with pytest.raises(datalist.DataError, match=f"image_size is {size}"):
        plan_for(Dataset("x", size))


def test_check_prints_them_and_still_ends_well(tmp_path, capsys):
    dataset(tmp_path, count=2, test=constant)
    assert main(["check", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "warning: section test: 1 image constant" in printed.err
    assert printed.err.count("too few to measure by") == 4
    assert "no problems in" in printed.out
