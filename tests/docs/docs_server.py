"""Runs programs of the docs as processes of their own, forked from one that has PyTorch loaded already.

`python docs_server.py SOCKET` serves; the stand-in programs that `write_programs` makes send it their words,
folder, environment and streams, and end with the exit code of the process that ran them. What is shortened,
and which programs are only played, stands in docs_table.py.
"""

from __future__ import annotations

import argparse
import array
import json
import os
import re
import runpy
import socket
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from docs_standins import PHANTOM_COUNTS
from docs_table import OTHER_PROGRAMS, PLAYED, SHORTER, TREES

CLIENT = """#!{python} -ISE
import array, json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({socket!r})
words = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
asked = json.dumps({{"words": words, "folder": os.getcwd(), "environment": dict(os.environ)}}).encode()
server.sendmsg([len(asked).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
server.sendall(asked)
answer = server.recv(1)
sys.exit(answer[0] if answer else 70)
"""
PARSE_ONLY = "HEALTHYGAN_DOCS_PARSE_ONLY"  # the words are parsed and nothing is run


def write_programs(folder: Path, path: Path) -> Path:
    """The stand-in programs, to be put first on PATH."""
    folder.mkdir(parents=True)
    client = CLIENT.format(python=sys.executable, socket=str(path))
    for name in ("healthygan", "python", "torchrun", *PLAYED, *OTHER_PROGRAMS):
        (folder / name).write_text(client)
        (folder / name).chmod(0o755)
    return folder


def start(path: Path, log: Path) -> subprocess.Popen[bytes]:
    """A server at the socket `path`; it is ready when the socket is there."""
    with log.open("wb") as file:
        return subprocess.Popen([sys.executable, __file__, str(path)], stdout=file, stderr=file)


def shortened(words: Sequence[str]) -> list[str]:
    """The words and what SHORTER adds to them."""
    longer = list(words)
    for rule in SHORTER:
        if rule.applies(words):
            longer += rule.adds
    return longer


def run(words: list[str]) -> None:
    """The program in this process; raises SystemExit."""
    program, *rest = words
    parse_only = PARSE_ONLY in os.environ
    if program in OTHER_PROGRAMS:
        sys.exit(0 if parse_only else f"{program} is not here")
    if program in PLAYED:
        PLAYED[program](rest)
        sys.exit(0)
    if parse_only:
        _stop_after_parsing(words)
    sys.argv = shortened(words)
    program, *rest = sys.argv
    if program == "healthygan":
        from healthygan_monai.cli.main import main

        sys.exit(main(rest))
    if program == "torchrun":
        rest = ["-m", "torch.distributed.run", *rest]
    _python(rest)


def _python(words: list[str]) -> None:
    if words[:2] == ["-m", "venv"]:
        PLAYED["venv"](words[2:])
    elif words[0] == "-m":
        sys.path.insert(0, os.getcwd())
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = words[:1]
        exec(compile(words[1], "<-c>", "exec"), {"__name__": "__main__"})
    else:
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def _stop_after_parsing(words: Sequence[str]) -> None:
    """From now on an argument parser ends the program with 0 once it has accepted the words."""
    if words[:3] == ["python", "-m", "monai.bundle"]:
        _check_bundle_words(words[3:])
    parse = argparse.ArgumentParser.parse_args

    def accept(self: argparse.ArgumentParser, *args: object, **named: object) -> None:
        parsed = parse(self, *args, **named)  # type: ignore[arg-type]
        for text in getattr(parsed, "set", []):
            key = text.partition("=")[0].partition("#")[0]
            if getattr(parsed, "method", "healthygan") == "healthygan" and key not in _keys(
                "train.json"
            ):
                sys.exit(f"no key {key!r} in train.json")
        sys.exit(0)

    argparse.ArgumentParser.parse_args = accept  # type: ignore[assignment,method-assign]


def _keys(config: str) -> set[str]:
    from docs_pages import ROOT

    return {*json.loads((ROOT / "bundle" / "configs" / config).read_text())}


def _check_bundle_words(words: Sequence[str]) -> None:
    """Options of `monai.bundle`: its own, or keys of the configs that the words name."""
    import inspect

    import monai.bundle

    own = {*inspect.signature(getattr(monai.bundle, words[0])).parameters}
    at = words.index("--config_file") + 1 if "--config_file" in words else len(words)
    names = re.findall(r"[\w-]+\.json", words[at]) if at < len(words) else []
    known = own | {key for name in names for key in _keys(name)}
    for word in words:
        key = word.removeprefix("--").partition("#")[0]
        if word.startswith("--") and key not in known:
            sys.exit(f"{word} is neither an option of monai.bundle {words[0]} nor a key of {names}")
    sys.exit(0)


def _serve(path: str) -> None:
    import matplotlib.pyplot  # noqa: F401
    import monai.bundle  # noqa: F401
    import sklearn.ensemble
    import sklearn.linear_model  # noqa: F401

    import data_prep.phantom.brains
    import data_prep.phantom.study
    import data_prep.pipeline
    import healthygan_monai.bundle_api
    import healthygan_monai.evaluation.confounders
    import healthygan_monai.evaluation.run
    import healthygan_monai.report

    data_prep.phantom.study.COUNTS = PHANTOM_COUNTS["films"]
    data_prep.phantom.brains.COUNTS = PHANTOM_COUNTS["brains"]
    healthygan_monai.evaluation.confounders.TREES = TREES
    server = socket.socket(socket.AF_UNIX)
    server.bind(path + ".tmp")
    server.listen(16)
    os.rename(path + ".tmp", path)
    while True:
        asked, _ = server.accept()
        if os.fork() == 0:
            server.close()
            _answer(asked)
        asked.close()
        while _reap():
            pass


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _answer(asked: socket.socket) -> None:
    """One request: a process runs the program, this one waits for it and sends its exit code."""
    size, streams, *_ = asked.recvmsg(8, socket.CMSG_SPACE(12))
    handles = array.array("i")
    handles.frombytes(streams[0][2])
    text = b""
    while len(text) < int.from_bytes(size, "big"):
        text += asked.recv(1 << 16)
    request = json.loads(text)
    program = os.fork()
    if program == 0:
        for number, handle in enumerate(handles):
            os.dup2(handle, number)
        asked.close()
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        os._exit(_exit_code(request["words"]))
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    asked.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _exit_code(words: list[str]) -> int:
    code = 0
    try:
        run(words)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


if __name__ == "__main__":
    sys.modules["docs_server"] = sys.modules["__main__"]
    _serve(sys.argv[1])
