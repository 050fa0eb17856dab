import base64
import io

import numpy as np
import pytest
from PIL import Image

from healthygan_monai.report.cases import CONTOUR, Translation, draw_gallery, pick_cases
from healthygan_monai.scoring import ScoreRow


def row(subject: str, score: float, label: int | None, image: str = "0.png", section="test"):
    return ScoreRow(section, f"{subject}/{image}", subject, score, label=label)


ROWS = [
    *(row(f"d{i}", score, 1) for i, score in enumerate((0.9, 0.8, 0.3, 0.1))),
    *(row(f"h{i}", score, 0) for i, score in enumerate((0.7, 0.5, 0.4, 0.2))),
    row("v", 1.0, 1, section="validation"),
]


def subjects(picked) -> dict[str, list[str]]:
    return {kind: [r.subject for r in rows] for kind, rows in picked.items()}


def test_each_kind_holds_its_extremes_and_a_score_on_the_threshold_is_called():
    assert subjects(pick_cases(ROWS, 0.5)) == {
        "true positive": ["d0", "d1"],
        "false positive": ["h0", "h1"],
        "false negative": ["d3", "d2"],
        "true negative": ["h3", "h2"],
    }


def test_one_subject_cannot_fill_a_row():
    rows = [row("d0", 0.9 - i / 100, 1, f"{i}.png") for i in range(9)] + [row("d1", 0.6, 1)]
    assert subjects(pick_cases(rows, 0.5))["true positive"] == ["d0", "d1"]


def test_without_labels_the_extremes_are_shown():
    rows = [row("a", 0.1, None), row("b", 0.9, None)]
    assert subjects(pick_cases(rows, 0.5, per_kind=1)) == {
        "highest scores": ["b"],
        "lowest scores": ["a"],
    }


def translation(peak: float, lesion=None) -> Translation:
    grey = np.full((32, 32), 0.5)
    difference = np.zeros((32, 32))
    difference[8:16, 8:16] = peak
    return Translation(grey, difference, grey, difference, lesion)


def pixels(uri: str) -> np.ndarray:
    picture = Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))
    return np.asarray(picture.convert("RGB"), dtype=int)


def drawn(gallery, number: int, part: str) -> np.ndarray:
    return pixels([c for g in gallery.groups for c in g["cases"]][number]["pictures"][part])


def test_one_scale_for_all_cases():
    picked = {"true positive": [row("a", 0.9, 1)], "true negative": [row("b", 0.1, 0)]}
    gallery = draw_gallery(picked, lambda r: translation(0.4 if r.subject == "a" else 0.1))
    assert gallery.vmax == pytest.approx(0.4)
    assert drawn(gallery, 0, "difference").max() > drawn(gallery, 1, "difference").max() + 40


def test_the_outline_surrounds_the_lesion_on_input_and_difference_only(drawn_figures):
    lesion = np.zeros((32, 32), dtype=bool)
    lesion[8:16, 8:16] = True
    gallery = draw_gallery(
        {"true positive": [row("a", 0.9, 1)]}, lambda r: translation(0.4, lesion)
    )
    for part, outlined in (("image", 1), ("difference", 1), ("mask", 0), ("healthy", 0)):
        cyan = np.all(drawn(gallery, 0, part) == CONTOUR, axis=-1)
        assert cyan.any() == bool(outlined)
        if outlined:
            rows = np.nonzero(cyan)[0]  # the lesion is 8..16 of 32, drawn ten times larger
            assert 75 <= rows.min() < 85
            assert 155 < rows.max() <= 165
            assert not cyan[100:140, 100:140].any()
    assert gallery.groups[0]["cases"][0]["lesion"]["hit"]


def test_parts_of_different_size_are_refused():
    grey = np.zeros((4, 4))
    with pytest.raises(ValueError, match="one \\(H, W\\)"):
        Translation(grey, grey, grey, np.zeros((1, 4, 4)))
