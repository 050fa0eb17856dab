"""Run the commands of a page as one shell script, in a folder of their own."""

import os
import re
import shlex
import shutil
import subprocess
from itertools import groupby
from pathlib import Path

from docs_given import GIVEN
from docs_pages import ROOT, Command, pages
from docs_programs import UNDERSTAND

from healthygan_monai.cli.main import build_parser

PAGES = pages()
COPIED = ("bundle", "docs", "constraints*.txt", "setup.cfg", "pyproject.toml")
LINKED = (".ci", "benchmarks", "tests")  # not written to
FILLED = {"N": "1", "SET": "cxr_nih", "NAME": "films"}  # words that stand for others in commands
VARIABLES = {"D": "films-of-D", "COLUMNS": "200", "PYTHONPATH": str(ROOT)}


def tell(page: str, kinds: set[str], folder: Path, programs: Path, shelf: Path) -> Path:
    """Run the commands of these kinds in the page's order; return the folder, with story.log."""
    lay_out(folder)
    commands = [command for command in PAGES[page].commands if command.kind in kinds]
    script = f"{GIVEN.get(page, '')}\n{script_of(commands, folder)}"
    said = run_script(script, folder, programs, SHELF=str(shelf))
    assert "Traceback" not in said, said
    for line in re.findall(r"^next: healthygan (.*)", said, re.MULTILINE):
        build_parser().parse_args(shlex.split(line))  # what a command proposes can be typed
    return folder


def understand(page: str, folder: Path, programs: Path) -> None:
    """Let the programs parse the commands that are slow or cannot run."""
    lay_out(folder)
    commands = [command for command in PAGES[page].commands if command.kind != "run"]
    for command in commands:
        if command.python:
            compile(command.text, f"{page}, line {command.line}", "exec")
    script = script_of([command for command in commands if not command.python], folder)
    run_script(script, folder, programs, **{UNDERSTAND: "1"})


def lay_out(folder: Path) -> None:
    """Put a checkout of the project into the folder, as far as the pages need one."""
    for source in (path for pattern in COPIED for path in ROOT.glob(pattern)):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("eval"))
        else:
            shutil.copy(source, folder)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)


def script_of(commands: list[Command], folder: Path) -> str:
    """Return the shell script; Python fences without a command between them are one program."""
    lines: list[str] = []
    for python, group in groupby(commands, lambda command: command.python):
        block = list(group)
        if python:
            program = folder / f"line{block[0].line}.py"
            program.write_text("\n".join(command.text for command in block), encoding="utf-8")
            lines.append(f"python {program.name}")
            continue
        for command in block:
            line = line_of(command)
            if not (command.inline and line in lines):  # the text may name a command again
                lines.append(line)
    return "\n".join(lines)


def line_of(command: Command) -> str:
    text = command.text
    for word, value in FILLED.items():
        text = re.sub(rf"\b{word}\b", value, text)
    if command.folder != ".":
        text = f"(cd {command.folder}\n{text}\n)"
    if command.exit_code:
        return f"{{ {text}\n}} || test $? = {command.exit_code}"
    return f"{text}\ntest $? = 0"  # for `false && true`, which set -e does not stop


def run_script(script: str, folder: Path, programs: Path, **environment: str) -> str:
    """Run the script until a command fails; return its lines, each followed by what it printed."""
    (folder / "story.sh").write_text(f"set -e\n{script}\n", encoding="utf-8")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-v", "story.sh"],
        cwd=folder,
        env={**os.environ, **VARIABLES, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    (folder / "story.log").write_text(done.stdout, encoding="utf-8")
    assert done.returncode == 0, f"{done.stdout[-6000:]}\nfailed, exit code {done.returncode}"
    return done.stdout
