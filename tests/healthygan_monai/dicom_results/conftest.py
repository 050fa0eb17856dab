"""DICOM results need highdicom: the extra ``dicom``."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

pytest.importorskip("highdicom")

Valid = Callable[[Sequence[Dataset]], list[Path]]


@pytest.fixture
def valid(tmp_path: Path) -> Valid:
    """Write results; where dciodvfy is installed it must find no error in any of them."""

    def write(results: Sequence[Dataset]) -> list[Path]:
        files = []
        for number, result in enumerate(results):
            path = tmp_path / f"result_{number}.dcm"
            result.save_as(path, enforce_file_format=True)
            files.append(path)
            if shutil.which("dciodvfy"):
                done = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
                errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
                assert errors == [], (number, errors)
        return files

    return write
