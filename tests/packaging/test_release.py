"""The programs of .ci: the checklist of a release, the matrix, the floor of coverage."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT
from scripts import script

import data_prep

release = script(".ci/release.py")
versions = script(".ci/versions.py")
NOTES = ("CITATION.cff", "CHANGELOG.md", "bundle/configs/metadata.json")


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """A copy of the files that name the version, in place of the repository."""
    for name in NOTES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(release, "version", lambda: data_prep.__version__)
    return tmp_path


def test_the_version_of_the_repository_is_one():
    assert release.one_version() == data_prep.__version__


@pytest.mark.parametrize("name", NOTES)
def test_a_file_of_another_version_is_named(tree, name):
    text = (tree / name).read_text(encoding="utf-8")
    (tree / name).write_text(text.replace(data_prep.__version__, "9.9.9"), encoding="utf-8")
    with pytest.raises(release.Failed, match=name):
        release.one_version()


def test_notes_of_another_day_are_named(tree):
    text = (tree / "CITATION.cff").read_text(encoding="utf-8")
    day = text.split("date-released: ")[1].split()[0]
    (tree / "CITATION.cff").write_text(text.replace(day, "1999-12-31"), encoding="utf-8")
    with pytest.raises(release.Failed, match=r"CHANGELOG\.md"):
        release.one_version()


def test_what_is_not_committed_stops_a_release(tmp_path, monkeypatch):
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "First")
    monkeypatch.setattr(release.call, "__defaults__", None)
    monkeypatch.setattr(release.call, "__kwdefaults__", {"cwd": tmp_path})
    assert release.clean_tree().endswith("First")
    (tmp_path / "new.py").touch()
    with pytest.raises(release.Failed, match="not committed"):
        release.clean_tree()


@pytest.mark.parametrize(
    ("printed", "error", "kind", "says"),
    [
        ({"name": "a", "vulns": []}, "", None, "1 packages, none known"),
        ({"name": "a", "vulns": [{"id": "CVE-1"}]}, "", "Failed", "a: CVE-1"),
        ({"name": "a", "skip_reason": "not found"}, "", "NotRun", "1 of 1 packages"),
        (None, "ConnectionError: no route", "NotRun", "no route"),
        (None, "TypeError: a fault of its own", "Failed", "a fault of its own"),
        (None, "", "Failed", "it printed nothing"),
    ],
)
def test_the_list_of_known_faults_is_read_as_it_is(monkeypatch, printed, error, kind, says):
    text = "" if printed is None else json.dumps({"dependencies": [printed]})
    done = subprocess.CompletedProcess([], 0, text, error)
    monkeypatch.setattr(release.subprocess, "run", lambda *_, **__: done)
    if kind is None:
        assert release.known_faults() == says
    else:
        with pytest.raises(getattr(release, kind), match=says):
            release.known_faults()


def test_a_release_without_a_wheel_fails_by_name(tmp_path):
    with pytest.raises(release.Failed, match="no wheel"):
        release.installed(tmp_path)


def test_a_step_that_fails_leaves_exit_code_1_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    steps = (
        *("clean_tree", "one_version", "style", "built_twice", "checked_by_twine", "installed"),
        *("parts", "known_faults"),
    )
    for name in steps:
        monkeypatch.setattr(release, name, lambda *_: "done")
    monkeypatch.setattr(sys, "argv", ["release.py", str(tmp_path / "out")])
    assert release.main() == 0 and "tag v" in capsys.readouterr().out

    def failing(*_):
        raise release.Failed("two builds differ")

    monkeypatch.setattr(release, "built_twice", failing)
    assert release.main() == 1
    said = capsys.readouterr().out
    assert "FAILED, two builds differ" in said and "known faults: ok" in said
    assert "tag v" not in said


REPORT = (
    '<testsuites><testsuite tests="{}" failures="{}" errors="0" skipped="1" time="61"/>'
    "</testsuites>"
)


@pytest.fixture
def row(monkeypatch):
    """Run one row of the matrix, in this Python, with pytest's exit code and counts given."""

    def run(folder: Path, code: int, tests: int, failures: int) -> int:
        def pytest_(words, **_):
            report = next(word for word in map(str, words) if word.startswith("--junit-xml="))
            Path(report.partition("=")[2]).write_text(REPORT.format(tests, failures))
            return subprocess.CompletedProcess(words, code)

        monkeypatch.setattr(versions, "made", lambda *_: Path(sys.executable))
        monkeypatch.setattr(versions, "versions", lambda _: ["3", "2", "1", "2", "3"])
        monkeypatch.setattr(versions, "interpreter", lambda *_: sys.executable)
        monkeypatch.setattr(versions.subprocess, "run", pytest_)
        monkeypatch.setattr(sys, "argv", ["versions.py", str(folder), "newest"])
        return versions.main()

    return run


@pytest.mark.parametrize(
    ("code", "tests", "failures", "exit_code", "says"),
    [
        (0, 10, 0, 0, "| 9 passed, 0 failed, 1 skipped | 1 |"),
        (1, 10, 2, 1, "| 7 passed, 2 failed, 1 skipped | 1 |"),
        (5, 0, 0, 2, "not run"),  # pytest found no test
    ],
)
def test_a_row_of_versions_is_what_pytest_says(
    row, tmp_path, capsys, code, tests, failures, exit_code, says
):
    assert row(tmp_path, code, tests, failures) == exit_code
    assert says in capsys.readouterr().out


def test_a_python_that_is_not_there_is_a_row_that_was_not_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(versions, "interpreter", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["versions.py", str(tmp_path), "python3.13"])
    assert versions.main() == 2
    assert "not run: there is no such Python" in capsys.readouterr().out


def test_the_newest_python_of_a_folder_is_taken(tmp_path):
    for name in ("3.12.1", "3.12.3", "3.13.0"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").touch()
    assert versions.interpreter("3.12", tmp_path) == str(tmp_path / "3.12.3/bin/python")


@pytest.mark.parametrize(("covered", "exit_code"), [(90, 0), (89, 1)])
def test_coverage_below_the_floor_in_one_package_is_an_error(tmp_path, covered, exit_code):
    def file(lines: int) -> dict:
        part = {"covered_lines": 100, "missing_lines": 0}
        return {"summary": {**part, "covered_branches": lines, "missing_branches": 100 - lines}}

    found = {"healthygan_monai/a.py": file(100), "data_prep/b.py": file(covered)}
    (tmp_path / "all.json").write_text(json.dumps({"files": found}))
    floor = script(".ci/coverage_floor.py")
    assert floor.main(str(tmp_path / "all.json")) == exit_code
