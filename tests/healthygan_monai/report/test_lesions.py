import json
import re

import numpy as np
import pytest
from synthetic_run import probe_list, score_rows, translate

from healthygan_monai.evaluation.evaluate import evaluate
from healthygan_monai.evaluation.localisation import (
    Localisation,
    localise,
    summarise,
    summarise_boxes,
)
from healthygan_monai.evaluation.pointing import BoxHit
from healthygan_monai.evaluation.pooled import HealthyQuantile, PooledPixels
from healthygan_monai.report import write_report
from healthygan_monai.report.lesions import lesion_sentences, lesion_tables

BOXES = summarise_boxes([BoxHit(True, 0.25), BoxHit(False, 0.25)], ["a", "b"], 50)
NO_MASKS = {"healthy_quantile": None, "pooled": None, "left_out": 0}


def measured() -> dict:
    """What localisation.json of the drawn films would hold."""
    found: list[Localisation] = []
    pooled, quantile, subjects = PooledPixels(), HealthyQuantile(), []
    rows = score_rows(20)
    for row in rows:
        shown = translate(row)
        if row.section == "validation":
            if row.label == 0:
                quantile.add(shown.difference)
            continue
        cut = quantile.value()
        lesion = shown.lesion if row.label else np.zeros(shown.difference.shape, dtype=bool)
        pooled.add(shown.difference, lesion, row.subject, cut)
        if row.label:
            found.append(localise(shown.difference, lesion, cut))
            subjects.append(row.subject)
    return {
        **summarise(found, subjects, 50),
        **{"healthy_quantile": quantile.about(), "pooled": pooled.summary(50, 0)},
        **{"left_out": 3, "boxes": None, "bootstrap": {"resamples": 50, "seed": 0}},
    }


@pytest.fixture(scope="module")
def localisation() -> dict:
    return measured()


def summary_of(run, localisation) -> tuple[str, str]:
    evaluate(run, bootstrap=50, probes=probe_list(), localisation=localisation)
    html = write_report(run, translate=translate).read_text(encoding="utf-8")
    sections = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', html, re.S))
    text = {name: re.sub(r"<[^>]+>", "", part) for name, part in sections.items()}
    return text["summary"], text["methods"]


def test_masks_are_shown_by_image_and_pooled_with_intervals(run, localisation):
    summary, methods = summary_of(run, localisation)
    scope = localisation["pooled"]["all"]
    for words in ("Images with a lesion", "All images", "PRO, up to 30 % false calls", "3 test"):
        assert words in summary
    for name in ("pixel_auroc", "pixel_ap", "aupro", "quantile_dice"):
        entry = scope[name]
        assert f"{entry['value']:.2f}{entry['low']:.2f} to {entry['high']:.2f}" in summary
    assert f"at least {localisation['healthy_quantile']['threshold']!r}" in summary
    assert "per-region overlap" in methods and "MVTec anomaly detection" in methods
    assert "in a box" not in summary


def test_boxes_alone_are_shown_alone(run):
    summary, methods = summary_of(run, {**summarise([], []), **NO_MASKS, "boxes": BOXES})
    assert "Brightest place is in a box" in summary and "by chance 0.250" in summary
    assert "Brightest place is in the lesion" not in summary and "PRO" not in summary
    assert "excitation" in methods and "per-region" not in methods


def test_without_masks_and_boxes_nothing_is_shown(run):
    summary, methods = summary_of(run, None)
    assert "point at the lesion" not in summary and "excitation" not in methods
    assert lesion_tables({"localisation": None}) is None
    assert lesion_sentences({"localisation": None}) == []


def test_an_evaluation_of_before_is_shown_as_it_was(run):
    older = {
        **{"images": 60, "subjects": 46, "pixel_auroc": 0.33, "pixel_ap": 0.06},
        **{"best_dice": 0.15, "pointing_hit": 0.25, "inside_outside_ratio": 0.61},
        **{"lesion_share": 0.08, "best_dice_note": "optimistic: x"},
    }
    summary, _ = summary_of(run, older)
    assert "On 60 outlined images" in summary and "by chance 0.080" in summary
    assert "optimistic: x" in summary and "quantile" not in summary
    assert "25 %" in lesion_sentences({"localisation": older})[0]


def test_the_command_says_what_the_page_shows(localisation):
    masks = lesion_sentences(json.loads(json.dumps({"localisation": localisation})))
    assert masks[0].startswith(f"On {localisation['images']} outlined test images")
    assert len(masks) == 4 and "PRO, up to 30 % false calls" in masks[3]
    assert "smoothed" in masks[2] and "quantile" not in masks[2]
    boxes = lesion_sentences({"localisation": {"images": 0, "pooled": None, "boxes": BOXES}})
    assert len(boxes) == 1 and "is in a box in 50 %" in boxes[0] and "by chance 25 %" in boxes[0]


def test_no_healthy_validation_image_is_told(run, localisation):
    nothing = {"quantile": 0.99, "threshold": None, "images": 0, "reason": "none there"}
    summary, _ = summary_of(run, {**localisation, "healthy_quantile": nothing})
    assert "There is no Dice at the healthy quantile: none there." in summary
