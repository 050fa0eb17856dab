"""A disk that takes no more: one line with the place and the remedy, and nothing is lost."""

import errno
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from same_files import contents, differences
from tiny import TRAINING, train

from data_prep.phantom.study import make_films
from healthygan_monai.cli.main import main
from healthygan_monai.integrity.recorded import replacing_weights
from healthygan_monai.paths import read_run

resource = pytest.importorskip("resource")
MOST = 300  # bytes of a file; a limit of the system, as a full disk is
SET = [f"--set={key}={value}" for key, value in TRAINING.items() if key != "device"]


@pytest.fixture(autouse=True)
def _no_bytecode(monkeypatch) -> None:
    """Python may keep the bytecode of a module of which only a part found room."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # for programs that a command starts


@contextmanager
def no_room() -> Iterator[None]:
    """Let every file that is written fail after ``MOST`` bytes, as PyTorch's C++ sees it too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def one_line(capsys) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.fixture(scope="module")
def scored(trained, tmp_path_factory) -> Path:
    run = shutil.copytree(trained, tmp_path_factory.mktemp("full") / trained.name)
    assert main(["infer", str(run), "-q"]) == 0
    assert main(["evaluate", str(run), "--bootstrap", "20", "-q"]) == 0
    assert main(["report", str(run), "-q"]) == 0
    return run


COMMANDS = {
    "infer": (["infer", "RUN"], "pictures/"),
    "infer elsewhere": (["infer", "RUN", "DATA", "--output", "OUT"], "pictures/"),
    "evaluate": (["evaluate", "RUN", "--bootstrap", "20"], "evaluation.json"),
    "report": (["report", "RUN"], "report.html"),
    "select": (["select", "RUN", "--criterion", "aucp"], "run.json"),
    "torchscript": (["export", "torchscript", "RUN", "OUT.ts"], "OUT.ts"),
    "onnx": (["export", "onnx", "RUN", "OUT.onnx"], "OUT.onnx"),
    "authors": (["export", "authors", "RUN", "OUT-G.ckpt"], "OUT-G.ckpt"),
    "zoo": (["export", "zoo", "OUT", "--model", "RUN"], "OUT"),
    "huggingface": (["export", "huggingface", "OUT", "--model", "RUN"], "OUT"),
    "benchmark": (
        ["benchmark", "DATA", "--methods", "padim", "--seeds", "0", "--out", "OUT"],
        "OUT",
    ),
    "train": (["train", "DATA", "--runs-dir", "OUT", "--device", "cpu", *SET], "OUT/00000-tiny"),
    "another method": (["train", "DATA", "--method", "mean-intensity", "--runs-dir", "OUT"], "OUT"),
    "films": (["prep", "phantom", "films", "OUT"], "OUT/films"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_names_the_place_and_the_remedy_and_keeps_what_was_there(
    scored, tiny_data, tmp_path, capsys, name
):
    words, place = COMMANDS[name]
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    run, out = shutil.copytree(scored, tmp_path / "run"), tmp_path / "OUT"
    names = {"RUN": str(run), "DATA": str(tiny_data)}
    given = [names.get(w, w.replace("OUT", str(out), 1) if "OUT" in w else w) for w in words]
    before = contents(run)
    with no_room():
        assert main([*given, "-q"]) == 1
    # a cell of a benchmark that failed has a line of its own
    line = capsys.readouterr().err.splitlines()[-1] if name == "benchmark" else one_line(capsys)
    assert line.startswith("error: File too large: ") and "; " in line, line
    assert place.replace("OUT", str(out)) in line
    assert not list(tmp_path.rglob("*.tmp"))
    if name != "select":  # the critic's file may go, which select makes again
        assert contents(run) == before


def test_a_preparation_stops_at_the_first_image_it_cannot_write(tmp_path, capsys):
    """No other input would fare better; with room, the same command goes on."""
    counts = dict.fromkeys(("training_mixed", "training_healthy", "validation", "test"), 2)
    raw, out = make_films(tmp_path / "raw", counts=counts, size=64), tmp_path / "OUT"
    words = ["prep", "films", str(raw), str(out), "--table", str(raw / "cohort.csv"), "-q"]
    words += ["--pseudonyms", "given"]  # and no key to write
    with no_room():
        assert main([*words, "--jobs", "1"]) == 1
    line = one_line(capsys)
    assert line.startswith(f"error: File too large: {out}/images/") and line.count("; ") == 2
    assert line.endswith("; run the same command again to go on from here")
    assert not list(out.rglob("*.png")) and not list(out.rglob("*.tmp"))
    assert main(words) == 0


def test_a_training_that_finds_no_room_says_how_to_go_on_and_ends_the_same(
    tiny_data, tmp_path, capsys, monkeypatch
):
    from healthygan_monai.training.checkpoints import RunCheckpoints

    straight = train(tmp_path / "straight", tiny_data)
    end_epoch = RunCheckpoints.end_epoch

    def then_full(self, engine) -> None:
        end_epoch(self, engine)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, before[1]))

    monkeypatch.setattr(RunCheckpoints, "end_epoch", then_full)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    words = ["train", str(tiny_data), "--runs-dir", str(tmp_path / "runs"), "--device", "cpu", *SET]
    try:
        code = main([*words, "-q"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 1
    (run,) = (tmp_path / "runs").iterdir()
    line = one_line(capsys)
    assert f"error: File too large: {run}" in line
    assert line.endswith(f"; to go on: healthygan train --resume {run}")
    monkeypatch.setattr(RunCheckpoints, "end_epoch", end_epoch)
    assert main(["train", "--resume", str(run), "-q"]) == 0
    assert differences(straight, run) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a file is no folder there either, otherwise")
@pytest.mark.parametrize("name", [n for n in COMMANDS if any("OUT" in w for w in COMMANDS[n][0])])
def test_a_place_that_cannot_be_a_folder_is_named(scored, tiny_data, tmp_path, capsys, name):
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    (tmp_path / "file").touch()
    names = {"RUN": str(scored), "DATA": str(tiny_data)}
    out = str(tmp_path / "file" / "OUT")
    given = [names.get(w, w.replace("OUT", out, 1) if "OUT" in w else w) for w in COMMANDS[name][0]]
    assert main([*given, "-q"]) in (1, 2)
    line = one_line(capsys)
    assert str(tmp_path / "file") in line and "; " in line
    assert "fault of the program" not in line


def test_a_choice_that_found_no_room_leaves_the_sums_of_the_model_that_stays(scored, tmp_path):
    run = shutil.copytree(scored, tmp_path / "run")
    before, refused = read_run(run), OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError), replacing_weights(run):
        assert "weights_sha256" not in read_run(run)
        raise refused
    assert read_run(run) == before
    with pytest.raises(OSError), replacing_weights(run):
        (run / "model.pt").write_bytes(b"another")
        raise refused
    assert "weights_sha256" not in read_run(run)
