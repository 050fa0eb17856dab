import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from healthygan_monai.cli.main import main


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_command_serves_until_it_is_stopped(run):
    command = [sys.executable, "-m", "healthygan_monai", "view", str(run), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        address = served.stdout.readline().removeprefix("view: ").strip()
        with urllib.request.urlopen(address) as answer:
            assert "00001-drawn" in answer.read().decode()
        served.send_signal(signal.SIGTERM)
        said = served.stdout.read()
    assert served.returncode == 0
    assert "not a medical device" in said and said.endswith("ended\n")


def test_a_folder_without_scores_and_a_broken_review_are_one_line(run, capsys):
    (run / "review.csv").write_text("a,b\n1,2\n")
    assert main(["view", str(run), "--no-browser"]) == 1
    assert "review.csv: column" in capsys.readouterr().err
    (run.parent / "empty").mkdir()
    words = ["view", str(run.parent / "empty"), "--no-browser"]
    assert main(words) == 2
    assert "not a run folder" in capsys.readouterr().err
    (run.parent / "empty" / "config.json").write_text("{}")
    assert main(words) == 2
    assert "Score images first" in capsys.readouterr().err


def test_the_viewer_needs_neither_torch_nor_monai():
    code = (
        "import sys, healthygan_monai.view.server, healthygan_monai.view.study\n"
        "print({'torch', 'monai', 'scipy', 'nibabel'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
