"""How a model's images were prepared, beside how those were that it is given."""

import json
from pathlib import Path
from typing import Any

import pytest

from data_prep.datalist import Dataset
from data_prep.repeat import default_recipe
from healthygan_monai.models.recipe import warn_of_preparation

FILMS = default_recipe("films", 64)


def changed(**options: Any) -> dict[str, Any]:
    return {**FILMS, "options": {**FILMS["options"], **options}}


def said(tmp_path: Path, caplog: pytest.LogCaptureFixture, theirs: Any, ours: Any) -> str:
    (tmp_path / "run.json").write_text(json.dumps({"recipe": theirs}))
    images = Dataset("other", 64, generated_by={"recipe": ours})
    warn_of_preparation(images, tmp_path / "model.pt")
    return caplog.text


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        ({**FILMS, "size": 128}, "(size 128, in training 64)"),
        (changed(orient="heart"), "(orient heart, in training keep)"),
        ({**FILMS, "framing": {**FILMS["framing"], "policy": "none"}}, "(policy none, in training"),
        (default_recipe("brains", 64), "kind brains, in training films"),
    ],
)
def test_a_data_set_prepared_otherwise_is_told(tmp_path, caplog, ours, words):
    told = said(tmp_path, caplog, FILMS, ours)
    assert "other: prepared otherwise than the model's training images" in told and words in told


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (FILMS, FILMS),
        (FILMS, {**changed(burned_in="allow"), "version": "0.1.0"}),
        (FILMS, None),
        (FILMS, "unknown"),
        (None, FILMS),
    ],
)
def test_nothing_is_said_of_one_prepared_alike_or_unknown(tmp_path, caplog, theirs, ours):
    assert said(tmp_path, caplog, theirs, ours) == ""
