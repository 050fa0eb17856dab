"""docs/monai_label.md, its own lines in their order, in a new environment with nothing but pip.

The server of its first part answers its requests; that of its second has a real Orthanc behind it.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import label_server
import numpy as np
import pydicom
import pytest
from docs_pages import pages
from PIL import Image

from data_prep.phantom import study

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]
PAGE = pages()["docs/monai_label.md"]
FENCES = [fence.text for fence in PAGE.fences if fence.language == "sh"]


def lines(word: str) -> str:
    """The one fence of the page with this word."""
    (found,) = [text for text in FENCES if word in text]
    return found


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """A checkout with phantom films in export/, and the page's environment in label-env/."""
    folder = tmp_path_factory.mktemp("page") / "checkout"
    with label_server.checkout() as copy:
        shutil.copytree(copy, folder)
    counts = {"training_mixed": 0, "training_healthy": 0, "validation": 1, "test": 1}
    study.make_films(folder / "export", counts=counts)
    run(folder, lines("python -m venv label-env"), activate=False)
    run(folder, lines("mend-torchvision"))
    run(folder, lines("serving install"))
    return folder


def run(folder: Path, text: str, activate: bool = True, **more: str) -> str:
    begin = "set -e\n" + (". label-env/bin/activate\n" if activate else "")
    done = subprocess.run(
        ["bash", "-c", begin + text],
        cwd=folder,
        env={**label_server.clean(), "HOME": str(folder), **more},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


@contextmanager
def going_on(folder: Path, text: str, log: str, answers: str) -> Iterator[None]:
    """The lines as they stand, in the background, until ``answers`` is answered."""
    with (folder / log).open("wb") as stream:
        server = subprocess.Popen(
            ["bash", "-c", "set -e\n. label-env/bin/activate\n" + text],
            cwd=folder,
            env={**label_server.clean(), "HOME": str(folder)},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + label_server.PATIENCE
        while subprocess.run(["curl", "-sf", "-o", os.devnull, answers]).returncode:
            said = (folder / log).read_text(errors="replace")
            assert server.poll() is None and time.monotonic() < deadline, said[-3000:]
            time.sleep(1)
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def test_its_lines_start_a_server_and_ask_it(here):
    asked = lines("curl -s -o label.png").replace("IM0001.dcm", first_film(here).name)
    with going_on(here, lines("--studies studies"), "server.log", "http://127.0.0.1:8011/info/"):
        told = json.loads(run(here, asked))
    assert told["labels"] == {"anomaly": 1} and 0 < told["anomaly_score"] < 1
    with Image.open(here / "label.png") as label, Image.open(here / "difference.png") as shown:
        assert set(np.unique(label)) <= {0, 255} and label.size == shown.size
        assert np.mean(np.asarray(label) > 0) == pytest.approx(told["marked_share"], abs=1e-6)


def first_film(here: Path) -> Path:
    return sorted((here / "export" / "films").glob("*.dcm"))[0]


# all in one network namespace, since Orthanc listens on all addresses
OF_A_PACS = """
set -e
ip link set lo up
. label-env/bin/activate
wait_for() {{
    for i in $(seq 180); do curl -sf -o /dev/null $1 && return; sleep 1; done
    cat *.log
    false
}}
({orthanc}) > orthanc.log 2>&1 &
({server}) > pacs-server.log 2>&1 &
wait_for http://127.0.0.1:8042/system
curl -sf -o /dev/null -X POST http://127.0.0.1:8042/instances --data-binary @{film}
wait_for http://127.0.0.1:8011/info/
export SERIES={series}
{asked}
echo
curl -s -X POST "http://127.0.0.1:8011/infer/healthygan?output=json" \\
    -F 'params={{"device":"cpu"}}' -F "file=@{film}"
"""


@pytest.mark.skipif(not shutil.which("Orthanc"), reason="Orthanc is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")
def test_a_film_of_a_pacs_scores_as_its_file(here):
    """To the last digit."""
    (config,) = [f.text for f in PAGE.fences if f.language == "json" and "DicomAet" in f.text]
    (here / "orthanc.json").write_text(config)
    film = first_film(here)
    server = lines("--studies http")
    script = OF_A_PACS.format(
        orthanc=lines("Orthanc orthanc.json"),
        server=server,
        film=film,
        series=pydicom.dcmread(film, stop_before_pixels=True).SeriesInstanceUID,
        asked=lines("image=$SERIES"),
    )
    # the namespace of processes ends with its first one, and takes the servers along
    done = subprocess.run(
        ["unshare", "-n", "-p", "-f", "--mount-proc", "--kill-child", "bash", "-c", script],
        cwd=here,
        env={**label_server.clean(), "HOME": str(here)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    of_series, of_file = (json.loads(line) for line in done.stdout.strip().splitlines())
    assert of_series["anomaly_score"] == of_file["anomaly_score"] > 0
    assert of_series["input"] == of_file["input"]
    assert not [w for w in of_series["warnings"] if "NIfTI" in w]
