"""Every command of the pages is run, or said why not: each page as one story, in a folder of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_pages import ROOT, Command, commands, name_of, pages
from docs_server import PARSE_ONLY, start, write_programs
from docs_standins import Shelf, set_down
from docs_table import PAGES, Row

from healthygan_monai.cli.main import build_parser

TEXTS = {name_of(page): page.read_text(encoding="utf-8") for page in pages()}
CARRIED = ("bundle", "docs", "constraints.txt", "setup.cfg", "pyproject.toml")
LINKED = ("benchmarks", "tests")  # not written to
# commands that end by naming the next one, unless they only looked
NAMES_NEXT = {"prep", "check", "train", "select", "infer", "evaluate"}
LOOKING = {"-n", "--dry-run", "--check", "--help"}


def row_of(page: str, command: Command) -> Row | None:
    """The row with the longest beginning of the command."""
    text = " ".join(command.text.split())
    fitting = [row for row in PAGES[page].rows if text.startswith(row.command)]
    return max(fitting, key=lambda row: len(row.command), default=None)


def found(page: str) -> list[tuple[Command, Row]]:
    return [(c, row) for c in commands(TEXTS[page]) if page in PAGES and (row := row_of(page, c))]


class TestTable:
    @pytest.mark.parametrize("page", TEXTS)
    def test_every_command_of_a_page_is_in_one_class(self, page):
        rows = PAGES[page].rows if page in PAGES else ()
        unknown = [c.text for c in commands(TEXTS[page]) if not rows or row_of(page, c) is None]
        assert unknown == [], f"{page}: say in docs_table.py whether these run"
        assert [k for k, many in Counter(r.command for r in rows).items() if many > 1] == []

    @pytest.mark.parametrize("page", PAGES)
    def test_the_table_names_no_command_that_no_page_has(self, page):
        assert page in TEXTS, f"no page {page}"
        used = {row.command for _, row in found(page)}
        assert [row.command for row in PAGES[page].rows if row.command not in used] == []

    def test_what_cannot_run_has_a_reason(self):
        rows = [row for page in PAGES.values() for row in page.rows]
        assert all(bool(row.why) == (row.kind in ("cannot", "same")) for row in rows)

    def test_what_is_run_on_another_page_is_run_there(self):
        same = [row for page in PAGES.values() for row in page.rows if row.kind == "same"]
        ran = {page: {c.text for c, row in found(page) if row.kind == "run"} for page in PAGES}
        assert [row.command for row in same if row.command not in ran[row.why]] == []


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of stand-in programs, with the server behind it."""
    folder = tmp_path_factory.mktemp("s")
    path = folder / "s"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    server = start(path, folder / "log")
    while not path.exists():
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    yield write_programs(folder / "bin", path)
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"), trained)


class Story:
    """One page: its folder, and its commands one after the other."""

    def __init__(self, page: str, folder: Path, programs: Path, shelf: Shelf) -> None:
        self.page, self.folder, self.shelf = PAGES[page], folder, shelf
        self.environment = {**os.environ, **self.page.variables, "COLUMNS": "200"}
        self.environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        for name in CARRIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("eval"))
            else:
                shutil.copy(source, folder / name)
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name, target_is_directory=True)
        for name, standin in self.page.given.items():
            set_down(name, standin, folder, shelf)

    def tell(self, command: Command, row: Row) -> None:
        """Run one command as it is written; its exit code and what it says comes next are as they should be."""
        for name, standin in row.given.items():
            set_down(name, standin, self.folder, self.shelf)
        began = time.monotonic()
        done = self.shell(command, row.cwd)
        print(f"{time.monotonic() - began:5.1f} s  {command.text}")  # in pytest -rP
        said = f"{command.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == row.code, said
        assert "Traceback" not in done.stderr, said
        expected = 0 if command.python else next_lines(command.text)
        named = re.findall(r"^next: (.*)$", done.stdout, re.MULTILINE)
        assert len(named) >= expected, f"does not name the next command: {said}"
        for line in named:
            self.can_be_typed(line)

    def shell(
        self, command: Command, cwd: str = ".", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        if command.python:
            script = self.folder / f"line{command.line}.py"
            script.write_text(command.text, encoding="utf-8")
            text = f"python {script.name}"
        else:
            text = "\n".join(["set -e", *command.variables, command.text])
        return subprocess.run(
            ["bash", "-c", text],
            cwd=self.folder / cwd,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def can_be_typed(self, line: str) -> None:
        """What a command names as the next is understood, and the folders in it are there."""
        words = shlex.split(line)
        assert words[0] == "healthygan"
        parsed = build_parser().parse_args(words[1:])
        for name in ("run_folder", "dataset", "input", "table"):
            path = getattr(parsed, name, None)
            if path is not None and str(path) != "RUN":
                assert (self.folder / path).exists(), line


def next_lines(text: str) -> int:
    """How many commands of the line end by naming the next."""
    many = 0
    for part in re.split(r"&&|;", text.split("  #")[0]):
        words = part.split()
        if words[:1] == ["healthygan"] and words[1] in NAMES_NEXT and not LOOKING & {*words}:
            many += 1
    return many


def tell(page: str, kinds: set[str], tmp_path: Path, programs: Path, shelf: Shelf) -> None:
    story = Story(page, tmp_path, programs, shelf)
    told: set[str] = set()
    for command, row in found(page):
        if row.kind in kinds and not (command.inline and command.text in told):
            story.tell(command, row)
            told.add(command.text)


def pages_with(kind: str) -> list[str]:
    return [name for name, page in PAGES.items() if any(row.kind == kind for row in page.rows)]


@pytest.mark.parametrize("page", pages_with("run"))
def test_the_commands_of_a_page_work_in_their_order(page, tmp_path, programs, shelf):
    tell(page, {"run"}, tmp_path, programs, shelf)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", pages_with("slow"))
def test_all_commands_of_a_page_work_in_their_order(page, tmp_path, programs, shelf):
    tell(page, {"run", "slow"}, tmp_path, programs, shelf)


@pytest.mark.parametrize("page", pages_with("cannot"))
def test_the_words_of_a_command_that_cannot_run_are_understood(page, tmp_path, programs, shelf):
    story = Story(page, tmp_path, programs, shelf)
    for command, row in found(page):
        if row.kind == "cannot":
            done = story.shell(command, row.cwd, **{PARSE_ONLY: "1"})
            assert done.returncode == 0, (
                f"{command.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            )
