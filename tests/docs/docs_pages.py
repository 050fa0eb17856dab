"""Markdown pages as the tests of the docs read them: blocks with a language, commands, links, anchors."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from healthygan_monai.cli.main import build_parser

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("healthygan", "python", "pip", "torchrun", "pytest", "ruff", "mypy")
# more programs that a shell block may call; a block that begins with none of these is no shell
SHELL = (
    *PROGRAMS,
    "cd",
    "cp",
    "mkdir",
    "ls",
    "unzip",
    "docker",
    "monailabel",
    "mlflow",
    "git",
    "curl",
    ".",
)
COMPLETE = ("demo", "bundle-path", "--version")  # sub-commands that are whole by themselves
LANGUAGES = {"sh": "shell", "bash": "shell", "console": "shell", "yml": "yaml"}
ASSIGNMENT = re.compile(r"[A-Z_][A-Z0-9_]*=\S*")
FENCE = re.compile(r"\s*(```+|~~~+)\s*([\w+-]*)")


@dataclass(frozen=True)
class Block:
    """A fenced or indented piece of code; `line` is that of its first line, from 1."""

    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """What a reader would type: a line of a shell block, a Python block, or an inline command.

    `variables` are the assignments of shell variables that stand before it in the page.
    """

    line: int
    text: str
    python: bool = False
    inline: bool = False
    variables: tuple[str, ...] = ()


def pages() -> list[Path]:
    """Every page that is held to these tests."""
    fixed = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "bundle/docs/README.md")]
    return [*fixed, *sorted((ROOT / "docs").glob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """Fenced and indented code in order of the page."""
    return list(_blocks(text.splitlines()))


def prose(text: str) -> list[str]:
    """The lines of the page with those of code blocks emptied."""
    lines = text.splitlines()
    for block in _blocks(lines):
        for number in range(block.line - 1, block.line - 1 + len(block.text.splitlines())):
            lines[number] = ""
    return ["" if FENCE.match(line) else line for line in lines]


def spans(text: str) -> list[tuple[int, str]]:
    """(line, content) of inline code; a span that is broken over two lines is joined."""
    joined = "\n".join(prose(text))
    found = re.finditer(r"(?<!`)`([^`]+)`(?!`)", joined)
    return [(joined.count("\n", 0, m.start()) + 1, " ".join(m[1].split())) for m in found]


def commands(text: str) -> list[Command]:
    """All commands in order of the page; a mere name (`healthygan train`, `pytest`) is none."""
    found = [Command(line, span, inline=True) for line, span in spans(text) if is_command(span)]
    for block in blocks(text):
        if block.language == "python":
            found.append(Command(block.line, block.text, python=True))
        elif block.language == "shell":
            found += [Command(line, words) for line, words in _shell_lines(block)]
    variables: tuple[str, ...] = ()
    placed = []
    for command in sorted(found, key=lambda c: c.line):
        if not command.python and re.fullmatch(r"[A-Z_]+=(\"[^\"]*\"|\S*)", command.text):
            variables += (command.text,)
        else:
            placed.append(replace(command, variables=variables))
    return _sessions(placed)


def _sessions(placed: list[Command]) -> list[Command]:
    """Python blocks of a page go on with each other's names, until a shell command comes between."""
    merged: list[Command] = []
    last = None  # where the session stands that a block would go on with
    for command in placed:
        if command.python and last is not None:
            merged[last] = replace(merged[last], text=f"{merged[last].text}\n\n{command.text}")
            continue
        if not command.inline:
            last = len(merged) if command.python else None
        merged.append(command)
    return merged


def is_command(span: str) -> bool:
    """Whether inline code is something to type, not the name of a program or of a sub-command."""
    words = span.split()
    if words[0] not in PROGRAMS or len(words) < 2 or "..." in words or "…" in words:
        return False
    if words[0] == "healthygan":
        return words[1] in COMPLETE or not is_subcommand(words[1:])
    bare = words[:3] == ["python", "-m", "monai.bundle"] and len(words) < 5
    return not bare and words not in (["python", "-m", words[-1]], ["pip", "install"])


def is_subcommand(words: Sequence[str]) -> bool:
    """Whether the words name a sub-command of `healthygan` and nothing else."""
    parser: argparse.ArgumentParser = build_parser()
    for word in words:
        choices = [a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        if not choices or word not in choices[0]:
            return False
        parser = choices[0][word]
    return True


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for line in prose(text):
        if heading := re.match(r"#{1,6}\s+(.*)", line):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).strip().lower()
            anchor = re.sub(r"[^\w\- ]", "", words.replace("\\", "")).replace(" ", "-")
            found.add(anchor if anchor not in found else f"{anchor}-1")
    return found


def links(text: str) -> list[tuple[int, str]]:
    """(line, target) of every link and picture that is not to another site."""
    found = []
    for number, line in enumerate(prose(text), start=1):
        without_code = re.sub(r"`[^`]*`", "", line)
        for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", without_code):
            if not re.match(r"[a-z]+:", target):
                found.append((number, target))
    return found


def _blocks(lines: list[str]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        begin = number
        fence = FENCE.match(lines[number])
        if fence:
            number += 1
            while number < len(lines) and not lines[number].strip().startswith(fence[1]):
                number += 1
            yield _block(begin + 2, lines[begin + 1 : number], fence[2])
            number += 1
        elif lines[number].startswith("    ") and (begin == 0 or not lines[begin - 1].strip()):
            while number < len(lines) and (
                lines[number].startswith("    ") or not lines[number].strip()
            ):
                number += 1
            yield from _paragraphs(begin + 1, [line[4:] for line in lines[begin:number]])
        else:
            number += 1


def _paragraphs(line: int, inside: list[str]) -> Iterator[Block]:
    """An indented block, parted where a blank line stands between two languages."""
    whole: Block | None = None
    for text in re.split(r"\n[ \t]*\n", "\n".join(inside).rstrip()):
        part = _block(line, text.splitlines(), "")
        line += text.count("\n") + 2
        if whole is not None and part.language in (whole.language, "text"):
            whole = Block(whole.line, whole.language, f"{whole.text}\n\n{text}")
            continue
        if whole is not None:
            yield whole
        whole = part
    if whole is not None:
        yield whole


def _block(line: int, inside: list[str], told: str) -> Block:
    text = "\n".join(inside)
    return Block(line, LANGUAGES.get(told, told) or _language(text), text)


def _language(text: str) -> str:
    first = next((x for x in text.splitlines() if not x.startswith("#")), "").removeprefix("$ ")
    word = first.split(" ")[0]
    if word in SHELL or (ASSIGNMENT.match(first) and "," not in first.split("=")[0]):
        return "shell"
    if re.match(r"(import|from) \w", first):
        return "python"
    if first[:1] in "{[" or re.match(r'"\w+":', first):
        return "json"
    return "csv" if re.fullmatch(r"\w+(,\w+)+", first) else "text"


def _shell_lines(block: Block) -> Iterator[tuple[int, str]]:
    """(line, command): continued lines joined, prompts and what follows them in a session taken away."""
    lines = block.text.splitlines()
    prompted = any(line.startswith("$ ") for line in lines)
    waiting = ""
    for number, line in enumerate(lines, start=block.line):
        if prompted and not waiting and not line.startswith("$ "):
            continue
        waiting += line.removeprefix("$ ")
        if waiting.endswith("\\"):
            waiting = waiting[:-1] + " "
            continue
        if waiting.strip() and not waiting.lstrip().startswith("#"):
            yield number, waiting.strip()
        waiting = ""
