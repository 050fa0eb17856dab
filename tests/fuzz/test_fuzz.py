"""The short form of the fuzz: some hundred damaged inputs, and nothing but clear words about them.

The long form, of thirty thousand, is a command (fuzz.py).
"""

from pathlib import Path

import fuzz
import fuzz_mutants
import numpy as np
import pytest
from hazards import crash

pytestmark = pytest.mark.fuzz
# as many as take a few seconds of one core each
MUTANTS = {
    **{"dicom": 100, "nifti": 100, "png": 100, "jpeg": 100, "zip": 100},
    **{"table": 60, "dataset": 8, "run_folder": 8, "checkpoint": 15},
}
SEED = 1


@pytest.mark.parametrize("kind", fuzz.KINDS)
@pytest.mark.filterwarnings("ignore")  # pydicom warns of what the mutants write
def test_a_damaged_input_is_taken_or_refused_in_clear_words(kind: str, tmp_path: Path) -> None:
    count = fuzz.fuzz(kind, tmp_path, SEED, range(MUTANTS[kind]), tmp_path / "faults")
    assert sum(count.verdicts.values()) == MUTANTS[kind]
    assert not count.faults, "\n".join(fuzz.told(count.faults))


def test_the_same_number_is_the_same_mutant(tmp_path: Path) -> None:
    first, again = (fuzz.Kind("png", tmp_path / name) for name in "ab")
    assert [first.mutant(1, n) for n in range(20)] == [again.mutant(1, n) for n in range(20)]
    assert len({first.mutant(1, n) for n in range(20)}) > 15


def test_a_fault_is_found_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness that finds nothing must not be one that sees nothing."""
    monkeypatch.setattr(fuzz.targets, "verdict_of", crash)
    count = fuzz.fuzz("table", tmp_path, SEED, range(2), tmp_path / "faults")
    assert [fault.verdict for fault in count.faults] == ["dead", "dead"]
    assert len(list((tmp_path / "faults").iterdir())) == 2
    assert "--kinds table --seed 1 --only 0" in next(fuzz.told(count.faults))


def test_a_blow_changes_the_bytes() -> None:
    data = bytes(range(256)) * 8
    changed = [
        fuzz_mutants.damaged(np.random.default_rng(k), data, [data]) != data for k in range(50)
    ]
    assert sum(changed) > 40
