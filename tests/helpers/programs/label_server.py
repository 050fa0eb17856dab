"""MONAI Label 0.8.5 in its own environment: built, started on the loopback, asked, stopped."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from places import ROOT

TORCH, MONAI, LABEL = "torch==2.13.0", "monai==1.6.1", "monailabel==0.8.5"
PATIENCE = 180  # seconds for a server to start


def environment() -> Path:
    """The environment's python: of the folder HEALTHYGAN_LABEL_ENV, else of a cache; built where it
    is not there.

    This checkout is installed into it anew every time.
    """
    cache = Path.home() / ".cache" / "healthygan" / "monailabel-0.8.5"
    folder = Path(os.environ.get("HEALTHYGAN_LABEL_ENV", cache))
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        build(folder)
    with checkout() as copy:
        pip(python, "--no-deps", "--force-reinstall", str(copy))
    return python


@contextmanager
def checkout() -> Iterator[Path]:
    """Copy the packages to build a wheel from; setuptools leaves a build folder behind."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "repository"
        copy.mkdir()
        for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy)
        for name in ("healthygan_monai", "data_prep", "bundle"):
            left_out = shutil.ignore_patterns("__pycache__", "eval")
            shutil.copytree(ROOT / name, copy / name, ignore=left_out)
        yield copy


def build(folder: Path) -> None:
    """docs/monai_label.md, "Install"; several minutes."""
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    constraint = folder / "torch.txt"
    constraint.write_text(TORCH + "\n")
    pip(python, "--upgrade", "pip", "setuptools", "wheel")
    pip(python, TORCH)
    with checkout() as copy:
        pip(python, "-c", str(constraint), "--build-constraint", str(constraint), LABEL, MONAI,
            "pydicom<3", "numpy<2", str(copy))  # fmt: skip
    pip(python, "dcmqi")
    run(python, "healthygan_monai.serving", "mend-torchvision")
    (folder / "ready").touch()


def pip(python: Path, *words: str) -> None:
    """Without SAM2_BUILD_CUDA=0 a part of MONAI Label would ask for a compiler of CUDA."""
    command = [str(python), "-m", "pip", "install", "-q", *words]
    done = subprocess.run(
        command, env={**clean(), "SAM2_BUILD_CUDA": "0"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def clean() -> dict[str, str]:
    """This process's environment without what points at its own packages."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}


def make_app(python: Path, folder: Path) -> Path:
    """MONAI Label's own app for bundles, copied out of its wheel."""
    run(python, "monailabel.main", "apps", "--download", "--name", "monaibundle",
        "--output", str(folder))  # fmt: skip
    return folder / "monaibundle"


def run(python: Path, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", module, *words]
    done = subprocess.run(command, env=clean(), cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@dataclass
class Reply:
    status: int
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> Reply:
        return self._open(urllib.request.Request(self.url + path))

    def infer(self, model: str, file: Path, kind: str, /, **params: Any) -> Reply:
        """POST /infer/MODEL?output=... with file and params, on the CPU, so that runs compare."""
        boundary = uuid.uuid4().hex
        fields = json.dumps({"device": "cpu", **params}).encode()
        lines = [
            f"--{boundary}\r\n".encode(),
            b'Content-Disposition: form-data; name="params"\r\n\r\n' + fields + b"\r\n",
            f"--{boundary}\r\n".encode(),
            f'Content-Disposition: form-data; name="file"; filename="{file.name}"\r\n'.encode(),
            b"Content-Type: application/octet-stream\r\n\r\n" + file.read_bytes() + b"\r\n",
            f"--{boundary}--\r\n".encode(),
        ]
        request = urllib.request.Request(
            f"{self.url}/infer/{model}?output={kind}",
            data=b"".join(lines),
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )
        return self._open(request)

    @staticmethod
    def _open(request: urllib.request.Request) -> Reply:
        start = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return Reply(answer.status, answer.read(), time.monotonic() - start)
        except urllib.error.HTTPError as error:
            return Reply(error.code, error.read(), time.monotonic() - start)


def launch(python: Path, app: Path, models: Sequence[str], folder: Path) -> Server:
    """A server's process, in a session of its own; not waited for."""
    (folder / "studies").mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    settings = {"models": ",".join(models), "zoo_source": "local", "sam2": "false"}
    settings["skip_trainers"] = "true"
    words = [str(python), "-m", "monailabel.main", "start_server", "--app", str(app)]
    words += ["--studies", str(folder / "studies"), "--host", "127.0.0.1", "--port", str(port)]
    for key, value in settings.items():
        words += ["--conf", key, value]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            words, stdout=stream, stderr=subprocess.STDOUT, env=clean(), cwd=folder,
            start_new_session=True,
        )  # fmt: skip
    return Server(f"http://127.0.0.1:{port}", log, process)


def stop(server: Server) -> None:
    """End it and what it started; by force where it does not listen."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if server.process.poll() is not None:
            return
        os.killpg(server.process.pid, kind)
        try:
            server.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def serving(python: Path, app: Path, models: Sequence[str], folder: Path) -> Iterator[Server]:
    """A server that answers, stopped whatever happens."""
    server = launch(python, app, models, folder)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if server.get("/info/").status == 200:
                    break
            except OSError:
                pass
            ended = server.process.poll() is not None
            assert not ended and time.monotonic() < deadline, server.log.read_text()[-3000:]
            time.sleep(1)
        yield server
    finally:
        stop(server)
