"""No command calls the makers of the libraries: README, "Nothing is sent anywhere"."""

import importlib.util
from pathlib import Path

import pytest
from heard import Heard, listened
from places import CONFIGS
from tiny import TRAINING

HEALTHYGAN = ("-m", "healthygan_monai")
# a number that a library gives to the machine, and what it keeps to send later
IDENTIFIERS = {"deviceid", "onnxruntime.db", "openvino_ga_cid", "telemetry.json"}
SETTINGS = {**TRAINING, "max_iterations": 2, "epoch_length": 1}
# libraries that call home when they are loaded, as the real ones do
SPIES = {
    "onnxruntime": """
if os.environ.get("ORT_DISABLE_TELEMETRY") != "1": call("onnxruntime")
def disable_telemetry_events(): print("events of Windows: off")
""",
    "openvino": """
try: import openvino_telemetry
except ImportError: pass
""",
    "openvino_telemetry": 'call("openvino")',
    "mlflow": """
if os.environ.get("MLFLOW_DISABLE_TELEMETRY") != "true": call("mlflow")
""",
}
CALL = """
import os, socket
def call(name):
    try: socket.getaddrinfo(name + ".invalid", 443)
    except OSError: pass
"""


def needs(*modules: str) -> pytest.MarkDecorator:
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")


def require_silent(heard: Heard) -> None:
    assert heard.calls == [], heard.printed
    assert heard.at_home & IDENTIFIERS == set()


@pytest.fixture
def spies(tmp_path: Path) -> str:
    folder = tmp_path / "spies"
    folder.mkdir()
    for name, text in SPIES.items():
        (folder / f"{name}.py").write_text(CALL + text)
    return str(folder)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "mlflow"])
def test_a_library_that_calls_home_when_it_loads_is_silenced_first(name, spies, tmp_path):
    heard = listened(tmp_path / "loud", "-c", f"import {name}", path=[spies])
    assert heard.calls == [f"socket.getaddrinfo {name}.invalid"]
    program = f"from healthygan_monai.models.runtimes import needed; needed({name!r}, 'a', 'b')"
    heard = listened(tmp_path / "quiet", "-c", program, path=[spies])
    assert heard.calls == []
    assert ("events of Windows: off" in heard.printed) == (name == "onnxruntime")


def test_every_command_silences_them_for_itself_and_its_children(spies, tmp_path):
    program = """
import subprocess, sys
from healthygan_monai.cli.main import main
main(["bundle-path"])
import mlflow, onnxruntime, openvino
subprocess.run([sys.executable, "-c", "import mlflow, onnxruntime"], check=True)
"""
    assert listened(tmp_path / "run", "-c", program, path=[spies]).calls == []


def test_mlflow_that_is_loaded_already_is_silenced_too(spies, tmp_path):
    folder = Path(spies) / "mlflow"
    folder.mkdir()
    (folder / "__init__.py").write_text("from mlflow import telemetry")
    text = """
import os
def set_telemetry_client():
    print("client:", os.environ.get("MLFLOW_DISABLE_TELEMETRY"))
set_telemetry_client()
"""
    (folder / "telemetry.py").write_text(text)
    program = "import mlflow; from healthygan_monai.telemetry import switch_off; switch_off()"
    heard = listened(tmp_path / "run", "-c", program, path=[spies])
    assert heard.printed.splitlines() == ["client: None", "client: true"]


@needs("onnx", "onnxscript", "onnxruntime")
@pytest.mark.parametrize("form", ["onnx", pytest.param("openvino", marks=needs("openvino"))])
def test_export_and_scoring_call_nobody(form, own_run, phantom_films, tmp_path):
    file = tmp_path / {"onnx": "model.onnx", "openvino": "model.xml"}[form]
    export = ["export", form, str(own_run), str(file)]
    infer = ["infer", str(file), str(phantom_films), "--output", str(tmp_path / "scores")]
    program = f"""
import healthygan_monai as hg
from healthygan_monai.cli.main import main
assert main({export}) == 0
hg.load_model({str(file)!r})
assert main({infer}) == 0
"""
    require_silent(listened(tmp_path / "home", "-c", program))


@needs("mlflow")
def test_a_tracked_training_calls_nobody(tiny_data, tmp_path):
    words = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    words = ["train", str(tiny_data), "--runs-dir", str(tmp_path / "runs"), *words]
    require_silent(
        listened(tmp_path / "train", *HEALTHYGAN, *words, "--tracking", "mlflow", cwd=tmp_path)
    )
    assert (tmp_path / "runs" / "mlruns.db").is_file()


@needs("mlflow")
def test_monais_own_command_calls_nobody(tiny_data, tmp_path):
    """MONAI loads MLflow before the config; MLflow then makes a number, but sends nothing."""
    given = {"config_file": CONFIGS / "train.json", "dataset_dir": tiny_data, "tracking": "mlflow"}
    given |= {"runs_dir": tmp_path / "runs", **SETTINGS}
    words = [str(word) for key, value in given.items() for word in (f"--{key}", value)]
    heard = listened(
        tmp_path / "train", "-m", "monai.bundle", "run", "training", *words, cwd=tmp_path
    )
    assert heard.calls == [] and (tmp_path / "runs" / "mlruns.db").is_file()
