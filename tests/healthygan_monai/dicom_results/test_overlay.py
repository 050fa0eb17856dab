"""The picture with its legend."""

import numpy as np
import pytest
from dicom_sources import FACTS, corner

from healthygan_monai.dicom_results import ResultFacts
from healthygan_monai.dicom_results.overlay import colour_top, legend, overlay
from healthygan_monai.report.cases import CONTOUR

SHAPES = [(64, 64), (300, 200), (40, 640), (640, 40), (3000, 2500)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_film_is_above_the_legend_and_the_outline_is_where_the_mark_is(
    shape: tuple[int, int],
) -> None:
    difference, marked = np.zeros(shape, np.float32), np.zeros(shape, bool)
    rows, columns = slice(0, shape[0] // 8), slice(shape[1] - shape[1] // 8, shape[1])
    marked[rows, columns] = True
    picture = np.full(shape, 0.5, np.float32)
    pixels, factor = overlay(picture, difference, marked, ResultFacts(**FACTS))
    height, width = round(shape[0] * factor), round(shape[1] * factor)
    assert pixels.shape[0] > height and pixels.shape[1] >= max(width, 512)
    film, below = pixels[:height, :width], pixels[height:]
    found = np.argwhere((film == CONTOUR).all(axis=2))
    assert len(found) and np.all(found[:, 0] <= height / 8 + 6)
    assert np.all(found[:, 1] >= width - width / 8 - 6)
    assert not (below == CONTOUR).all(axis=2).any()
    assert below.max() == 255  # letters
    plain = film[height // 2, width // 4]
    assert plain.tolist() == [128, 128, 128]  # no colour where nothing differs


def test_the_legend_says_score_threshold_model_and_research() -> None:
    text = "\n".join(legend(ResultFacts(**FACTS), 0.4))
    for words in ("Research, not for diagnosis", "0.0362", "below the threshold 0.05", "0.1.0"):
        assert words in text
    assert FACTS["weights_sha256"][:12] in text and "score: mean of the difference map" in text
    above = ResultFacts(**{**FACTS, "score": 0.05})
    assert "recipe" not in text
    trained = ResultFacts(**FACTS, training_recipe="pretrained")
    assert "recipe pretrained, weights" in "\n".join(legend(trained, 0.4))
    assert "at or above the threshold" in "\n".join(legend(above, 0.4))


def test_the_same_difference_has_the_same_colour_in_every_film() -> None:
    facts = ResultFacts(**FACTS)
    faint, strong = corner((64, 64))[0] / 4, corner((64, 64))[0]
    assert colour_top(faint, facts) == colour_top(strong, facts) == 0.4


def test_letters_keep_inside_a_narrow_picture() -> None:
    facts = ResultFacts(**{**FACTS, "score_policy": "a long policy " * 20})
    picture = np.full((64, 64), 0.5, np.float32)
    pixels, _ = overlay(picture, picture * 0, picture > 1, facts)
    assert not pixels[512:, -8:].any() and not pixels[-8:].any()


def test_the_legend_has_the_first_warning_and_how_many_there_are() -> None:
    one = legend(ResultFacts(**FACTS, warnings=["first of 2 frames"]), 0.4)
    assert "Warning: first of 2 frames" in one
    many = legend(ResultFacts(**FACTS, warnings=["a long one " * 30, "another"]), 0.4)
    (line,) = (text for text in many if "warning" in text)
    assert line.startswith("2 warnings, all in the report. First: a long one") and len(line) <= 128
    assert not any("arning" in text for text in legend(ResultFacts(**FACTS), 0.4))
