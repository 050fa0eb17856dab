"""The tests refuse most faults planted in the code: ``pytest -m mutation``, half an hour."""

import subprocess
import sys

import pytest
from places import ROOT
from scripts import script

pytestmark = [pytest.mark.slow, pytest.mark.mutation, pytest.mark.timeout(7200)]


@pytest.mark.parametrize("area", script("benchmarks/mutation_areas.py").AREAS)
def test_the_tests_of_an_area_refuse_most_of_its_mutants(area: str) -> None:
    pytest.importorskip("cosmic_ray", reason="pip install cosmic-ray")
    program = ROOT / "benchmarks" / "mutation.py"
    done = subprocess.run([sys.executable, program, area], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
