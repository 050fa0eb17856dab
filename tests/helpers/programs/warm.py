"""A Python that starts at once: its programs are forked from a process that has PyTorch and MONAI
loaded already, and nothing of this project.

``executable()`` takes the words of ``python``: ``-c CODE``, ``-m MODULE`` or a script. Tests of
what is imported, or of how Python itself starts, use ``sys.executable``.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

# What stands for a program: it asks the server, lends its streams, and ends as the program does.
CLIENT = """#!{python} -ISE
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({path!r})
asked = [[os.path.basename(sys.argv[0]), *sys.argv[1:]], os.getcwd(), dict(os.environ)]
socket.send_fds(server, [json.dumps(asked).encode()], [0, 1, 2])
code = int(server.recv(8) or b"70")
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


def write_client(program: Path, path: Path) -> None:
    """Write a program that asks the server at the socket ``path``."""
    program.write_text(CLIENT.format(python=sys.executable, path=str(path)), encoding="utf-8")
    program.chmod(0o755)


def start(words: list[str | Path], path: Path, log: Path, **variables: str) -> subprocess.Popen:
    """Start a server and wait until it listens at the socket ``path``."""
    environment = {**os.environ, **variables}
    with log.open("wb") as file:
        server = subprocess.Popen(words, env=environment, stdout=file, stderr=file)
    while not path.exists():
        assert server.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.05)
    return server


@cache
def executable() -> str:
    """Return the path of that Python, whose server ends with this process."""
    if sys.platform != "linux":  # the usual Python, which takes its time
        return sys.executable
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    program, path = folder / "python", folder / "s"
    write_client(program, path)
    words = [sys.executable, __file__, path, program]
    server = start(words, path, folder / "log", PYTHONPATH="")
    end_with_this_process(server, folder)
    return str(program)


def end_with_this_process(server: subprocess.Popen, folder: Path) -> None:
    """End the server, and remove its folder, when this process ends; not when a fork of it does."""
    owner = os.getpid()

    def end() -> None:
        if os.getpid() == owner:
            server.terminate()
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)


def serve(path: str, run: Callable[[list[str]], None]) -> None:
    """Call ``run`` with the words of each program that is asked for, in a fork of this process."""
    gc.collect()
    gc.freeze()  # or each collection in a fork would copy what was loaded here
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(path + ".tmp")
    server.listen(16)
    os.rename(path + ".tmp", path)
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        client, _ = server.accept()
        if os.fork() == 0:
            server.close()
            _answer(client, run)
        client.close()


def _reap(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(client: socket.socket, run: Callable[[list[str]], None]) -> None:
    """Run the program in a fork, send its exit code, and end."""
    asked, streams, *_ = socket.recv_fds(client, 1 << 20, 3)
    words, folder, environment = json.loads(asked)
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    program = os.fork()
    if program == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (client, woken, wakes):
            end.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        code = _exit_code(words, run)
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # nothing is taken apart that the system frees at once
    for stream in streams:
        os.close(stream)
    ready, _, _ = select.select([woken, client], [], [])
    if woken not in ready:  # the client was killed
        os.kill(program, signal.SIGKILL)
    _, status = os.waitpid(program, 0)
    with suppress(OSError):
        client.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _exit_code(words: list[str], run: Callable[[list[str]], None]) -> int:
    try:
        run(words)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _python(words: list[str]) -> None:
    """Do what ``python`` does with these words; Python programs of the program start here too."""
    given, usual = words[1:], sys.executable
    if given[0] == "-u":
        given = given[1:]
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    kind, *sys.argv = given
    if kind.startswith("-") and kind not in ("-c", "-m"):
        os.execv(usual, [usual, *given])
    sys.executable = EXECUTABLE
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[1:1] = paths
    sys.path[0] = {"-c": "", "-m": os.getcwd()}.get(kind, str(Path(kind).resolve().parent))
    importlib.invalidate_caches()
    if any(Path(path, "sitecustomize.py").is_file() for path in paths):
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")
    if kind == "-m":
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        code, sys.argv[0] = sys.argv[0], "-c"
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), main.__dict__)
    else:
        sys.argv = given
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    # torch._dynamo is imported by the first optimiser.
    for _name in ("matplotlib.pyplot", "monai.bundle", "sklearn.ensemble", "torch._dynamo"):
        importlib.import_module(_name)
    _, _path, EXECUTABLE = sys.argv
    serve(_path, _python)
