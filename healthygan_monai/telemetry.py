"""Switch off what libraries tell their makers; nothing of this project calls home."""

import importlib
import os
import sys
from types import ModuleType
from typing import Any

# the libraries' own switches, read when they load
SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime/Privacy.md; its wheels for Linux send since 1.29
    "MLFLOW_DISABLE_TELEMETRY": "true",  # mlflow/telemetry/utils.py
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, which MONAI loads where it is installed
    "DO_NOT_TRACK": "true",  # consoledonottrack.com; MLflow reads "true" alone
}


def switch_off() -> None:
    """Set the switches of all libraries, for this process and those that it starts.

    MONAI loads MLflow before a config of the bundle is read. What MLflow made then is unmade.
    """
    os.environ.update(SWITCHES)
    # OpenVINO has no switch but a file in the home folder. It does without the package that sends.
    absent: Any = None
    sys.modules.setdefault("openvino_telemetry", absent)
    loaded = sys.modules.get("mlflow.telemetry")
    if loaded is not None:
        loaded.set_telemetry_client()


def quiet_import(name: str) -> ModuleType:
    """Import a library with its telemetry off.

    Raises:
        ImportError: it is not installed.
    """
    switch_off()
    module = importlib.import_module(name)
    if name == "onnxruntime":
        module.disable_telemetry_events()  # events of Windows, which heed no variable
    return module
