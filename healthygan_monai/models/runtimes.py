"""What can compute an exported generator: one record a file ending. Importing this needs no torch.

A runtime is added here, with what writes its files in ``exchange.export.WRITERS``.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import NotInstalled, UsageError
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity import onnx as onnx_seal
from healthygan_monai.integrity import openvino as openvino_seal
from healthygan_monai.models.exported_facts import Facts, facts_of
from healthygan_monai.telemetry import quiet_import

if TYPE_CHECKING:
    import torch

PYTORCH = "pytorch"  # computes model.pt, which is not exported
WEIGHTS_OF_XML = ".bin"  # OpenVINO's second file


@dataclass(frozen=True)
class Runtime:
    """One way to compute an exported generator.

    Attributes:
        name: as in scores.csv and after ``infer --runtime``.
        suffix: of its files.
        form: word after ``healthygan export``.
        text: help of that command.
        read: file -> its facts, and what computes (B, C, H, W) -> (B, C + 1, H, W).
        beside: suffix of a second file of the same name, if the form has one.
    """

    name: str
    suffix: str
    form: str
    text: str
    read: Callable[[Path], tuple[Facts, Callable[[torch.Tensor], torch.Tensor]]]
    beside: str = ""


def read_torchscript(path: Path) -> tuple[Facts, Any]:
    """Read a .ts file; what computes is a module of PyTorch."""
    import torch
    from monai.data import load_net_with_metadata

    from healthygan_monai.integrity.weights import require_whole
    from healthygan_monai.paths import is_utf8

    require_whole(path)
    try:
        # PyTorch opens no path that is not UTF-8
        given: Any = str(path) if is_utf8(path) else io.BytesIO(path.read_bytes())
        network, metadata, _ = load_net_with_metadata(given, map_location=torch.device("cpu"))
    except json.JSONDecodeError:  # no metadata at all
        return facts_of({}, path.name), None
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: not a TorchScript file that PyTorch can read.") from error
    return facts_of(metadata.get("healthygan", {}), path.name), network


def facts_in_archive(path: Path) -> Facts:
    """Return the facts that a .ts file carries, without loading the program in it.

    Raises:
        ModelError: no such archive, or it carries none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith("/extra/metadata.json"))
            facts = json.loads(archive.read(name)).get("healthygan", {})
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: not a TorchScript file of this project.") from error
    return facts_of(facts, path.name)


class OnnxSessions:
    """An .onnx file, computed by ONNX Runtime on the CPU.

    CUDA images are computed on the GPU if the installed ONNX Runtime can, and else on the CPU.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.content = path, path.read_bytes()
        if onnx_seal.is_changed(self.content):
            raise ModelError(f"{path}: damaged or changed since it was exported. Export it again.")
        self.runtime = needed("onnxruntime", f"scoring with {path.name}", "onnx")
        try:
            self.sessions = {"cpu": self._open("CPUExecutionProvider")}
        except Exception as error:  # ONNX Runtime's classes share no other ancestor
            raise ModelError(f"{path}: not an ONNX file that ONNX Runtime can read.") from error

    def _open(self, *providers: str) -> Any:
        return self.runtime.InferenceSession(self.content, providers=list(providers))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        import numpy as np
        import torch

        values = np.ascontiguousarray(images.detach().cpu().numpy(), dtype=np.float32)
        (pred,) = self.session(images.device.type).run(["pred"], {"image": values})
        return torch.as_tensor(pred, device=images.device)

    def session(self, device: str) -> Any:
        """Return what computes the images of a device."""
        if device not in self.sessions:
            gpu = "CUDAExecutionProvider"
            use = device == "cuda" and gpu in self.runtime.get_available_providers()
            self.sessions[device] = (
                self._open(gpu, "CPUExecutionProvider") if use else self.sessions["cpu"]
            )
        return self.sessions[device]


def read_onnx(path: Path) -> tuple[Facts, OnnxSessions]:
    """Read an .onnx file of ``healthygan export onnx``."""
    sessions = OnnxSessions(path)
    session = sessions.session("cpu")
    facts = facts_of(session.get_modelmeta().custom_metadata_map, path.name)
    names = [[v.name for v in values] for values in (session.get_inputs(), session.get_outputs())]
    if names != [["image"], ["pred"]]:
        raise ModelError(f"{path}: its input and output are {names}; expected image and pred.")
    return facts, sessions


def read_openvino(path: Path) -> tuple[Facts, Callable[[torch.Tensor], torch.Tensor]]:
    """Read an .xml file of ``healthygan export openvino`` and the .bin beside it; for the CPU.

    Raises:
        ModelError: not such files, one missing, or one changed since the export.
    """
    openvino = needed("openvino", f"scoring with {path.name}", "openvino")
    weights_file = path.with_suffix(WEIGHTS_OF_XML)
    if not weights_file.is_file():
        raise ModelError(
            f"{path}: not an OpenVINO file with its weights; {weights_file.name} must be beside it."
        )
    graph, weights = path.read_bytes(), weights_file.read_bytes()
    core = openvino.Core()
    try:
        model = core.read_model(graph, weights)
        names = [[v.any_name for v in values] for values in (model.inputs, model.outputs)]
        found = [
            key for key in Facts.__dataclass_fields__ if model.has_rt_info(["healthygan", key])
        ]
        texts = {key: model.get_rt_info(["healthygan", key]).value for key in found}
    except RuntimeError as error:
        raise ModelError(f"{path}: not an OpenVINO file that OpenVINO can read.") from error
    facts = facts_of(texts, path.name)
    if openvino_seal.is_changed(graph, weights):
        raise ModelError(f"{path}: damaged or changed since it was exported. Export it again.")
    if names != [["image"], ["pred"]]:
        raise ModelError(f"{path}: its input and output are {names}; expected image and pred.")
    # without the hint some CPUs compute in bfloat16, which changes the output by 0.039
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def compute(images: torch.Tensor) -> torch.Tensor:
        import numpy as np
        import torch

        values = np.ascontiguousarray(images.detach().cpu().numpy(), dtype=np.float32)
        request = compiled.create_infer_request()  # one a call: threads cannot share one
        return torch.tensor(request.infer(values)[0], device=images.device)

    return facts, compute


RUNTIMES = {
    runtime.suffix: runtime
    for runtime in (
        Runtime(
            "torchscript",
            ".ts",
            "torchscript",
            "the generator for MONAI Deploy, C++ and infer",
            read_torchscript,
        ),
        Runtime(
            "onnxruntime", ".onnx", "onnx", "the generator for ONNX Runtime and infer", read_onnx
        ),
        Runtime(
            "openvino",
            ".xml",
            "openvino",
            "the generator for OpenVINO and infer: a .xml and a .bin file",
            read_openvino,
            beside=WEIGHTS_OF_XML,
        ),
    )
}


def runtime_name(path: Path | str) -> str:
    """Return the name of what computes a model's file."""
    runtime = RUNTIMES.get(Path(path).suffix)
    return PYTORCH if runtime is None else runtime.name


def is_exported(path: Path | str) -> bool:
    """Tell by its ending whether a model's file is an exported one."""
    return Path(path).suffix in RUNTIMES


def needed(module: str, what: str, extra: str) -> Any:
    """Import an optional library, with its telemetry off.

    Raises:
        NotInstalled: it is missing; says which ``extra`` of setup.cfg brings it.
    """
    try:
        return quiet_import(module)
    except ImportError as error:
        raise NotInstalled(
            f"{what} needs {module}, which is not installed: "
            f'pip install "healthygan-monai[{extra}]".'
        ) from error


def checked_output(path: Path, suffix: str) -> Path:
    """Return ``path`` if a file of that ending can be written there.

    Raises:
        UsageError: another ending, which ``infer`` would not know the file by; or a folder.
    """
    if path.suffix != suffix or path.is_dir():
        raise UsageError(
            f"{path}: expected the name of a {suffix} file to write, such as model{suffix}."
        )
    if path.parent.exists() and not path.parent.is_dir():
        raise UsageError(f"{path}: {path.parent} is a file, not a folder; give another place.")
    return path
