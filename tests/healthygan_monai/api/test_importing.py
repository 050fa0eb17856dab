"""Importing does nothing; errors say what the commands say; a typed client type-checks."""

import configparser
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import python

import healthygan_monai as hg
from healthygan_monai.cli.main import main

PROBE = """
import json, logging, os, random, sys, threading, warnings
def state():
    root = logging.getLogger()
    return [
        dict(os.environ), threading.active_count(), list(map(str, root.handlers)), root.level,
        [str(f) for f in warnings.filters], sorted(os.listdir(".")), str(random.getstate()), os.getcwd(),
        str(sys.excepthook), sorted(n for n in logging.root.manager.loggerDict),
    ]
logging, warnings, random, threading
before = state()
def heard(name, arguments):
    writes = name == "open" and set("wax+") & set(str(arguments[1]))
    if writes or name.startswith("socket."):
        print("heard", name, arguments, file=sys.stderr)
sys.dont_write_bytecode = True
sys.addaudithook(heard)
import healthygan_monai
dir(healthygan_monai)
healthygan_monai.__all__
after = state()
heavy = [name for name in ("torch", "monai", "numpy", "ignite", "PIL", "pydicom") if name in sys.modules]
print(json.dumps({"same": before == after, "heavy": heavy}))
"""

CLIENT = """
from pathlib import Path

import healthygan_monai as hg

model: hg.Model = hg.load_model(Path("runs/00000-films"), device="cpu")
found: hg.FolderResult = model.score_folder("export", on_error="list", maps=True)
for result in found:
    height, width = result.difference.shape
    text: str = f"{result.subject} {result.image} {result.score:.3f}"
    reveal_type(result)
    reveal_type(result.score)
    reveal_type(result.slice)
means: dict[str, float] = found.subject_scores("max")
problems: list[str] = [str(problem) for problem in found.problems]
model.score_folder("export", on_error="ignore")
"""

# mypy --strict, for the client alone
STRICT = dict.fromkeys(
    (
        *("disallow_any_generics", "disallow_subclassing_any", "disallow_untyped_calls"),
        *("disallow_untyped_defs", "disallow_incomplete_defs", "disallow_untyped_decorators"),
        *("warn_unused_ignores", "warn_return_any", "strict_equality", "extra_checks"),
    ),
    "True",
)


def test_importing_loads_nothing_and_changes_nothing(tmp_path, monkeypatch):
    root = str(Path(hg.__file__).resolve().parents[1])
    monkeypatch.setenv("PYTHONPATH", root)
    done = python("-c", PROBE, cwd=tmp_path)
    assert json.loads(done.stdout) == {"same": True, "heavy": []}
    assert "heard" not in done.stderr


def test_every_public_name_is_there_and_an_unknown_one_is_not():
    assert sorted(hg.__all__) == sorted({*hg.__all__}) and {*hg.__all__} <= set(dir(hg))
    assert all(getattr(hg, name) is not None for name in hg.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = hg.no_such_name  # type: ignore[attr-defined]


def test_a_client_type_checks_and_a_wrong_word_does_not(tmp_path):
    client, settings = tmp_path / "client.py", tmp_path / "mypy.ini"
    client.write_text(CLIENT, encoding="utf-8")
    root = Path(hg.__file__).resolve().parents[1]
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")  # as the packages are checked, so that what mypy kept serves
    config["mypy-client"] = STRICT
    with settings.open("w", encoding="utf-8") as file:
        config.write(file)
    done = python("-m", "mypy", "--config-file", settings, client, code=1, cwd=root)
    lines = [line for line in done.stdout.splitlines() if "client.py" in line]
    notes = [line.partition("note: ")[2] for line in lines if "note: Revealed" in line]
    assert [n.split('"')[1].replace("builtins.", "") for n in notes][:2] == [
        "healthygan_monai.api.results.ImageResult",
        "float",
    ]
    errors = [line for line in lines if ": error:" in line]
    assert len(errors) == 1 and "Literal['ignore']" in errors[0], done.stdout


def said(capsys: pytest.CaptureFixture, *words: str | Path) -> str:
    """What a command prints behind "error: "."""
    assert main([str(word) for word in words]) != 0
    return capsys.readouterr().err.strip().removeprefix("error: ")


@pytest.mark.parametrize("content", [b"no model", [1], {"main.0.weight": torch.zeros(2, 1, 7, 7)}])
def test_a_broken_model_raises_what_infer_prints(content, tiny_data, tmp_path, capsys):
    path = tmp_path / "model.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(hg.ModelError) as caught:
        hg.load_model(path)
    assert str(caught.value) == said(capsys, "infer", path, tiny_data, "--output", tmp_path / "o")


def test_an_absent_run_or_model_raises_what_infer_prints(tiny_data, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "runs", tmp_path / "empty"):
        with pytest.raises(hg.NoModel) as caught:
            hg.load_model(path)
        assert isinstance(caught.value, FileNotFoundError) and isinstance(
            caught.value, hg.HealthyGANError
        )
        assert str(caught.value) == said(capsys, "infer", path, tiny_data, "--output", tmp_path)


def test_a_device_that_is_not_there_raises_what_infer_prints(own_run, tiny_data, tmp_path, capsys):
    with pytest.raises(hg.HealthyGANError) as caught:
        hg.load_model(own_run, device="abacus")
    words = ("infer", own_run, tiny_data, "--output", tmp_path, "--device", "abacus")
    assert str(caught.value) == said(capsys, *words)


def test_unusable_folders_raise_what_prep_and_infer_print(own_run, tmp_path, capsys):
    model = hg.load_model(own_run, device="cpu")
    (tmp_path / "none").mkdir()
    for folder in (tmp_path / "none", tmp_path / "absent"):
        with pytest.raises(hg.HealthyGANError) as caught:
            model.score_folder(folder)
        assert str(caught.value) == said(capsys, "prep", "films", folder, tmp_path / "data", "-q")
    with pytest.raises(hg.DataError) as caught:
        model.score_folder(tmp_path / "none", prepared=True)
    words = ("infer", own_run, tmp_path / "none", "--output", tmp_path / "o")
    assert str(caught.value) == said(capsys, *words)


def test_a_damaged_data_set_raises_what_infer_prints(own_run, tiny_data, tmp_path, capsys):
    import shutil

    data = shutil.copytree(tiny_data, tmp_path / "data")
    model = hg.load_model(own_run, device="cpu")
    (data / "images" / "test0" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    with pytest.raises(hg.HealthyGANError) as caught:
        model.score_folder(data)
    words = ("infer", own_run, data, "--output", tmp_path / "o", "-q")
    assert str(caught.value) == said(capsys, *words)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 5), np.uint8), r"shape \(4, 5\)"),
        (np.zeros((2, 8, 8), np.uint8), r"shape \(2, 8, 8\)"),
        (np.zeros((0, 0), np.uint8), "shape"),
        (np.full((8, 8), 1.5), "from 1.5 to 1.5; expected uint8"),
        (np.full((8, 8), np.nan), "nan"),
        (np.zeros((8, 8), np.int32), "int32"),
    ],
)
def test_an_array_that_cannot_be_meant_is_refused(own_run, array, words):
    with pytest.raises(hg.DataError, match=words):
        hg.load_model(own_run, device="cpu").translate(array)


def test_wrong_choices_are_refused_before_any_work(own_run, tiny_data):
    model = hg.load_model(own_run, device="cpu")
    with pytest.raises(hg.HealthyGANError, match="expected list or raise"):
        model.score_folder(tiny_data, on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(hg.HealthyGANError, match="did you mean 'any'"):
        model.score_folder(
            tiny_data / "images", recipe={"kind": "films", "size": 32}, options={"views": "anny"}
        )
    with pytest.raises(hg.DataError, match="not a recipe"):
        model.score_folder(tiny_data / "images", recipe={"size": 32})
