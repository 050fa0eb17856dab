"""Run each program of a page as a process of its own, forked from one that has loaded PyTorch
already.

``python docs_server.py SOCKET`` serves. The programs that ``write_programs`` makes send it their
words, folder, environment and streams, and end with the exit code that it sends back.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

from docs_pages import ABSENT, PROGRAMS, ROOT
from docs_programs import draw_little, run

CLIENT = """#!{python} -ISE
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({socket!r})
asked = [[os.path.basename(sys.argv[0]), *sys.argv[1:]], os.getcwd(), dict(os.environ)]
socket.send_fds(server, [json.dumps(asked).encode()], [0, 1, 2])
answer = server.recv(1)
sys.exit(answer[0] if answer else 70)
"""


def write_programs(folder: Path, path: Path) -> Path:
    """Write the programs that ask the server at ``path``; return their folder, for PATH."""
    folder.mkdir(parents=True)
    for name in (*PROGRAMS, *ABSENT):
        (folder / name).write_text(CLIENT.format(python=sys.executable, socket=str(path)))
        (folder / name).chmod(0o755)
    return folder


def start(path: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a server and wait until it listens at the socket ``path``."""
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, __file__, str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=file,
            stderr=file,
        )
    while not path.exists():
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    return server


def serve(path: str) -> None:
    import matplotlib.pyplot  # noqa: F401
    import monai.bundle  # noqa: F401
    import sklearn.ensemble  # noqa: F401

    import healthygan_monai.bundle_api  # noqa: F401

    draw_little()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(path + ".tmp")
    server.listen(16)
    os.rename(path + ".tmp", path)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes forked here
    while True:
        client, _ = server.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server.close()
            answer(client)
        client.close()


def answer(client: socket.socket) -> None:
    """Run the program that was asked for in this process, send its exit code, and end."""
    asked, streams, *_ = socket.recv_fds(client, 1 << 20, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    words, folder, environment = json.loads(asked)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code = exit_code(words)
    sys.stdout.flush()
    sys.stderr.flush()
    client.send(bytes([code]))
    os._exit(0)


def exit_code(words: list[str]) -> int:
    try:
        run(words)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    return 1


if __name__ == "__main__":
    serve(sys.argv[1])
