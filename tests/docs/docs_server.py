"""Run each program of a page as a process of its own, forked from one that has loaded the project.

``python docs_server.py SOCKET`` serves. The programs that ``write_programs`` makes ask it.
"""

import importlib
import pkgutil
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

import warm
from docs_pages import ABSENT, PROGRAMS, ROOT
from docs_programs import draw_little, run


def write_programs(folder: Path, path: Path) -> Path:
    """Write the programs that ask the server at ``path``; return their folder, for PATH."""
    folder.mkdir(parents=True)
    for name in (*PROGRAMS, *ABSENT):
        warm.write_client(folder / name, path)
    return folder


def start(path: Path, log: Path) -> Popen[bytes]:
    """Start a server and wait until it listens at the socket ``path``."""
    paths = f"{ROOT}:{Path(warm.__file__).parent}"
    return warm.start([warm.executable(), __file__, path], path, log, PYTHONPATH=paths)


def serve(path: str) -> None:
    draw_little()
    for package in ("data_prep", "healthygan_monai"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.endswith(".__main__"):
                with suppress(ImportError):  # of an extra that is not installed
                    importlib.import_module(module.name)
    importlib.import_module("healthygan_monai.cli.main").build_parser()  # once, for all programs
    warm.serve(path, run)


if __name__ == "__main__":
    serve(sys.argv[1])
