import subprocess
import sys

import pytest

from data_prep import __version__
from data_prep.cli.main import main
from data_prep.phantom import study


def test_the_package_never_needs_torch_or_monai(tmp_path):
    code = (
        "import sys, pathlib\nsys.modules['torch'] = sys.modules['monai'] = None\n"
        "from data_prep.demo import make_demo\n"
        "counts = {'training_mixed': 1, 'training_healthy': 1, 'validation': 2, 'test': 2}\n"
        f"make_demo(pathlib.Path({str(tmp_path)!r}), image_size=16, counts=counts)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_films_then_check_from_the_command_line(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "out"
    counts = {"training_mixed": 2, "training_healthy": 2, "validation": 2, "test": 2}
    study.make_films(raw, counts=counts, size=32, bad=True)
    common = ["--size", "16", "--jobs", "1", "--table", str(raw / "cohort.csv"), "-q"]
    assert main(["films", str(raw), str(out), *common]) == 3
    told = capsys.readouterr().out
    assert "8 written" in told and f"next: healthygan check {out / 'dataset.json'}" in told
    assert main(["check", str(out)]) == 0
    assert "no problems" in capsys.readouterr().out
    assert main(["check", str(out), "--deep"]) == 0
    (out / "images").rename(out / "gone")
    assert main(["check", str(out)]) == 1


def test_films_left_out_by_a_choice_are_no_trouble_unless_strict(
    tmp_path, capsys, make_dicom, ramp
):
    make_dicom(ramp, "raw/a.dcm")
    make_dicom(ramp, "raw/copy.dcm")
    make_dicom(ramp[::-1].copy(), "raw/side.dcm", ViewPosition="LL")
    common = ["films", str(tmp_path / "raw"), str(tmp_path / "out"), "--size", "16", "--jobs", "1"]
    assert main(common) == 0
    assert "1 written  0 kept from before  0 skipped  2 left out" in capsys.readouterr().out
    assert main([*common, "--max-skipped", "0"]) == 0
    capsys.readouterr()
    assert main([*common, "--strict", "--max-skipped", "90%"]) == 3
    assert "next: " in capsys.readouterr().out
    assert main([*common, "--strict"]) == 1
    told = capsys.readouterr().out
    assert "2 of 3 inputs were skipped or left out (66.7%), more than the 0.0% allowed" in told
    assert "next: " not in told
    assert main([*common, "--views", "lateral", "--body-parts", "any"]) == 0
    assert main([*common, "--modalities", "MG"]) == 1  # nothing is taken


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["films", "{tmp}/none", "{tmp}/out"], 2, "no such file or folder"),
        (["films", "{tmp}", "{tmp}/out", "--intensity", "gamma"], 2, "expected one of window"),
        (["films", "{tmp}", "{tmp}/out", "--where", "x"], 2, "expected NAME=VALUE"),
        (["films", "{tmp}", "{tmp}"], 2, "OUTPUT is INPUT"),
        (["films", "{tmp}", "{tmp}/out"], 1, "nothing to prepare"),
        (["check", "{tmp}"], 2, "no dataset.json in it, and no images"),
    ],
)
def test_wrong_usage_and_failure_have_their_codes_and_one_line(
    tmp_path, capsys, arguments, code, told
):
    arguments = [text.format(tmp=tmp_path) for text in arguments]
    assert main([*arguments, "-q"]) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ") and told in error and "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_argument_is_wrong_usage(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["films", str(tmp_path), str(tmp_path / "out"), "--framming", "paper"])
    assert stop.value.code == 2
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and __version__ in capsys.readouterr().out
