"""A command that is given the wrong thing says what it is, and the command that takes it."""

import shutil
import zipfile
from pathlib import Path

import pytest

from data_prep.phantom.study import make_films
from healthygan_monai.cli.main import main

SCORE = "healthygan score RUN {} OUTPUT"
TABLE = "a table, not a {}. Prepare the images that it lists; INPUT is their folder: " + (
    "healthygan prep {} INPUT {}-prepared --table {}"
)


@pytest.fixture(scope="module")
def things(trained, tiny_data, tmp_path_factory) -> Path:
    """A folder with one of each thing that people give to a command."""
    folder = tmp_path_factory.mktemp("things")
    make_films(folder / "raw", counts={"test": 2}, size=32)
    (folder / "raw" / "cohort.csv").unlink()
    shutil.copy(min((folder / "raw" / "films").iterdir()), folder / "one.dcm")
    (folder / "one.nii.gz").write_bytes(b"\x1f\x8b")
    (folder / "films.csv").write_text("image,subject,group\nfilms/a.dcm,P1,healthy\n")
    (folder / "heads.tsv").write_text("image\tsubject\nP1/T1.NII.gz\tP1\n")
    (folder / "films.xlsx").write_bytes(b"PK\x03\x04")
    (folder / "notes.txt").write_text("x")
    (folder / "empty").mkdir()
    shutil.copytree(trained, folder / "run")
    shutil.copytree(trained, folder / "runs" / "00000-tiny")
    shutil.copytree(tiny_data, folder / "data")
    return folder


@pytest.fixture
def said(things, monkeypatch, capsys):
    """said(words): what a command answers to the first of the things; no file may be written."""
    monkeypatch.chdir(things)

    def answer(*words: str) -> str:
        before = {path for path in things.rglob("*") if path.is_file()}
        assert main(list(words)) in (1, 2)
        assert {path for path in things.rglob("*") if path.is_file()} == before
        return capsys.readouterr().err

    return answer


@pytest.mark.parametrize("command", ["train", "check"])
def test_a_folder_of_runs_is_no_data_set(said, command):
    assert "a folder of runs, not a data set" in said(command, "runs")


@pytest.mark.parametrize("command", ["infer", "evaluate", "report", "pack"])
def test_a_folder_of_runs_is_no_run(said, command):
    told = "runs: a folder of runs, not a run. Give one of them, such as runs/00000-tiny."
    assert told in said(command, "runs")


def test_heads_in_a_spreadsheet_or_an_archive(tmp_path, monkeypatch, capsys):
    openpyxl = pytest.importorskip("openpyxl")
    monkeypatch.chdir(tmp_path)
    book = openpyxl.Workbook()
    for row in (["image", "subject", "group"], ["P1/T1.nii.gz", "P1", "healthy"]):
        book.active.append(row)
    book.save("heads.xlsx")
    with zipfile.ZipFile("heads.zip", "w") as archive:
        archive.writestr("P1/T1.nii.gz", b"")
    for name in ("heads.xlsx", "heads.zip"):
        assert main(["train", name]) == 2
        assert "healthygan prep brains " in capsys.readouterr().err


def test_an_unpacked_run_can_not_be_trained_on(trained, tmp_path, capsys):
    assert main(["pack", str(trained), str(tmp_path / "run.zip")]) == 0
    assert main(["unpack", str(tmp_path / "run.zip"), str(tmp_path / "got")]) == 0
    for words in (["train", str(tmp_path / "got")], ["train", "--resume", str(tmp_path / "got")]):
        capsys.readouterr()
        assert main(words) == 2
        assert "its training cannot go on" in capsys.readouterr().err


def test_a_draft_of_a_table_is_csv(things, tmp_path, capsys):
    assert main(["table", str(things / "raw"), str(tmp_path / "draft.xlsx")]) == 2
    assert "Name it draft.csv" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["train", "check"])
def test_what_is_no_data_set(said, command):
    for name in ("films.csv", "films.xlsx"):
        assert TABLE.format("data set", "films", "films", name) in said(command, name)
    told = TABLE.format("data set", "brains", "heads", "heads.tsv")
    assert told in said(command, "heads.tsv")
    assert "healthygan prep films one.dcm one.dcm-prepared" in said(command, "one.dcm")
    assert "healthygan prep brains one.nii.gz one.nii.gz-prepared" in said(command, "one.nii.gz")
    assert "healthygan prep films INPUT OUTPUT" in said(command, "notes.txt")
    assert "healthygan prep films INPUT empty" in said(command, "empty")
    assert "run: a run folder, not a data set" in said(command, "run")


RUNS = (
    ("evaluate", "{}"),
    ("report", "{}"),
    ("infer", "{}"),
    ("pack", "{}"),
    ("score", "{}", "raw", "out"),
)


@pytest.mark.parametrize("words", RUNS, ids=lambda words: words[0])
def test_what_is_no_run(said, words):
    def told(name: str) -> str:
        return said(*(word.format(name) for word in words))

    assert TABLE.format("run", "films", "films", "films.csv") in told("films.csv")
    for name in ("one.dcm", "one.nii.gz"):
        assert f"an image, not a run. To score it: {SCORE.format(name)}" in told(name)
    assert f"images, not a run. To score them: {SCORE.format('raw')}" in told("raw")
    assert "a data set, not a run. To train on it: healthygan train data" in told("data")
    assert "empty: not a run folder; they are named like runs/00003-demo" in told("empty")


def test_images_to_infer_that_are_not_prepared(said):
    def told(name: str) -> str:
        return said("infer", "run", name, "--output", "scored")

    assert "healthygan prep brains one.nii.gz" in told("one.nii.gz")
    assert "healthygan prep films one.dcm" in told("one.dcm")
    assert TABLE.format("data set", "films", "films", "films.csv") in told("films.csv")
    assert "run: a run folder, not a data set" in told("run")


@pytest.mark.parametrize("command", ["prep films", "prep brains", "score run"])
def test_a_table_or_a_run_in_place_of_the_images(said, command):
    told = said(*command.split(), "films.csv", "out")
    assert "films.csv: a table, not images" in told and "--table films.csv" in told
    assert "run: a run folder, not images" in said(*command.split(), "run", "out")


def test_an_archive_in_place_of_a_run(said, things):
    path = things / "run.healthygan.zip"
    path.write_bytes(b"PK\x05\x06" + bytes(18))
    assert f"healthygan unpack {path.name}" in said("score", path.name, "raw", "out")
    path.unlink()
