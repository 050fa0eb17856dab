"""The Python that starts at once does what Python does."""

import os
import signal
import subprocess
import sys

import pytest
import warm
from processes import python, warm_python

SAYS = """import os, sys
print(sys.argv, __name__, sys.path[0], os.getcwd(), "data_prep" in sys.modules)
"""


@pytest.mark.parametrize("kind", ["code", "script", "module"])
def test_a_program_sees_what_it_sees_in_python(kind, tmp_path):
    (tmp_path / "says.py").write_text(SAYS)
    words = {"code": ("-c", SAYS), "script": ("says.py",), "module": ("-m", "says")}[kind]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    one, two = (
        start(*words, "word", cwd=tmp_path, env=environment).stdout
        for start in (python, warm_python)
    )
    assert one == two and "False" in one


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('said')", 1),
        ("1 / 0", 1),
        ("import os; os.kill(os.getpid(), 9)", -9),
    ],
)
def test_a_program_ends_as_it_ends_in_python(code, ends):
    said = [start("-c", code, code=ends).stderr.splitlines() for start in (python, warm_python)]
    assert said[0][-1:] == said[1][-1:]


def test_what_it_starts_is_fast_too_and_other_words_are_those_of_python(tmp_path):
    code = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], check=True)"
    inner = "import sys; print('torch' in sys.modules)"
    assert warm_python("-c", code, "-c", inner).stdout == f"{warm.executable() != sys.executable}\n"
    assert warm_python("-c", code, "-X", "utf8", "-c", inner).stdout == "False\n"


@pytest.mark.skipif(sys.platform != "linux", reason="it is the usual Python")
def test_a_program_ends_with_its_client():
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with subprocess.Popen([warm.executable(), "-c", code], stdout=subprocess.PIPE) as client:
        program = int(client.stdout.readline())
        client.send_signal(signal.SIGKILL)
        assert client.stdout.read() == b""  # nobody holds the stream any more
    with pytest.raises(ProcessLookupError):
        while True:  # until the pid is free
            os.kill(program, 0)
