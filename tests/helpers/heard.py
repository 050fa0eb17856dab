"""Run Python in a home of its own, and hear which hosts it calls or looks up."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import python

import healthygan_monai

# Python loads it first, in child processes too; what is heard is refused, so nothing is sent
EAR = """
import os, sys
def hear(name, arguments):
    if name in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        called = arguments[1] if name in ("socket.connect", "socket.sendto") else arguments[0]
        if isinstance(called, str) and name == "socket.connect":
            return  # a socket of this machine alone
        with open(os.environ["HEARD"], "a") as file:
            print(name, called, file=file)
        raise OSError("no network here")
sys.addaudithook(hear)
"""
# MLflow and OpenVINO send nothing where they take the machine for a server of tests
OF_TESTS = ("CI", "TF_BUILD", "JENKINS_URL", "GITHUB_ACTIONS", "PYTEST_CURRENT_TEST")
SWITCHES = ("DO_NOT_TRACK", "DISABLE_TELEMETRY", "MLFLOW_", "HF_HUB_")


@dataclass(frozen=True)
class Heard:
    """What a program called, the files it left at home, and what it printed."""

    calls: list[str]
    at_home: set[str]
    printed: str


def listened(folder: Path, *words: str | Path, code: int = 0, **options: Any) -> Heard:
    """Run Python with no switch of any library set; fail if it ends with another exit code."""
    home, ear = folder / "home", folder / "ear"
    for place in (home, ear):
        place.mkdir(parents=True)
    (ear / "sitecustomize.py").write_text(EAR)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in OF_TESTS and not any(word in name for word in SWITCHES)
    }
    root = Path(healthygan_monai.__file__).parents[1]
    path = os.pathsep.join([str(ear), *options.pop("path", []), str(root)])
    heard = folder / "heard.txt"
    own = {"HOME": str(home), "USERPROFILE": str(home), "HEARD": str(heard), "PYTHONPATH": path}
    own |= {"XDG_CACHE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    done = python(*words, code=code, env={**kept, **own}, **options)
    calls = heard.read_text().splitlines() if heard.is_file() else []
    files = {file.name for file in home.rglob("*") if file.is_file()}
    return Heard(calls, files, done.stdout + done.stderr)
