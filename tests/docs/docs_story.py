"""One page as one story: its commands, one after the other, in a folder of their own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from docs_pages import ROOT, Command, commands, name_of, pages
from docs_standins import Shelf, set_down
from docs_table import OTHER_PROGRAMS, PAGES, Row

from healthygan_monai.cli.main import build_parser

TEXTS = {name_of(page): page.read_text(encoding="utf-8") for page in pages()}
CARRIED = ("bundle", "docs", "constraints*.txt", "setup.cfg", "pyproject.toml")
LINKED = ("benchmarks", "tests")  # not written to
# commands that end by naming the next one, unless they only looked
NAMES_NEXT = {"prep", "check", "train", "select", "infer", "evaluate"}
LOOKING = {"-n", "--dry-run", "--check", "--help"}
# what a command that was given no run, or no data set, writes for it into the next one
PLACEHOLDERS = {"RUN", "DATASET"}


def row_of(page: str, command: Command) -> Row | None:
    """The row with the longest beginning of the command."""
    text = " ".join(command.text.split())
    fitting = [row for row in PAGES[page].rows if text.startswith(row.command)]
    return max(fitting, key=lambda row: len(row.command), default=None)


def found(page: str) -> list[tuple[Command, Row]]:
    return [(c, row) for c in commands(TEXTS[page]) if page in PAGES and (row := row_of(page, c))]


class Story:
    """One page: its folder, and its commands one after the other."""

    def __init__(self, page: str, folder: Path, programs: Path, shelf: Shelf) -> None:
        self.page, self.folder, self.shelf = PAGES[page], folder, shelf
        self.environment = {**os.environ, **self.page.variables, "COLUMNS": "200"}
        self.environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        for source in (path for pattern in CARRIED for path in ROOT.glob(pattern)):
            name = source.name
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
            for name, value in self.page.words.items():
                text = re.sub(rf"\b{name}\b", value, text)
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
        if words[0] in OTHER_PROGRAMS:
            absent = [w for w in words if "/" in w and not (self.folder / w).exists()]
            assert absent == [], line
            return
        assert words[0] == "healthygan"
        parsed = build_parser().parse_args(words[1:])
        for name in ("run_folder", "dataset", "input", "table"):
            path = getattr(parsed, name, None)
            if path is not None and str(path) not in PLACEHOLDERS:
                assert (self.folder / path).exists(), line


def next_lines(text: str) -> int:
    """How many commands of the line end by naming the next."""
    many = 0
    for part in re.split(r"&&|;", text.split("  #")[0]):
        words = part.split()
        if words[:1] == ["healthygan"] and words[1] in NAMES_NEXT and not LOOKING & {*words}:
            many += 1
    return many


def tell(page: str, kinds: set[str], tmp_path: Path, programs: Path, shelf: Shelf) -> Path:
    story = Story(page, tmp_path, programs, shelf)
    told: set[str] = set()
    for command, row in found(page):
        if row.kind in kinds and not (command.inline and command.text in told):
            story.tell(command, row)
            told.add(command.text)
    return story.folder
