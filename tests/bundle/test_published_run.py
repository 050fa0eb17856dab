"""A training in the published order of operations is the training of `train`, but for its time."""

from pathlib import Path

import pytest
from places import ROOT
from processes import warm_python
from tiny import TRAINING, metrics

from healthygan_monai.selection import read_selection

SCRIPT = ROOT / "benchmarks" / "published_run.py"
SMALL = [
    f"--set={key}={value}" for key, value in TRAINING.items() if key not in ("device", "recipe")
]


def test_it_learns_what_the_command_learns(trained: Path, tiny_data: Path, tmp_path: Path) -> None:
    given = ("--runs-dir", tmp_path, "--device", "cpu", *SMALL)
    warm_python(SCRIPT, tiny_data, *given, cwd=tmp_path)
    (run,) = (path for path in tmp_path.iterdir() if (path / "model.pt").is_file())
    for ours, theirs in zip(metrics(trained), metrics(run), strict=True):
        assert theirs == pytest.approx(ours, rel=0.01, abs=1e-4)
    judged, expected = (
        {row.iteration: row.fid for row in read_selection(r)} for r in (run, trained)
    )
    assert judged == pytest.approx(expected, rel=0.01)
    # its rounding is that of other layers and another Adam, so its steps were taken by them
    assert (run / "model.pt").read_bytes() != (trained / "model.pt").read_bytes()
    assert "steps in the published order of operations" in (run / "log.txt").read_text()


@pytest.mark.parametrize("change", ["amp=true", "n_critic=1", "translation=brainomaly"])
def test_another_loop_than_the_published_is_refused(
    change: str, tiny_data: Path, tmp_path: Path
) -> None:
    given = ("--runs-dir", tmp_path, "--device", "cpu", *SMALL, f"--set={change}")
    done = warm_python(SCRIPT, tiny_data, *given, cwd=tmp_path, code=2)
    assert "the published loop" in done.stderr.splitlines()[-1]
