"""Exported generators as networks: what infer, the report and the bundle's configs run instead of model.pt."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from healthygan_monai.models.exported_facts import Facts, facts_of

RUNTIMES = {".pt": "pytorch", ".ts": "torchscript", ".onnx": "onnxruntime"}


class ExportedNetwork(nn.Module):
    """(B, C, H, W) in [-1, 1], H and W divisible by 4 -> (B, C + 1, H, W), as ``networks.Generator``.

    ``facts`` came with the file, ``runtime`` computes it.
    """

    runtime = "pytorch"

    def __init__(self, path: Path, facts: Facts) -> None:
        super().__init__()
        self.path, self.facts = path, facts
        self.image_channels = facts.image_channels


class TorchScriptNetwork(ExportedNetwork):
    """A .ts file of ``healthygan export torchscript``."""

    runtime = "torchscript"

    def __init__(self, path: Path) -> None:
        from monai.data import load_net_with_metadata

        try:
            network, metadata, _ = load_net_with_metadata(
                str(path), map_location=torch.device("cpu")
            )
        except json.JSONDecodeError:  # no metadata at all
            facts_of({}, path.name)
            raise
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{path}: not a TorchScript file that PyTorch can read.") from error
        super().__init__(path, facts_of(metadata.get("healthygan", {}), path.name))
        self.network = network.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)


class OnnxNetwork(ExportedNetwork):
    """An .onnx file of ``healthygan export onnx``, computed by ONNX Runtime on the CPU.

    On CUDA images it runs on the GPU where the installed ONNX Runtime can, and else on the CPU all the same.
    """

    runtime = "onnxruntime"

    def __init__(self, path: Path) -> None:
        runtime = needed("onnxruntime", f"scoring with {path.name}")
        try:
            session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's classes share no other ancestor
            raise ValueError(f"{path}: not an ONNX file that ONNX Runtime can read.") from error
        names = [
            [v.name for v in values] for values in (session.get_inputs(), session.get_outputs())
        ]
        facts = facts_of(session.get_modelmeta().custom_metadata_map, path.name)
        if names != [["image"], ["pred"]]:
            raise ValueError(f"{path}: its input and output are {names}; expected image and pred.")
        super().__init__(path, facts)
        self.sessions = {"cpu": session}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = np.ascontiguousarray(images.detach().cpu().numpy(), dtype=np.float32)
        (pred,) = self._session(images.device.type).run(["pred"], {"image": values})
        return torch.as_tensor(pred, device=images.device)

    def _session(self, device: str) -> Any:
        if device not in self.sessions:
            runtime = importlib.import_module("onnxruntime")
            gpu = "CUDAExecutionProvider"
            use = device == "cuda" and gpu in runtime.get_available_providers()
            self.sessions[device] = (
                runtime.InferenceSession(str(self.path), providers=[gpu, "CPUExecutionProvider"])
                if use
                else self.sessions["cpu"]
            )
        return self.sessions[device]


def is_exported(path: Path | str) -> bool:
    """Whether a model's file is an exported one, told by its ending."""
    return Path(path).suffix in (".ts", ".onnx")


def load_exported(path: Path | str) -> ExportedNetwork:
    """The network in a .ts or .onnx file, in evaluation mode.

    Raises:
        FileNotFoundError: no such file.
        ModuleNotFoundError: ONNX Runtime is not installed.
        ValueError: the file is broken, or carries no facts about itself.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such model. Make one: healthygan export onnx runs/00000-NAME {path.name}."
        )
    return (OnnxNetwork if path.suffix == ".onnx" else TorchScriptNetwork)(path).eval()


def needed(module: str, what: str) -> Any:
    """An optional library.

    Raises:
        ModuleNotFoundError: it is missing; says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModuleNotFoundError(
            f'{what} needs {module}, which is not installed: pip install "healthygan-monai[onnx]".'
        ) from error


def checked_output(path: Path, suffix: str) -> Path:
    """``path``, where a file of that ending can be written.

    Raises:
        ValueError: another ending, which ``infer`` would not know the file by; or a folder.
    """
    if path.suffix != suffix or path.is_dir():
        raise ValueError(
            f"{path}: expected the name of a {suffix} file to write, such as model{suffix}."
        )
    if path.parent.exists() and not path.parent.is_dir():
        raise ValueError(f"{path}: {path.parent} is a file, not a folder; give another place.")
    return path
