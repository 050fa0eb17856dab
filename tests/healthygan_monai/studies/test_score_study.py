"""``healthygan score``: scores of prep and infer, every file of OUTPUT, nothing of a patient."""

import csv
import gc
import json
import re
import shutil
import subprocess
import sys
import weakref
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from served_bundle import ask, bundle_of

import healthygan_monai as hg
from data_prep.files import read_json, sha256
from data_prep.phantom.study import make_films
from data_prep.repeat import Work, default_recipe
from healthygan_monai.api.results import Problem
from healthygan_monai.paths import RUN_FILE
from healthygan_monai.scoring import read_scores
from healthygan_monai.studies.results import ALL_REACH
from healthygan_monai.studies.score import score_cases
from healthygan_monai.view.study import open_cases

COUNTS = {"training_mixed": 3, "training_healthy": 3, "validation": 2, "test": 3}
RECIPE = {**default_recipe("films", 48), "framing": {"policy": "square"}}
INLINE = Work(0)


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    """A folder of DICOM films as a PACS exports it, with four files that no reader accepts."""
    folder = make_films(tmp_path_factory.mktemp("Meier_Hans"), counts=COUNTS, size=64, bad=True)
    shutil.rmtree(folder / "masks")
    (folder / "cohort.csv").unlink()
    return folder


@pytest.fixture(scope="module")
def film_run(trained: Path, tmp_path_factory) -> Path:
    """A run that learned from films of 48 pixels, padded to squares."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("runs") / trained.name)
    (run / RUN_FILE).write_text(json.dumps({**read_json(run / RUN_FILE), "recipe": RECIPE}))
    return run


@pytest.fixture(scope="module")
def scored(export, film_run, tmp_path_factory) -> tuple[Path, int]:
    from healthygan_monai.cli.main import main

    output = tmp_path_factory.mktemp("scored") / "new"
    words = ["score", film_run, export, output, "--jobs", "1", "--device", "cpu", "-q"]
    return output, main([str(word) for word in words])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def turned(export: Path, folder: Path) -> Path:
    """A film whose rows run to the right (PS3.3 C.7.6.1.1.1), in a folder."""
    folder.mkdir(parents=True)
    film = pydicom.dcmread(next(path for path in sorted(export.rglob("*.dcm")) if is_whole(path)))
    film.PatientOrientation = ["R", "F"]
    film.save_as(folder / "film.dcm")
    return folder


def is_whole(path: Path) -> bool:
    return path.stat().st_size > 64 * 64 and "PixelData" in pydicom.dcmread(path, force=True)


def test_a_warning_names_the_options_of_this_command(export, film_run, tmp_path, run):
    raw, output = turned(export, tmp_path / "in"), tmp_path / "out"
    words = [film_run, raw, output, "--jobs", "1", "--device", "cpu"]
    assert run("score", *words)[0] == 0
    (case,) = table(output / "cases.csv")
    assert case["warnings"].endswith(r"Orientation R\F, which --options orient=header undoes")
    shutil.rmtree(output)
    assert run("score", *words, "--options", "orient=header")[0] == 0
    (case,) = table(output / "cases.csv")
    assert case["warnings"].endswith("turned upright")


def test_a_warning_advises_no_table_where_none_can_be_given(export, film_run, tmp_path, run):
    raw = tmp_path / "in"
    for number, sex in enumerate("MF"):
        film = turned(export, raw / str(number))
        (path,) = film.iterdir()
        header = pydicom.dcmread(path)
        header.PatientID, header.PatientSex = "NR1", sex
        header.PixelData = bytes([number]) + header.PixelData[1:]
        header.save_as(path)
    _, _, said = run("score", film_run, raw, tmp_path / "out", "--jobs", "1", "--device", "cpu")
    assert "1 patient IDs go with several years of birth or sexes" in said
    assert "Each counts as one subject.\n" in said and "--table" not in said


def test_scores_are_those_of_prep_and_infer(scored, export, film_run, tmp_path, run):
    output, code = scored
    assert code == 3
    data, key = tmp_path / "data", output.with_name("new.key")
    words = ["--size", "48", "--framing", "square", "--key", key, "-q"]
    assert run("prep", "films", export, data, *words)[0] == 3
    infer = ["--output", tmp_path / "out", "--device", "cpu", "-q"]
    assert run("infer", film_run, data, *infer)[0] == 0
    expected = {row.image: row for row in read_scores(tmp_path / "out" / "scores.csv")}
    found = {row.image: row for row in read_scores(output / "scores.csv")}
    assert len(found) == 11 and found.keys() == expected.keys()
    for image, row in found.items():  # in batches of another size the last digit differs
        assert row.score == pytest.approx(expected[image].score, rel=1e-6)
        assert replace(row, score=0) == replace(expected[image], score=0)
    said, own = (read_json(folder / "scores.json") for folder in (tmp_path / "out", output))
    assert said["weights_sha256"] == own["weights_sha256"] == sha256(film_run / "model.pt")


def test_the_server_gives_a_film_the_same_score(export, tmp_path, trained):
    bundle = bundle_of(tmp_path, trained)
    path = bundle / "models" / "serving.json"
    path.write_text(json.dumps({**read_json(path), "recipe": default_recipe("films", 32)}))
    model = hg.load_model(bundle, "cpu")
    options = {"views": "any", "burned_in": "allow"}
    cases = [
        case
        for case in score_cases(model, export / "films", options=options, work=INLINE)
        if not isinstance(case, Problem)
    ]
    assert len(cases) == 11
    for case in cases:
        answer = ask(bundle, case.source)
        assert case.score == answer["result"]["anomaly_score"]
        assert case.difference.shape == tuple(answer["pred"].shape[::-1])
        assert np.array_equal(case.marked, answer["pred"].numpy().T == 255)
        assert case.map_threshold.value == answer["result"]["threshold"]


def test_every_case_has_its_maps_in_the_size_of_its_film(scored):
    output, _ = scored
    cases = table(output / "cases.csv")
    assert [float(row["score"]) for row in cases] == sorted(
        (float(row["score"]) for row in cases), reverse=True
    )
    names = {row["name"] for row in cases}
    written = {path.name for path in (output / "maps").iterdir()}
    assert written == {f"{name}{end}.png" for name in names for end in ("", "_marked")}
    about = read_json(output / "about.json")
    assert about["use"] == "research, not for diagnosis" and about["cases"] == 11
    for row in cases:
        grey = np.asarray(Image.open(output / "maps" / f"{row['name']}.png"))
        marked = np.asarray(Image.open(output / "maps" / f"{row['name']}_marked.png"))
        assert grey.shape == marked.shape == (64, 64) and set(np.unique(marked)) <= {0, 255}
        assert (marked > 0).mean() == pytest.approx(float(row["marked_share"]))
        level = about["map_threshold"]["value"] / about["white"] * 255
        assert np.all(np.abs(grey[(marked > 0) != (grey >= level)] - level) <= 1)


def test_the_viewer_finds_each_film_and_its_maps(scored):
    output, _ = scored
    found = open_cases(output)
    assert len(found.rows) == 11
    for index in range(len(found.rows)):
        for part, mode in (("image", "L"), ("difference", "L"), ("mask", "L")):
            folder, name = found.place(index, part)
            with Image.open(folder / name) as picture:
                assert picture.mode == mode and picture.size[0] == picture.size[1]


def test_what_could_not_be_used_is_listed_with_flags_of_this_command(scored):
    output, _ = scored
    rows = table(output / "skipped.csv")
    assert len(rows) == 4 and all(row["reason"] for row in rows)
    assert not re.search(r"--(?!options|timeout|memory|jobs|key)", str(rows))


def test_the_list_is_one_page_sorted_by_score_that_loads_nothing(scored):
    output, _ = scored
    page = (output / "list.html").read_text(encoding="utf-8")
    names = re.findall(r"<code>(.+?)</code>", page)
    assert names == [row["name"] for row in table(output / "cases.csv")]
    assert page.count("<img ") == page.count('src="data:image/jpeg;base64,') == 22
    assert not re.search(r"https?:|url\(|<script|<link|@import", page)
    assert "Not for diagnosis" in page.replace("not for diagnosis", "Not for diagnosis")
    assert "Not scored: 4" in page
    assert "Score of an image: mean of the difference map." in page
    assert "trained by the recipe paper" in page


def test_nothing_of_a_patient_is_in_output(scored, export):
    output, _ = scored
    words = [b"Phantom", b"PHANTOM", b"PHA0", b"Meier", b"IM00", str(export).encode()]
    for path in (p for p in output.rglob("*") if p.is_file()):
        content = path.read_bytes() + path.relative_to(output).as_posix().encode()
        assert not [word for word in words if word in content], path
    assert b"IM00" in output.with_name("new.links.csv").read_bytes()


def test_a_second_run_into_the_same_folder_is_refused_and_changes_nothing(
    scored, export, film_run, run
):
    output, _ = scored
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    code, _, said = run("score", film_run, export, output)
    assert code == 2 and "not empty" in said
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


def test_a_key_in_output_is_refused(export, film_run, tmp_path, run):
    code, _, said = run("score", film_run, export, tmp_path / "o", "--key", tmp_path / "o" / "key")
    assert code == 2 and "must not lie in OUTPUT" in said


def test_options_are_the_recipes_and_unknown_ones_are_refused(export, film_run, tmp_path, run):
    words = [film_run, export, tmp_path / "o", "--jobs", "0", "--device", "cpu"]
    code, _, said = run("score", *words, "--options", "vews=any")
    assert code in (1, 2) and "vews" in said and "views" in said
    assert not list((tmp_path / "o").iterdir())


def test_a_folder_where_nothing_can_be_used_ends_with_one_and_says_why(film_run, tmp_path, run):
    given = tmp_path / "in"
    given.mkdir()
    (given / "a.dcm").write_bytes(b"")
    output = tmp_path / "o"
    code, said, _ = run("score", film_run, given, output, "--jobs", "0", "--device", "cpu")
    assert code == 1 and "empty file" in said
    assert [row["reason"] for row in table(output / "skipped.csv")] == ["empty file"]
    assert "0 cases" in (output / "list.html").read_text(encoding="utf-8")


def test_an_archive_gives_the_same_scores_and_names_its_members(export, film_run, tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for film in sorted((export / "films").glob("IM*.dcm"))[:3]:
            archive.write(film, film.name)
    model = hg.load_model(film_run, "cpu")
    cases = list(score_cases(model, path, work=INLINE))
    assert all(case.files == (case.source,) for case in cases)
    assert {case.source for case in cases} == {(path, f"IM000{n}.dcm") for n in (1, 2, 3)}


def test_no_map_is_kept_once_its_case_has_gone(export, film_run):
    model, gone = hg.load_model(film_run, "cpu"), []
    for case in score_cases(model, export / "films", work=INLINE):
        if not isinstance(case, Problem):
            gc.collect()
            assert sum(each() is not None for each in gone) <= 1
            gone.append(weakref.ref(case.difference))
    assert len(gone) == 11


def test_a_method_without_maps_is_scored_and_listed(export, rival, tmp_path, run):
    rival(tmp_path / "model.pt")
    output = tmp_path / "o"
    words = [tmp_path / "model.pt", export, output, "--jobs", "0", "--device", "cpu"]
    code, said, _ = run("score", *words)
    assert code == 3, said
    assert len(read_scores(output / "scores.csv")) == 11
    assert not (output / "maps").exists()
    page = (output / "list.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 11
    assert "Score of an image: that of mean-intensity." in page


def test_the_page_shows_the_highest_scores_of_many_cases(
    export, film_run, tmp_path, run, monkeypatch
):
    monkeypatch.setattr("healthygan_monai.studies.results.PICTURED", 2)
    words = ["--jobs", "0", "--device", "cpu", "--score-by", "top"]
    code, said, _ = run("score", film_run, export, tmp_path / "o", *words)
    assert code == 3, said
    page = (tmp_path / "o" / "list.html").read_text(encoding="utf-8")
    assert page.count("<article>") == 11 and page.count("<img ") == 4
    assert page.rindex("<img ") < page.index("</article>", page.index("</article>") + 1)
    assert "The 2 highest scores have pictures here" in page
    assert "Score of an image: mean of the brightest 2 % of the smoothed" in page


def test_the_promised_threshold_comes_first_and_is_a_line_of_the_list(
    export, film_run, tmp_path, run
):
    own = shutil.copytree(film_run, tmp_path / "run")
    scores = sorted(
        case.score
        for case in score_cases(hg.load_model(own, "cpu"), export / "films", work=INLINE)
        if hasattr(case, "score")
    )
    cut = {"threshold": scores[4], "chosen_on": "5 images", "label_chosen": False}
    from healthygan_monai.serving.describe import describe, write_description

    content = describe(own / "model.pt")
    promised = {**cut, "policy": "promised", "false_alarm_rate": 0.05}
    del promised["label_chosen"]
    content["promised_thresholds"] = {"image": promised}
    content["score_thresholds"] = {
        "image": {"threshold": 9.0, "policy": "youden", "chosen_on": "validation"}
    }
    write_description(content, own)
    output = tmp_path / "o"
    code, said, _ = run("score", own, export, output, "--jobs", "0", "--device", "cpu")
    assert code == 3 and "scored: 11, 7 of them reach the threshold" in said
    above = [row["above"] for row in table(output / "cases.csv")]
    assert above == ["yes"] * 7 + ["no"] * 4
    page = (output / "list.html").read_text(encoding="utf-8")
    before, after = page.split('class="cut"')
    assert before.count("<article>") == 7 and after.count("<article>") == 4
    assert "promised, 5 % false alarms" in page
    assert ALL_REACH not in said + page


@pytest.mark.parametrize(("number", "told"), [(4, False), (5, True)])
def test_a_threshold_that_every_case_reaches_is_said_to_mean_nothing(
    export, film_run, tmp_path, run, number, told
):
    own, few = shutil.copytree(film_run, tmp_path / "run"), tmp_path / "few"
    from healthygan_monai.serving.describe import describe, write_description

    cut = {"threshold": 0.0, "policy": "youden", "chosen_on": "validation"}
    content = {**describe(own / "model.pt"), "score_thresholds": {"image": cut}}
    write_description(content, own)
    few.mkdir()
    for path in [path for path in sorted(export.rglob("*.dcm")) if is_whole(path)][:number]:
        shutil.copy(path, few)
    output = tmp_path / "o"
    code, said, _ = run("score", own, few, output, "--jobs", "0", "--device", "cpu")
    assert code == 0 and f"scored: {number}, {number} of them reach the threshold" in said
    page = (output / "list.html").read_text(encoding="utf-8")
    assert (ALL_REACH in said) is (ALL_REACH in page) is told


@pytest.mark.skipif(sys.platform == "win32", reason="nobody can be asked whether a process lives")
def test_what_a_killed_run_left_is_removed_and_other_hidden_files_are_named(
    export, film_run, tmp_path, run
):
    killed = (
        "import os, signal, sys; from pathlib import Path; from data_prep.files import temporary_in"
        "\nwith temporary_in(Path(sys.argv[1])) as left:"
        "\n    (Path(left) / 'prepared.png').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    output = tmp_path / "o"
    output.mkdir()
    subprocess.run([sys.executable, "-c", killed, str(output)], check=False)
    assert len(list(output.iterdir())) == 1
    words = ["score", film_run, export, output, "--jobs", "0", "--device", "cpu"]
    code, said, _ = run(*words)
    assert code == 3 and "scored: " in said
    assert not list(output.glob(".*"))
    shutil.rmtree(output)
    (output / ".keep").mkdir(parents=True)
    code, _, said = run(*words)
    assert code == 2 and "not empty (.keep, which is hidden)" in said
