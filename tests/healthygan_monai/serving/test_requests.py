"""A request through the bundle's own config, as MONAI Label runs it: input and answer."""

import csv
import io
import json
import shutil
import subprocess
import sys
import types
from pathlib import Path

import dicom_heads
import hazards
import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from flat_settings import settings
from PIL import Image
from served_bundle import ask, bundle_of, head
from tiny import SIZE, infer, train
from torch.testing import assert_close

from data_prep.brain import BrainOptions
from data_prep.datalist import read
from data_prep.files import sha256
from data_prep.phantom import brains, study
from data_prep.pipeline import run
from data_prep.work.guard import Limits
from healthygan_monai.inferer import HealthyGANInferer
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.scoring import read_scores, subject_rows
from healthygan_monai.serving import transforms
from healthygan_monai.serving.describe import describe, write_description
from healthygan_monai.serving.errors import RequestError
from healthygan_monai.serving.preparation import preparation
from healthygan_monai.serving.receive import receive
from healthygan_monai.serving.serving_json import description_of, stored_description
from healthygan_monai.serving.transforms import REQUEST, PrepareRequestd

COUNTS = {"training_mixed": 0, "training_healthy": 0, "validation": 4, "test": 4}


def inferred(model: Path, data: Path, output: Path) -> dict[str, float]:
    """image -> score, as ``healthygan infer`` writes them."""
    return {row.image: row.score for row in read_scores(infer(model, data, output) / "scores.csv")}


def with_recipe(bundle: Path, recipe: dict, **changes) -> Path:
    """The bundle as if its model had learned from images so prepared."""
    path = bundle / "models" / "serving.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "recipe": recipe, **changes}))
    return bundle


def refused(bundle: Path, image: Path | str, **params) -> str:
    with pytest.raises(RequestError) as caught:
        ask(bundle, image, **params)
    message = str(caught.value)
    assert Path(image).name not in message
    return message


GIVEN = {"pseudonyms": "given"}


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> tuple[Path, Path]:
    """(raw, prepared): phantom films as DICOM, and as a data set of 32 pixels."""
    folder = tmp_path_factory.mktemp("films")
    study.make_films(folder / "raw", counts=COUNTS, size=128)
    table = folder / "raw" / "cohort.csv"
    run(settings(folder / "raw", folder / "data", size=SIZE, table=table, jobs=0, **GIVEN))
    return folder / "raw", folder / "data"


@pytest.fixture(scope="module")
def heads(tmp_path_factory) -> tuple[Path, Path]:
    """(raw, prepared): two phantom heads and their slices."""
    folder = tmp_path_factory.mktemp("heads")
    counts = {**COUNTS, "validation": 2, "test": 0}
    brains.make_brains(folder / "raw", counts=counts)
    table = folder / "raw" / "cohort.csv"
    run(
        settings(folder / "raw", folder / "data", "brains", size=SIZE, table=table, jobs=0, **GIVEN)
    )
    return folder / "raw", folder / "data"


def recipe_of(data: Path) -> dict:
    return read(data).generated_by["recipe"]


class TestFilms:
    def test_a_dicom_film_is_scored_as_after_prep_and_infer(self, films, own_bundle, tmp_path):
        raw, data = films
        with_recipe(own_bundle, recipe_of(data))
        scores = inferred(own_bundle / "models" / "model.pt", data, tmp_path)
        with (raw / "cohort.csv").open() as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == len(scores) == 8
        by_subject: dict[str, set[float]] = {}
        for item in (i for _, i in read(data).items()):
            by_subject.setdefault(item.subject, set()).add(scores[item.image])
        for row in rows:
            found = ask(own_bundle, raw / row["image"])["result"]
            assert found["subject_score"] == found["anomaly_score"]
            expected = by_subject[row["subject"]]
            assert min(abs(found["anomaly_score"] / s - 1) for s in expected) < 1e-5
            assert found["input"] == {"kind": "DICOM film", "size": [128, 128]}

    def test_a_prepared_picture_is_scored_as_by_infer(self, served, tiny_data, tmp_path):
        scores = inferred(served / "models" / "model.pt", tiny_data, tmp_path)
        for item in read(tiny_data).sections["test"]:
            found = ask(served, tiny_data / item.image)
            assert found["result"]["anomaly_score"] == pytest.approx(scores[item.image], rel=1e-6)
            assert found["result"]["input"]["kind"] == "prepared picture"
            assert found["pred"].shape == (SIZE, SIZE)

    def test_a_larger_picture_is_scored_as_by_infer_where_only_resizing_is_asked_for(
        self, served, tmp_path
    ):
        pixels = np.random.default_rng(0).integers(0, 255, (50, 80), np.uint8)
        (tmp_path / "pictures").mkdir()
        Image.fromarray(pixels).save(tmp_path / "pictures" / "film.png")
        scores = inferred(served / "models" / "model.pt", tmp_path / "pictures", tmp_path / "out")
        path = tmp_path / "pictures" / "film.png"
        bare = ask(served, path, preparation="none", output="difference", result_extension=".nrrd")
        assert bare["result"]["anomaly_score"] == pytest.approx(scores["film.png"], rel=1e-6)
        assert bare["pred"].shape == (80, 50)  # columns first, as ITK writes
        assert float(bare["pred"].mean()) == pytest.approx(scores["film.png"], rel=0.02)
        framed = ask(served, path)
        assert framed["result"]["input"]["kind"] == "picture"
        assert framed["result"]["anomaly_score"] != bare["result"]["anomaly_score"]


class TestVolumes:
    def test_slices_are_scored_as_after_prep_and_infer(self, heads, own_bundle, tmp_path):
        raw, data = heads
        with_recipe(own_bundle, recipe_of(data))
        model = own_bundle / "models" / "model.pt"
        scores = inferred(model, data, tmp_path)
        subjects = {r.subject: r.score for r in subject_rows(read_scores(tmp_path / "scores.csv"))}
        for path in sorted((raw / "brains").iterdir()):
            subject = path.name.partition("_")[0]
            image = nib.load(path)
            found = ask(own_bundle, path, output="difference")
            result = found["result"]
            expected = {
                item.slice: scores[item.image]
                for _, item in read(data).items()
                if item.subject == subject
            }
            counted = {s["index"]: s["score"] for s in result["slices"] if s["counted"]}
            assert counted == pytest.approx(expected, rel=1e-4)
            assert result["subject_score"] == pytest.approx(subjects[subject], rel=1e-4)
            assert result["anomaly_score"] == pytest.approx(max(expected.values()), rel=1e-4)
            assert expected[result["anomaly_slice"]] == max(expected.values())
            assert len(result["slices"]) == brains.SHAPE[2]  # every one, counted or not
            assert tuple(found["pred"].shape) == (1, *image.shape)
            assert_close(found["image"].meta["original_affine"], image.affine, atol=1e-4, rtol=0)

    def test_one_slice_is_scored_as_after_prep_and_infer(self, heads, own_bundle, tmp_path):
        raw, _ = heads
        whole = nib.as_closest_canonical(nib.load(raw / "brains" / "sub-001_T1w.nii.gz"))
        (tmp_path / "one").mkdir()
        nib.save(whole.slicer[:, :, 34:35], tmp_path / "one" / "sub-9.nii.gz")
        chosen = {"size": SIZE, "options": BrainOptions(allow_single_slice=True), "jobs": 0}
        run(settings(tmp_path / "one", tmp_path / "data", "brains", **chosen))
        with_recipe(own_bundle, recipe_of(tmp_path / "data"))
        (score,) = inferred(
            own_bundle / "models" / "model.pt", tmp_path / "data" / "images", tmp_path / "out"
        ).values()
        found = ask(own_bundle, tmp_path / "one" / "sub-9.nii.gz")
        assert found["result"]["anomaly_score"] == pytest.approx(score, rel=1e-5)
        assert tuple(found["pred"].shape) == (1, *whole.shape[:2], 1)
        assert any("this slice alone" in text for text in found["result"]["warnings"])

    def test_a_slice_of_two_dimensions_too(self, own_bundle, tmp_path):
        with_recipe(own_bundle, {"kind": "brains"})
        affine = np.diag([8.0, 8, 8, 1])
        nib.save(nib.Nifti1Image(head()[:, :, 6], affine), tmp_path / "two.nii.gz")
        nib.save(nib.Nifti1Image(head()[:, :, 6:7], affine), tmp_path / "three.nii.gz")
        two, three = (ask(own_bundle, tmp_path / f"{n}.nii.gz") for n in ("two", "three"))
        assert two["result"]["anomaly_score"] == three["result"]["anomaly_score"]
        assert two["pred"].shape == three["pred"].shape == (1, 14, 18, 1)

    def test_air_has_no_score_and_no_map(self, own_bundle, tmp_path):
        with_recipe(own_bundle, {"kind": "brains"})
        nib.save(nib.Nifti1Image(head(), np.diag([8.0, 8, 8, 1])), tmp_path / "head.nii.gz")
        found = ask(own_bundle, tmp_path / "head.nii.gz", output="difference")
        air = [s for s in found["result"]["slices"] if s["empty"]]
        assert [s["index"] for s in air] == [0, 1, 10, 11]
        assert {s["score"] for s in air} == {0} and not any(s["counted"] for s in air)
        assert not found["pred"][0, :, :, [0, 1, 10, 11]].any()
        assert found["pred"].any()

    def test_a_film_kept_as_nifti_is_framed_as_a_film(self, own_bundle, tmp_path):
        film = np.random.default_rng(0).integers(0, 255, (60, 50), np.uint8)
        with_recipe(own_bundle, {"kind": "films", "framing": {"policy": "centre"}})
        Image.fromarray(film).save(tmp_path / "film.png")
        # as ITK writes a picture: columns first, axes pointing left and back
        nib.save(nib.Nifti1Image(film.T[..., None], np.diag([-1.0, -1, 1, 1])), tmp_path / "f.nii")
        picture, nifti = (ask(own_bundle, tmp_path / n) for n in ("film.png", "f.nii"))
        assert nifti["result"]["anomaly_score"] == pytest.approx(
            picture["result"]["anomaly_score"], rel=1e-5
        )
        assert_close(nifti["pred"][0, :, :, 0] * 255, picture["pred"])
        (warning,) = nifti["result"]["warnings"]
        assert "not the score of that file" in warning
        assert "MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI=false" in warning

    def test_one_of_a_4d_file_can_be_asked_for(self, own_bundle, tmp_path):
        with_recipe(own_bundle, {"kind": "brains"})
        affine = np.diag([8.0, 8, 8, 1])
        nib.save(nib.Nifti1Image(head(), affine), tmp_path / "one.nii")
        nib.save(nib.Nifti1Image(np.stack([head() * 0, head()], 3), affine), tmp_path / "two.nii")
        assert 'Give "volume_index" from 0 to 1' in refused(own_bundle, tmp_path / "two.nii")
        one = ask(own_bundle, tmp_path / "one.nii")["result"]
        two = ask(own_bundle, tmp_path / "two.nii", volume_index="1")["result"]
        assert one["slices"] == two["slices"]

    def test_the_inferer_takes_slices_one_by_one(self, trained):
        generator = load_generator(load_weights(trained / "model.pt"))
        images = torch.rand(1, 1, SIZE, SIZE, 11) * 2 - 1
        with torch.no_grad():
            together = HealthyGANInferer()(images, generator)
            for i in range(11):
                assert_close(together[..., i], HealthyGANInferer()(images[..., i], generator))


class TestAnswer:
    def test_label_map_is_the_difference_map_cut_at_the_threshold_told(self, served, tiny_data):
        path = tiny_data / "images" / "test1" / "0.png"
        label = ask(served, path, result_extension=".nii.gz")
        shown = ask(served, path, output="difference", result_extension=".nii.gz")
        cut = label["result"]["threshold"]
        stored = json.loads((served / "models" / "serving.json").read_text())["map_threshold"]
        assert cut == stored["value"] > 0
        assert label["result"]["threshold_source"] == stored["source"]
        assert "2 healthy validation images" in stored["source"]
        assert label["pred"].dtype == torch.uint8 and shown["pred"].dtype == torch.float32
        assert torch.equal(label["pred"] == 1, shown["pred"] >= cut)
        assert 0 < label["result"]["marked_share"] < 1
        assert label["result"]["labels"] == {"anomaly": 1}
        assert label["result"]["output"] == "label" and shown["result"]["output"] == "difference"

    def test_it_names_the_rule_of_the_score_and_the_recipe_of_the_training(
        self, served, own_bundle, tiny_data
    ):
        path = tiny_data / "images" / "test1" / "0.png"
        found = ask(served, path)["result"]
        assert (found["score_by"], found["model"]["training_recipe"]) == ("mean", "paper")
        models = own_bundle / "models"
        (models / "config.json").unlink()
        assert ask(own_bundle, path)["result"]["model"]["training_recipe"] == "paper"
        stored = json.loads((models / "serving.json").read_text())
        (models / "serving.json").write_text(json.dumps({**stored, "weights_sha256": "0" * 64}))
        assert ask(own_bundle, path)["result"]["model"]["training_recipe"] is None

    def test_marked_pixels_are_white_in_a_picture_and_1_in_other_formats(self, served, tiny_data):
        path = tiny_data / "images" / "test1" / "0.png"
        picture = ask(served, path)["pred"]
        assert picture.dtype == torch.uint8 and set(picture.unique().tolist()) == {0, 255}
        for extension in (".nii.gz", ".nrrd"):
            assert torch.equal(ask(served, path, result_extension=extension)["pred"] * 255, picture)

    def test_a_request_may_give_its_own_threshold(self, served, tiny_data):
        path = tiny_data / "images" / "test1" / "0.png"
        top = ask(served, path)["result"]["largest_difference"]
        found = ask(served, path, threshold=str(top / 2))
        assert found["result"]["threshold"] == top / 2
        assert found["result"]["threshold_source"] == "given with the request"
        assert found["pred"].sum() > 0
        assert ask(served, path, threshold=1.0)["pred"].sum() == 0

    def test_a_difference_map_as_png_uses_the_whole_range(self, served, tiny_data):
        path = tiny_data / "images" / "test1" / "0.png"
        shown = ask(served, path, output="difference")
        assert shown["result_extension"] == ".png" and shown["pred"].dtype == torch.uint8
        exact = ask(served, path, output="difference", result_extension=".nrrd")["pred"]
        assert_close(shown["pred"] / 255, exact, atol=0.5 / 255 + 1e-6, rtol=0)

    def test_nothing_is_drawn_or_written_on_the_way(self, served, tiny_data, tmp_path, monkeypatch):
        """The config's other half would draw the demo's films here if it were evaluated."""
        monkeypatch.chdir(tmp_path)
        before = sorted(p for p in served.rglob("*"))
        ask(served, tiny_data / "images" / "test1" / "0.png")
        assert not list(tmp_path.iterdir())
        assert sorted(p for p in served.rglob("*")) == before

    def test_it_is_plain_json(self, served, tiny_data):
        found = ask(served, tiny_data / "images" / "test1" / "0.png")["result"]
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert (
            found["model"]["weights_sha256"]
            == json.loads((served / "models" / "serving.json").read_text())["weights_sha256"]
        )

    @pytest.mark.parametrize(
        ("same_weights", "score_by"), [(True, "mean"), (False, "mean"), (True, "top")]
    )
    def test_thresholds_of_scores_are_those_of_the_validation_set_for_the_same_weights_and_mean(
        self, same_weights, score_by, own_run, tiny_data, tmp_path
    ):
        scores = {"threshold": 0.5, "policy": "youden", "chosen_on": "validation"}
        test = {**scores, "threshold": 0.1, "chosen_on": "optimistic: chosen on the test labels"}
        promised = {**scores, "policy": "promised", "chosen_on": "40 healthy images"}
        thresholds = {"validation": {**scores, "other": 1}, "test_optimistic": test}
        thresholds["promised"] = {**promised, "other": 1}
        of = sha256(own_run / "model.pt") if same_weights else "0" * 64
        levels = {"image": {"thresholds": thresholds, "promise": {"false_alarm_rate": 0.05}}}
        content = {"score_by": score_by, "levels": levels, "provenance": {"weights_sha256": of}}
        known = same_weights and score_by == "mean"
        (own_run / "evaluation.json").write_text(json.dumps(content))
        bundle = bundle_of(tmp_path / "b", own_run)
        found = ask(bundle, tiny_data / "images" / "test1" / "0.png")["result"]
        assert found["score_thresholds"] == ({"image": scores} if known else {})
        promised["false_alarm_rate"] = 0.05
        assert found["promised_thresholds"] == ({"image": promised} if known else {})

    def test_thresholds_of_a_later_evaluation_are_the_newer_ones(self, own_run):
        path = own_run / "evaluation.json"
        (own_run / "serving.json").unlink(missing_ok=True)
        for value in (0.5, 0.7):
            cut = {"threshold": value, "policy": "youden", "chosen_on": "validation"}
            content = {
                "levels": {"image": {"thresholds": {"validation": cut}}},
                "provenance": {"weights_sha256": sha256(own_run / "model.pt")},
            }
            path.write_text(json.dumps(content))
            if value == 0.5:
                write_description(describe(own_run / "model.pt"), own_run)
        stored = stored_description(own_run / "model.pt")
        assert stored["score_thresholds"] == {"image": cut}
        assert description_of(own_run / "model.pt", 32).scores == {"image": cut}

    def test_serving_json_missing_or_of_other_weights_gives_no_threshold(
        self, own_bundle, tiny_data
    ):
        with_recipe(own_bundle, {}, weights_sha256="0" * 64)
        for words in ("other weights", "no serving.json"):
            found = ask(own_bundle, tiny_data / "images" / "test1" / "0.png")["result"]
            assert found["threshold"] == 0.1
            assert any(words in text for text in found["warnings"])
            (own_bundle / "models" / "serving.json").unlink(missing_ok=True)
        assert "no healthy maps" in found["threshold_source"]

    def test_a_bundle_of_other_weights_answers_on_request_alone(self, own_bundle, tiny_data):
        image = tiny_data / "images" / "test1" / "0.png"
        (own_bundle / "models" / "run.json").unlink()
        with_recipe(own_bundle, {}, weights_sha256="0" * 64)
        with pytest.raises(RuntimeError) as told:
            ask(own_bundle, image)
        assert "SHA-256" in str(told.value.__cause__)
        config = own_bundle / "configs" / "inference.json"
        content = {**json.loads(config.read_text()), "accept_changed_weights": True}
        config.write_text(json.dumps(content))
        assert any("other weights" in text for text in ask(own_bundle, image)["result"]["warnings"])

    def test_what_is_not_done_to_brains_here_is_said(self):
        options = {"brain": "deepbet", "brain_version": "1", "mni": True, "template": "t.nii"}
        warnings = preparation({"kind": "brains", "options": options}, SIZE).warnings
        assert len(warnings) == 2
        assert "deepbet" in warnings[0] and "MNI" in warnings[1]

    def test_a_head_with_its_skull_is_refused_by_a_model_of_brains_without(self, tmp_path):
        data = head() + np.random.default_rng(0).random(head().shape, np.float32) + 1
        nib.save(nib.Nifti1Image(data, np.diag([8.0, 8, 8, 1]) * 1.9), tmp_path / "h.nii")
        prepared = preparation({"kind": "brains", "options": {"brain": "deepbet"}}, SIZE)
        with pytest.raises(ValueError, match="no brain of a possible size"):
            receive(tmp_path / "h.nii", prepared)


class TestRefusals:
    def test_of_files(self, films, served, tmp_path):
        raw, _ = films
        path = sorted((raw / "films").iterdir())[0]
        colour = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(colour).save(tmp_path / "colour-shot.png")
        assert "true colour picture" in refused(served, tmp_path / "colour-shot.png")
        (tmp_path / "nothing-in-it.png").write_bytes(b"")
        assert "empty file" in refused(served, tmp_path / "nothing-in-it.png")
        (tmp_path / "half-sent.dcm").write_bytes(path.read_bytes()[:2000])
        refused(served, tmp_path / "half-sent.dcm")
        (tmp_path / "some-words.nii.gz").write_text("no image")
        assert "not a NIfTI" in refused(served, tmp_path / "some-words.nii.gz")
        side = pydicom.dcmread(path)
        side.ViewPosition, side.PatientName = "LL", "Doe^Jane"
        side.save_as(tmp_path / "from-the-side.dcm")
        message = refused(served, tmp_path / "from-the-side.dcm")
        assert "lateral" in message and "Doe" not in message and "--" not in message
        side.Modality, side.SOPClassUID = "SR", "1.2.840.10008.5.1.4.1.1.88.22"
        side.save_as(tmp_path / "report-file.dcm")
        assert "not a radiograph" in refused(served, tmp_path / "report-file.dcm")
        assert "no such file" in refused(served, tmp_path / "never-sent.png")

    def test_of_a_slice_in_another_plane(self, own_bundle, tmp_path):
        with_recipe(own_bundle, {"kind": "brains"})
        image = nib.Nifti1Image(head()[:, 8:9], np.diag([8.0, 8, 8, 1]))
        nib.save(image, tmp_path / "coronal-one.nii")
        assert "no axial one" in refused(own_bundle, tmp_path / "coronal-one.nii")

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"output": "heatmap"}, "output is 'heatmap'; expected label or difference"),
            ({"output": {}}, "output is {}; expected label or difference"),
            ({"threshold": 10**400}, "expected a difference above 0"),
            ({"threshold": [0.5]}, "expected a difference above 0"),
            ({"model_filename": 5}, "only model.pt is served here"),
            ({"volume_index": float("inf")}, "volume_index is inf; expected a whole number"),
            ({"volume_index": 1.7}, "volume_index is 1.7; expected a whole number"),
            ({"volume_index": True}, "volume_index is True; expected a whole number"),
            ({"volume_index": -1}, "volume_index is -1; expected a whole number"),
            ({"preparation": True}, "preparation is True"),
            ({"threshold": 0}, "threshold is 0"),
            ({"threshold": "high"}, "threshold is 'high'"),
            ({"threshold": True}, "threshold is True"),
            ({"volume_index": "first"}, "volume_index is 'first'"),
            ({"model_filename": "../other.pt"}, "only model.pt is served"),
        ],
    )
    def test_of_options(self, served, tiny_data, params, message):
        assert message in refused(served, tiny_data / "images" / "test1" / "0.png", **params)

    def test_options_are_never_run(self, served, tiny_data, tmp_path):
        trap = f"$open({str(tmp_path / 'trap')!r}, 'w')"
        refused(served, tiny_data / "images" / "test1" / "0.png", output=trap)
        refused(served, tiny_data / "images" / "test1" / "0.png", threshold=trap)
        assert not (tmp_path / "trap").exists()

    def test_a_web_server_can_answer_with_the_message(self, served, tmp_path, monkeypatch):
        class HTTPException(Exception):
            def __init__(self, status_code: int, detail: str) -> None:
                self.status_code, self.detail = status_code, detail

        web = types.ModuleType("starlette.exceptions")
        web.HTTPException = HTTPException  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "starlette.exceptions", web)
        (tmp_path / "nothing-in-it.png").write_bytes(b"")
        with pytest.raises(HTTPException) as caught:
            ask(served, tmp_path / "nothing-in-it.png")
        assert isinstance(caught.value, RequestError)
        assert caught.value.status_code == 422
        assert caught.value.detail == str(caught.value) == "empty file. Export it again."


class TestNoSuchImage:
    """MONAI Label sends "" for an id that it does not know."""

    @pytest.fixture
    def here(self, tmp_path, monkeypatch) -> Path:
        """The working directory, with somebody's head as ten slices and as a folder of that id."""
        affine = np.diag([8.0, 8, 8, 1])
        for folder in (tmp_path / "here", tmp_path / "here" / "case1"):
            folder.mkdir()
            dicom_heads.write_stack(folder, head()[:, :, 1:11], affine)
        monkeypatch.chdir(tmp_path / "here")
        return tmp_path / "here"

    @pytest.mark.parametrize(
        "image",
        [
            *("", " ", ".", "./", "..", "/", "nosuch", "case1", "~", "a\0b", "x" * 5000),
            *("{here}", "{here}/case1/..", "{here}/..", "{here}/nosuch", "{link}"),
        ],
    )
    def test_is_answered_for_what_is_no_image_of_the_server(
        self, image, here, own_bundle, tmp_path
    ):
        with_recipe(own_bundle, {"kind": "brains"})
        (tmp_path / "link").symlink_to(here)
        with pytest.raises(RequestError, match="no such image"):
            ask(own_bundle, image.format(here=here, link=tmp_path / "link"))

    @pytest.mark.parametrize("image", [None, 7, {}, b""])
    def test_is_answered_for_what_is_no_path(self, image, served):
        with pytest.raises(RequestError, match="no such image"):
            PrepareRequestd(served / "models" / "model.pt", SIZE)({"image": image, REQUEST: "auto"})

    def test_is_not_answered_for_a_series_of_the_server(self, here, own_bundle):
        with_recipe(own_bundle, {"kind": "brains"})
        assert len(ask(own_bundle, here / "case1")["result"]["slices"]) == 10


class TestKindOfModel:
    def test_a_volume_sent_to_a_model_of_films(self, heads, served, tmp_path):
        volume = sorted((heads[0] / "brains").iterdir())[0]
        assert "trained on films" in refused(served, volume)
        data = nib.as_closest_canonical(nib.load(volume)).get_fdata()[:, :, :4]
        nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "thin.nii")
        assert "trained on films" in refused(served, tmp_path / "thin.nii")
        dicom_heads.write_stack(tmp_path / "series", head(), np.diag([8.0, 8, 8, 1]))
        assert "trained on films" in refused(served, tmp_path / "series")
        one = sorted((tmp_path / "series").iterdir())[0]
        assert "not a radiograph" in refused(served, one)
        dicom_heads.write_multi_frame(tmp_path / "many.dcm", head(), np.diag([8.0, 8, 8, 1]))
        assert "not a radiograph" in refused(served, tmp_path / "many.dcm")

    def test_a_film_sent_to_a_model_of_volumes(self, films, own_bundle, tmp_path):
        with_recipe(own_bundle, {"kind": "brains"})
        film = sorted((films[0] / "films").iterdir())[0]
        message = "trained on slices of volumes"
        assert message in refused(own_bundle, film)
        (tmp_path / "folder").mkdir()
        shutil.copy(film, tmp_path / "folder")
        assert message in refused(own_bundle, tmp_path / "folder")
        for name in ("film.png", "film.jpg"):
            Image.fromarray(
                np.arange(6000, dtype=np.uint16).astype(np.uint8).reshape(60, 100)
            ).save(tmp_path / name)
            assert message in refused(own_bundle, tmp_path / name)

    def test_a_folder_with_one_film_is_that_film(self, films, served, tmp_path):
        film = sorted((films[0] / "films").iterdir())[0]
        alone = ask(served, film)["result"]
        for extra in (None, "DICOMDIR", "notes.txt", ".hidden.dcm"):
            folder = tmp_path / str(extra)
            folder.mkdir()
            shutil.copy(film, folder / "no-suffix")
            if extra is not None:
                (folder / extra).write_bytes(film.read_bytes() if "." in extra[:1] else b"no image")
            assert ask(served, folder)["result"] == alone
        Image.fromarray(np.eye(60, dtype=np.uint8) * 200).save(tmp_path / "DICOMDIR" / "b.png")
        assert "several images" in refused(served, tmp_path / "DICOMDIR")
        (tmp_path / "empty").mkdir()
        refused(served, tmp_path / "empty")


class TestGuard:
    def test_a_film_that_kills_its_decoder_is_one_refusal(
        self, films, served, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(transforms, "receive", hazards.crash_at_second)
        for name in ("first", "second", "third"):
            shutil.copy(sorted((films[0] / "films").iterdir())[0], tmp_path / f"{name}.dcm")
        first = ask(served, tmp_path / "first.dcm")["result"]
        assert "the decoder crashed" in refused(served, tmp_path / "second.dcm")
        assert ask(served, tmp_path / "third.dcm")["result"] == first

    @pytest.mark.parametrize(
        ("hazard", "seconds", "message"),
        [
            (hazards.hang, 2, "took too long"),
            (hazards.swallow, 60, "more memory"),
            (hazards.raise_it, 60, "unexpected error. ValueError"),
        ],
    )
    def test_time_and_memory_have_limits(
        self, hazard, seconds, message, served, tiny_data, monkeypatch
    ):
        monkeypatch.setattr(transforms, "receive", hazard)
        monkeypatch.setattr(transforms, "LIMITS", {"films": Limits(seconds, 1 << 30)})
        found = refused(served, tiny_data / "images" / "test1" / "0.png")
        assert message in found and "told as it is" not in found and "--" not in found

    def test_a_film_that_ends_the_process_of_a_real_decoder(self, films, served, tmp_path):
        """An 8-bit JPEG under a header of 1 bit stored, on which GDCM 3.0 aborts."""
        whole = sorted((films[0] / "films").iterdir())[0]
        film, buffer = pydicom.dcmread(whole), io.BytesIO()
        Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))).save(buffer, "JPEG")
        film.Rows = film.Columns = 64
        film.BitsAllocated, film.BitsStored, film.HighBit = 8, 1, 7
        film.PixelData = pydicom.encaps.encapsulate([buffer.getvalue()])
        film["PixelData"].VR = "OB"
        film.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
        film.save_as(tmp_path / "jpeg-of-one-bit.dcm")
        refused(served, tmp_path / "jpeg-of-one-bit.dcm")
        assert ask(served, whole)["result"]

    def test_nothing_is_decoded_in_the_process_that_serves(
        self, films, heads, own_bundle, tiny_data, monkeypatch
    ):
        def never(*_: object, **__: object) -> None:
            raise AssertionError("decoded here")

        for name in ("PIL.Image.open", "pydicom.dcmread", "nibabel.load"):
            monkeypatch.setattr(name, never)
        film = films[0] / "films" / "IM0001.dcm"
        assert ask(own_bundle, film)["result"]["input"]["kind"] == "DICOM film"
        picture = ask(own_bundle, tiny_data / "images" / "test1" / "0.png")
        assert picture["result"]["input"]["kind"] == "prepared picture"
        with_recipe(own_bundle, {"kind": "brains"})
        volume = ask(own_bundle, sorted((heads[0] / "brains").iterdir())[0])
        assert volume["result"]["input"]["kind"] == "volume"

    def test_what_reads_in_the_child_needs_no_torch(self):
        code = (
            "import sys\nimport healthygan_monai.serving.receive\n"
            "print(sorted({'torch', 'monai'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == "[]", done.stderr


def test_a_model_of_three_channels_is_served_too(tiny_data, tmp_path):
    run_folder = train(tmp_path, tiny_data, image_channels=3)
    bundle = bundle_of(tmp_path / "b", run_folder)
    found = ask(bundle, tiny_data / "images" / "test1" / "0.png", output="difference")
    scores = inferred(run_folder / "model.pt", tiny_data, tmp_path / "out")
    assert found["result"]["anomaly_score"] == pytest.approx(scores["images/test1/0.png"], rel=1e-6)
    assert found["pred"].shape == (SIZE, SIZE)
