"""How a model's images were prepared, beside how those were that it is given."""

import json
from pathlib import Path
from typing import Any

import pytest

from data_prep.datalist import Dataset, read
from data_prep.errors import UsageError
from data_prep.repeat import default_recipe
from healthygan_monai.exchange.export import up_to_date
from healthygan_monai.models.about import training_recipe
from healthygan_monai.models.inputs import check_inputs
from healthygan_monai.selection import read_selection
from healthygan_monai.selection.candidates import make_model

FILMS = default_recipe("films", 64)


def changed(**options: Any) -> dict[str, Any]:
    return {**FILMS, "options": {**FILMS["options"], **options}}


def said(tmp_path: Path, caplog: pytest.LogCaptureFixture, theirs: Any, ours: Any) -> str:
    (tmp_path / "run.json").write_text(json.dumps({"recipe": theirs}))
    images = Dataset("other", 64, generated_by={"recipe": ours})
    check_inputs(images, tmp_path / "model.pt", 64)
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


def test_another_image_size_than_the_models_is_refused(own_run):
    with pytest.raises(UsageError, match=r"image_size is 64, and .* was trained at 32"):
        check_inputs(Dataset("other", 64), own_run / "model.pt", 64)
    check_inputs(Dataset("other", 64), own_run / "model.pt", 32)


def test_the_runs_own_data_set_after_a_change_is_told(own_run, caplog):
    run = json.loads((own_run / "run.json").read_text())
    for content_hash, told in ((run["data_hash"], False), ("0" * 64, True)):
        caplog.clear()
        images = Dataset("tiny", 32, root=Path(run["dataset"]), content_hash=content_hash)
        check_inputs(images, own_run / "model.pt", 32)
        assert ("changed since the training" in caplog.text) is told


def test_an_export_of_another_model_than_the_one_beside_it_is_told(own_run, tiny_data, caplog):
    path = up_to_date(own_run / "model.pt", "model.ts")
    check_inputs(read(tiny_data), path, 32)
    assert "exported from another model" not in caplog.text
    assert training_recipe(path) == training_recipe(own_run / "model.pt") == "paper"
    chosen = {row.iteration for row in read_selection(own_run) if row.chosen}
    make_model(own_run, next(i for i in (2, 4, 6) if i not in chosen))
    check_inputs(read(tiny_data), path, 32)
    assert "exported from another model" in caplog.text and training_recipe(path) is None
