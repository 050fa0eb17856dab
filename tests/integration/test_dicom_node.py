"""``healthygan listen`` beside a real Orthanc, killed on the way: ``pytest -m integration``."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]
SCRIPT = ROOT / "benchmarks" / "hospital" / "dicom_node.py"
APART = ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]


def bench(*words: str | Path, apart: bool = True) -> str:
    command = [sys.executable, SCRIPT, *words, "--model", ROOT / "bundle" / "models" / "model.pt"]
    done = subprocess.run(
        [*(APART if apart else []), *map(str, command)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def apart() -> None:
    """Orthanc listens on all addresses, so it gets a network of its own."""
    if not shutil.which("Orthanc") or not shutil.which("unshare"):
        pytest.skip("Orthanc or unshare is not installed")
    if subprocess.run([*APART, "true"], capture_output=True).returncode:
        pytest.skip("no right to make a network namespace")


@pytest.mark.parametrize("to", ["store", "stow"])
def test_every_result_is_in_orthanc_once_after_kills(tmp_path, to):
    bench("make", tmp_path / "films", "--films", "4", "--size", "256", apart=False)
    said = bench("run", tmp_path / "films", "--to", to, "--kills", "2", "--work", tmp_path / "work")
    assert "kills: 2" in said
    assert "{'overlay (SC)': 4, 'segmentation': 8, 'report': 4}" in said
    assert "results that reached Orthanc: 16; more than once: 0" in said


def test_of_many_requests_none_is_lost_or_doubled(tmp_path):
    bench("make", tmp_path / "films", "--films", "36", "--bad", "4", "--size", "256", apart=False)
    said = bench("flood", tmp_path / "films", "--work", tmp_path / "work")
    assert "results expected 144, got 144, more than once 0" in said
