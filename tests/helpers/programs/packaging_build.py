"""Calling the build backend as pip would."""

import subprocess
import sys
from pathlib import Path


def built(kind: str, source: Path, output: Path) -> Path:
    """Build a source tree as pip would; return the file. kind is wheel or sdist."""
    output.mkdir(parents=True, exist_ok=True)
    call = f"from setuptools import build_meta as b; print(b.build_{kind}({str(output)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return output / done.stdout.strip().splitlines()[-1]
