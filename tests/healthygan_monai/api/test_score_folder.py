"""The Python API gives what the commands give, and loses no file."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

import healthygan_monai as hg
from data_prep.files import read_json
from data_prep.phantom.study import make_films
from healthygan_monai.cli.main import main
from healthygan_monai.paths import RUN_FILE
from healthygan_monai.scoring import read_scores

COUNTS = {"training_mixed": 3, "training_healthy": 3, "validation": 2, "test": 3}


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    """A folder of DICOM films as a PACS exports it, with four files that no reader accepts."""
    folder = make_films(tmp_path_factory.mktemp("pacs"), counts=COUNTS, size=64, bad=True)
    shutil.rmtree(folder / "masks")
    (folder / "cohort.csv").unlink()
    return folder


@pytest.fixture(scope="module")
def film_run(trained: Path, tmp_path_factory) -> Path:
    """A run whose model was trained on films framed by another rule than the default one."""
    from data_prep.repeat import default_recipe

    run = shutil.copytree(trained, tmp_path_factory.mktemp("runs") / trained.name)
    recipe = default_recipe("films", 48)
    recipe["framing"] = {**recipe["framing"], "policy": "square"}
    facts = {**read_json(run / RUN_FILE), "recipe": recipe}
    (run / RUN_FILE).write_text(json.dumps(facts), encoding="utf-8")
    return run


@pytest.fixture(scope="module")
def scored(export: Path, film_run: Path, tmp_path_factory):
    """(result, the folder of its files)"""
    output = tmp_path_factory.mktemp("scored")
    model = hg.load_model(film_run, device="cpu")
    return model.score_folder(export, output=output, jobs=0), output


def test_raw_films_score_as_prep_and_infer_score_them(scored, export, film_run, tmp_path):
    result, _ = scored
    data = tmp_path / "data"
    code = main(
        ["prep", "films", str(export), str(data), "--size", "48", "--framing", "square", "-q"]
    )
    assert code == 3
    assert main(["infer", str(film_run), str(data), "--output", str(tmp_path / "out"), "-q"]) == 0
    with (tmp_path / "data.links.csv").open(newline="", encoding="utf-8") as stream:
        links = {row["image"]: row["input"] for row in csv.DictReader(stream) if row["image"]}
    expected = {links[row.image]: row.score for row in read_scores(tmp_path / "out" / "scores.csv")}
    found = {image.source: image.score for image in result}
    assert found.keys() == expected.keys() and len(found) == 11
    for name, score in expected.items():
        assert found[name] == pytest.approx(score, rel=1e-5), name


def test_files_that_cannot_be_used_are_listed_in_the_words_of_prep(scored, export, tmp_path):
    result, output = scored
    assert len(result) + len(result.problems) == sum(1 for p in export.rglob("*") if p.is_file())
    main(["prep", "films", str(export), str(tmp_path / "data"), "-q"])
    with (tmp_path / "data" / "skipped.csv").open(newline="", encoding="utf-8") as stream:
        told = {(row["reason"], row["remedy"]) for row in csv.DictReader(stream)}
    assert {(p.reason, p.remedy) for p in result.problems} == told
    assert (output / "skipped.csv").is_file()


def test_on_error_raise_names_the_files_and_the_reasons(film_run, export):
    with pytest.raises(
        hg.DataError, match=r"3 of 15 files cannot be used\. .*: empty file\."
    ) as caught:
        hg.load_model(film_run, "cpu").score_folder(export, on_error="raise", jobs=0)
    assert isinstance(caught.value, hg.HealthyGANError)
    assert all(word not in str(caught.value) for word in ("PHANTOM", "1.2.840"))


def test_the_order_is_that_of_the_files_and_subjects_are_pseudonyms(scored):
    result, _ = scored
    sources = [image.source for image in result]
    assert sources == sorted(sources)
    assert all(re.fullmatch(r"sub-[0-9a-z]{8,}", image.subject) for image in result)


def test_output_holds_what_infer_writes(scored):
    result, output = scored
    rows = {row.image: row.score for row in read_scores(output / "scores.csv")}
    assert rows == {image.image: image.score for image in result}
    for image in result:
        stem = output / "pictures" / Path(image.image).with_suffix("")
        for part in ("difference", "mask", "healthy"):
            with Image.open(stem.with_name(f"{stem.name}_{part}.png")) as picture:
                shown = np.asarray(picture)
            assert_allclose(shown / 255, getattr(image, part), atol=1.01 / 255)


def test_a_prepared_data_set_scores_as_infer_scores_it(own_run, tiny_data, tmp_path):
    result = hg.load_model(own_run, device="cpu").score_folder(tiny_data)
    assert main(["infer", str(own_run), str(tiny_data), "--output", str(tmp_path), "-q"]) == 0
    expected = read_scores(tmp_path / "scores.csv")
    assert [(r.image, r.subject, r.section, r.label, r.slice) for r in result] == [
        (r.image, r.subject, r.section, r.label, r.slice) for r in expected
    ]
    assert_allclose([r.score for r in result], [r.score for r in expected], rtol=1e-6)


def test_an_array_is_scored_as_the_png_that_holds_it(own_run, tiny_data):
    model = hg.load_model(own_run, device="cpu")
    for image in model.score_folder(tiny_data):
        pixels = np.asarray(Image.open(tiny_data / image.image))
        alone = model.translate(pixels)
        assert alone.score == pytest.approx(image.score, rel=1e-5)
        assert_allclose(model.translate(pixels / 255).difference, alone.difference, atol=1e-5)
        assert_array_equal(alone.input, image.input)


def test_maps_have_the_ranges_and_shapes_that_are_promised(scored):
    result, _ = scored
    for image in result:
        for name in ("input", "healthy", "mask", "difference"):
            part = getattr(image, name)
            assert part.shape == (32, 32) and part.dtype == np.float32
            assert part.min() >= 0 and part.max() <= 1
        assert image.difference.mean() == pytest.approx(image.score, rel=1e-4)
        assert_allclose(abs(image.input - image.healthy), image.difference, atol=1e-5)


def test_subject_scores_are_means_or_largest(scored):
    result, _ = scored
    of = {}
    for image in result:
        of.setdefault(image.subject, []).append(image.score)
    assert result.subject_scores() == pytest.approx({s: np.mean(v) for s, v in of.items()})
    assert result.subject_scores("max") == {s: max(v) for s, v in of.items()}
    with pytest.raises(hg.HealthyGANError, match="expected one of"):
        result.subject_scores("median")


def test_without_maps_scores_are_the_same_and_a_map_is_refused(own_run, tiny_data):
    model = hg.load_model(own_run, device="cpu")
    with_maps, bare = model.score_folder(tiny_data), model.score_folder(tiny_data, maps=False)
    assert [r.score for r in bare] == [r.score for r in with_maps]
    with pytest.raises(hg.HealthyGANError, match="maps=False kept none"):
        _ = bare[0].difference


def test_scores_by_the_brightest_places_are_those_of_infer(own_run, tiny_data, tmp_path):
    model = hg.load_model(own_run, device="cpu", score_by="top")
    result = model.score_folder(tiny_data, output=tmp_path / "new", maps=False)
    assert main(["infer", str(own_run), "--score-by", "top", "--device", "cpu", "-q"]) == 0
    expected = read_scores(own_run / "scores.csv")
    assert [r.score for r in result] == pytest.approx([r.score for r in expected], rel=1e-5)
    rows = read_scores(tmp_path / "new" / "scores.csv")
    assert {row.score_by for row in rows} == {"top"}
    with pytest.raises(hg.HealthyGANError, match="did you mean 'mean'"):
        hg.load_model(own_run, device="cpu", score_by="men")


def test_another_method_gives_its_scores_and_no_translation(tiny_data, tmp_path):
    main(["train", str(tiny_data), "--method", "mean-intensity", "--runs-dir", str(tmp_path), "-q"])
    (run,) = tmp_path.iterdir()
    model = hg.load_model(run, device="cpu")
    result = model.score_folder(tiny_data, output=tmp_path / "new")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["scores.csv"]
    assert main(["infer", str(run), "-q"]) == 0
    assert [r.score for r in result] == [r.score for r in read_scores(run / "scores.csv")]
    with pytest.raises(hg.HealthyGANError, match="mean-intensity makes none"):
        _ = result[0].healthy


def test_what_is_written_names_the_backbone_as_infer_does(tiny_data, tmp_path):
    words = ["--method", "padim", "--weights", "random", "--set=backbone=resnet18"]
    main(["train", str(tiny_data), *words, "--runs-dir", str(tmp_path / "runs"), "-q"])
    (run,) = (tmp_path / "runs").iterdir()
    hg.load_model(run, "cpu").score_folder(tiny_data, output=tmp_path / "out", maps=False)
    rows = read_scores(tmp_path / "out" / "scores.csv")
    assert {(r.method, r.backbone) for r in rows} == {("padim", "resnet18[random]")}


def test_a_16_bit_picture_of_a_folder_is_scored_as_by_infer(own_run, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 40)).astype(np.uint16)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(pixels).save(tmp_path / "pictures" / "film.png")
    folder = tmp_path / "pictures"
    result = hg.load_model(own_run, device="cpu").score_folder(folder, prepared=True)
    words = [str(own_run), str(folder), "--output", str(tmp_path / "out"), "-q"]
    assert main(["infer", *words]) == 0
    assert [r.score for r in result] == [r.score for r in read_scores(tmp_path / "out/scores.csv")]


def test_an_unknown_option_is_named_with_those_that_there_are(film_run, export):
    with pytest.raises(hg.DataError, match=r"options: 'viewz' unknown for films; .*views"):
        hg.load_model(film_run, "cpu").score_folder(export, options={"viewz": 1})


def test_saved_pictures_hold_the_maps(own_run, tiny_data, tmp_path):
    result = hg.load_model(own_run, device="cpu").score_folder(tiny_data)[0]
    files = result.save_pictures(tmp_path, "first")
    assert [f.name for f in files] == [f"first_{n}.png" for n in ("difference", "mask", "healthy")]
    shown = np.asarray(Image.open(files[0])) / 255
    assert_allclose(shown, result.difference, atol=0.51 / 255)


def test_nothing_is_left_in_the_temporary_folder(film_run, export, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(p for p in export.rglob("*"))
    hg.load_model(film_run, "cpu").score_folder(export)
    assert list(tmp_path.iterdir()) == [] and sorted(p for p in export.rglob("*")) == before


def test_folders_named_like_sections_are_scored_all_the_same(film_run, export, tmp_path):
    for number, name in enumerate(("train", "healthy", "elsewhere")):
        (tmp_path / name).mkdir()
        shutil.copy(export / "films" / f"IM000{number + 1}.dcm", tmp_path / name)
    result = hg.load_model(film_run, "cpu").score_folder(tmp_path, jobs=0)
    assert len(result) == 3 and {r.section for r in result} == {"test"}


def test_a_single_file_is_scored_too(film_run, export):
    result = hg.load_model(film_run, "cpu").score_folder(export / "films" / "IM0001.dcm", jobs=0)
    assert [r.source for r in result] == ["IM0001.dcm"]


def test_a_key_file_keeps_pseudonyms_between_models(film_run, export, tmp_path):
    def subjects(**choices):
        found = hg.load_model(film_run, "cpu").score_folder(
            export / "films", jobs=0, maps=False, **choices
        )
        return [r.subject for r in found]

    assert subjects() != subjects()
    key = tmp_path / "my.key"
    assert subjects(key_file=key) == subjects(key_file=key)


def test_brain_volumes_score_as_prep_and_infer_score_them(trained, tmp_path):
    from data_prep.phantom.brains import make_brains

    make_brains(tmp_path / "raw", counts={"test": 2})
    (tmp_path / "raw" / "cohort.csv").unlink()
    shutil.rmtree(tmp_path / "raw" / "masks", ignore_errors=True)
    raw, data = tmp_path / "raw", tmp_path / "data"
    assert (
        main(["prep", "brains", str(raw), str(data), "--size", "32", "--pseudonyms", "given", "-q"])
        == 0
    )
    assert main(["infer", str(trained), str(data), "--output", str(tmp_path / "out"), "-q"]) == 0
    model = hg.load_model(trained, device="cpu")
    assert model.recipe is None
    result = model.score_folder(raw, pseudonyms="given", jobs=0)
    expected = read_scores(tmp_path / "out" / "scores.csv")
    assert [(r.image, r.subject, r.slice) for r in result] == [
        (r.image, r.subject, r.slice) for r in expected
    ]
    assert_allclose([r.score for r in result], [r.score for r in expected], rtol=1e-6)
