"""Python programs that a test runs in another process."""

import subprocess
import sys
from pathlib import Path
from typing import Any


def python(*words: str | Path, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python; fail with what it printed if it ends with another exit code."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=230, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return done
