"""``healthygan listen --once``: from received files to DICOM results of their own study."""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import heads
import numpy as np
import pydicom
import pytest
from dicom_heads import write_stack

pytest.importorskip("highdicom")
pytest.importorskip("pynetdicom")

from data_prep.files import read_json
from data_prep.phantom.study import make_films
from data_prep.repeat import default_recipe
from data_prep.work.guard import Crashed
from data_prep.work.kept import why_ended
from healthygan_monai.cli.main import main
from healthygan_monai.node.queue import Queue


def run_with(trained: Path, folder: Path, kind: str) -> Path:
    own = shutil.copytree(trained, folder)
    facts = {**read_json(own / "run.json"), "recipe": default_recipe(kind, 32)}
    (own / "run.json").write_text(json.dumps(facts))
    return own


def receive(folder: Path, files: list[Path]) -> None:
    queue = Queue(folder)
    for path in files:
        uid = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        queue.receive(uid, "a", [path.read_bytes()])
    queue.close()


def listen(run: Path, tmp_path: Path, *words: str) -> int:
    to = ["--destination", str(tmp_path / "results"), "--queue", str(tmp_path / "queue")]
    return main(["listen", str(run), *to, "--device", "cpu", "--once", *words])


def test_films_have_four_results_each_of_their_own_study(trained, tmp_path, capfd):
    counts = {"training_mixed": 2, "training_healthy": 0, "validation": 0, "test": 0}
    films = sorted((make_films(tmp_path / "raw", counts=counts, size=64) / "films").glob("*.dcm"))
    receive(tmp_path / "queue", films)
    run = run_with(trained, tmp_path / "run", "films")
    assert listen(run, tmp_path, "--options", "views=any") == 0
    said = "".join(capfd.readouterr())
    sources = [pydicom.dcmread(path) for path in films]
    results = [pydicom.dcmread(path) for path in (tmp_path / "results").iterdir()]
    for source in sources:
        own = [one for one in results if one.PatientID == source.PatientID]
        own = [one for one in own if one.StudyInstanceUID == source.StudyInstanceUID]
        assert sorted(one.Modality for one in own) == ["OT", "SEG", "SEG", "SR"]
        for word in (source.PatientID, source.StudyInstanceUID, source.SOPInstanceUID):
            assert str(word) not in said
    assert len(results) == 8 and said.count(": score ") == 2
    receive(tmp_path / "queue", films)  # they come again
    assert listen(run, tmp_path, "--options", "views=any") == 0
    assert ": score " not in "".join(capfd.readouterr())


def test_a_warning_names_the_options_of_this_command(trained, tmp_path, capfd):
    counts = {"training_mixed": 1, "training_healthy": 0, "validation": 0, "test": 0}
    film = next((make_films(tmp_path / "raw", counts=counts, size=64) / "films").glob("*.dcm"))
    data = pydicom.dcmread(film)
    data.PatientOrientation = ["R", "F"]
    data.save_as(film)
    receive(tmp_path / "queue", [film])
    assert listen(run_with(trained, tmp_path / "run", "films"), tmp_path) == 0
    assert "which --options orient=header undoes" in capfd.readouterr().out


def test_the_slices_of_a_head_are_one_scan(trained, tmp_path, capfd):
    data = np.round(heads.phantom(21).image * 1000).astype(np.int16)
    write_stack(
        tmp_path / "in", data, heads.AFFINE, FrameOfReferenceUID="1.2.3.9", StudyInstanceUID="1.2.7"
    )
    files = sorted((tmp_path / "in").iterdir())
    receive(tmp_path / "queue", files)
    assert listen(run_with(trained, tmp_path / "run", "brains"), tmp_path) == 0
    said = capfd.readouterr().out
    assert said.startswith("study 1: score ") and f"{len(files)} images" in said
    maps = [pydicom.dcmread(path) for path in (tmp_path / "results").glob("*map*.dcm")]
    assert [int(one.NumberOfFrames) for one in maps] == [len(files)]


def test_the_extra_is_named_before_any_work(trained, tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "pynetdicom", None)
    assert listen(trained, tmp_path) == 2
    assert 'pip install "healthygan-monai[dicom]"' in capfd.readouterr().err
    assert not (tmp_path / "queue").exists()


@pytest.mark.parametrize("words", [["--tls-cert", "a.pem"], ["--tls-ca", "ca.pem"]])
def test_half_of_the_files_of_tls_is_refused(trained, tmp_path, capfd, words):
    assert listen(trained, tmp_path, *words) == 2
    assert "--tls-cert and --tls-key" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "70000"], "--port 70000: expected 0 (a free one) to 65535"),
        (["--ae-title", "LONGER_THAN_SIXTEEN"], "AE title 'LONGER_THAN_SIXTEEN': expected 1 to 16"),
        (["--ae-title", " "], "AE title ' ': expected 1 to 16"),
        (["--allow", "PACS", "A\\B"], "without a backslash"),
        (["--wait", "-1"], "--wait -1: expected seconds, 0 or more"),
        (["--wait", "nan"], "--wait nan"),
    ],
)
def test_an_invalid_address_is_a_wrong_usage(trained, tmp_path, capfd, words, told):
    assert listen(trained, tmp_path, *words) == 2
    said = capfd.readouterr().err
    assert told in said and said.count("\n") == 1
    assert not (tmp_path / "queue").exists()


@pytest.mark.parametrize(
    "where", ["healthygan_monai.studies.dicom", "healthygan_monai.node.scoring"]
)
def test_a_child_that_dies_costs_a_pause_and_no_results(
    trained, tmp_path, capfd, monkeypatch, where
):
    """The child of the results, then that of the preparation, which is tried film by film too."""
    counts = {"training_mixed": 1, "training_healthy": 0, "validation": 0, "test": 0}
    films = sorted((make_films(tmp_path / "raw", counts=counts, size=64) / "films").glob("*.dcm"))
    receive(tmp_path / "queue", films)
    run = run_with(trained, tmp_path / "run", "films")
    with monkeypatch.context() as patched:
        patched.setattr(f"{where}.decode", killed)
        patched.setattr("data_prep.work.guard.Guard.call", crashed)
        assert listen(run, tmp_path, "--options", "views=any") == 1
    said = capfd.readouterr().out
    assert "study 1: the decoder crashed on this input; next try in 5 s" in said
    assert "left in" in said and "1 images, 0 results" in said
    with closing(sqlite3.connect(tmp_path / "queue" / "queue.sqlite")) as base, base:
        base.execute("UPDATE studies SET next_try = 0")  # the pause is over
    assert listen(run, tmp_path, "--options", "views=any") == 0
    assert len(list((tmp_path / "results").iterdir())) == 4


def killed(function, arguments, limits):
    raise why_ended(Crashed(), limits)


def crashed(guard, function, arguments):
    if function.__name__ != "process_one":
        return function(*arguments)
    raise Crashed
