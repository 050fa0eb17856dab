"""Python programs that a test runs in another process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import warm


def python(*words: str | Path, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python; fail with what it printed if it ends with another exit code."""
    return _ended([sys.executable, *words], code, options)


def warm_python(*words: str | Path, code: int = 0, **options: Any):
    """As ``python``, in a fork of a process that has PyTorch and MONAI loaded already."""
    return _ended([warm.executable(), *words], code, options)


def _ended(words: list[str | Path], code: int, options: dict[str, Any]):
    done = subprocess.run(
        [*map(str, words)], capture_output=True, text=True, timeout=230, **options
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done
