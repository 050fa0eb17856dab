"""Read a Markdown page: its fences, its commands with their marks, its links and anchors.

A fence of ``sh`` or ``python`` is run. Words after the language change that: ``slow`` (only in
``pytest -m slow``), ``cannot: the reason`` (never), ``in=FOLDER`` (in this folder), ``exit=3`` (its
commands may end with 3). Inline code that is a command is run too. A comment on the line above its
paragraph or table changes that: ``<!-- slow -->`` or ``<!-- cannot: the reason -->``.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from healthygan_monai.cli.main import build_parser

ROOT = Path(__file__).resolve().parents[2]
MARKDOWN = MarkdownIt("commonmark").enable("table")
# what a mark may stand above; an indented block is an error
BLOCKS = ("fence", "paragraph_open", "table_open", "heading_open", "code_block")
# the languages of fences, each with the words that may follow it
LANGUAGES: dict[str, set[str]] = {
    "sh": {"slow", "in", "exit"},
    "python": {"slow"},
    **{name: set() for name in ("bibtex", "csv", "json", "text", "yaml")},
}
CHECKERS = ("pytest", "ruff", "mypy")
# programs that the tests do not have
ABSENT = (
    "Orthanc", "curl", "docker", "jupyter", "jupytext", "mkdocs", "mlflow", "monailabel",
    "slipcover", "unshare",
)  # fmt: skip
PROGRAMS = ("healthygan", "python", "pip", "torchrun", *CHECKERS)
WHOLE = ("healthygan demo", "healthygan bundle-path")  # commands without arguments


@dataclass(frozen=True)
class Fence:
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line of a shell fence, a whole Python fence, or inline code; ``line``: of its block."""

    line: int
    text: str
    kind: str  # run, slow or cannot
    python: bool = False
    inline: bool = False
    folder: str = "."
    exit_code: int = 0


@dataclass
class Page:
    text: str
    name: str
    fences: list[Fence] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    spans: list[tuple[int, str]] = field(default_factory=list)  # (line, inline code)
    links: list[tuple[int, str]] = field(default_factory=list)  # (line, target); not to other sites
    anchors: set[str] = field(default_factory=set)


def pages() -> dict[str, Page]:
    """Return every page of the project by its name."""
    fixed = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "bundle/docs/README.md")]
    paths = [*fixed, *sorted((ROOT / "docs").glob("*.md"))]
    named = {path.relative_to(ROOT).as_posix(): path for path in paths}
    return {name: read(path.read_text(encoding="utf-8"), name) for name, path in named.items()}


def read(text: str, name: str = "") -> Page:
    """Return the page; raise ``ValueError`` for an unknown or misplaced mark or language."""
    page, line, heading = Page(text, name), 1, False
    tokens = MARKDOWN.parse(text)
    blocks = [token for token in tokens if token.type == "html_block"]
    comments = [t for t in blocks if t.content.lstrip().startswith("<!--")]  # indented in a list
    marks = {t.map[1] + 1: kind for t in comments if t.map and (kind := _mark(t.content, name))}
    for token in tokens:
        if token.map and token.type in BLOCKS:
            line, heading = token.map[0] + 1, token.type == "heading_open"
        if token.type == "code_block":
            raise ValueError(f"{name}:{line}: an indented block; expected a fence with a language")
        if token.type == "fence":
            if line in marks:
                raise ValueError(
                    f"{name}:{line}: a mark above a fence; expected after its language"
                )
            _add_fence(page, token, line)
        elif token.type == "inline":
            _add_inline(page, token, line, marks.get(line, "run"))
            if heading:
                _add_anchor(page, token)
    for line in marks.keys() - {command.line for command in page.commands}:
        raise ValueError(f"{name}:{line}: the mark above it is for no command")
    return page


def _mark(comment: str, name: str) -> str:
    """Return slow or cannot; nothing for the comments around parts that a program writes."""
    text = comment.strip().removeprefix("<!--").removesuffix("-->").strip()
    if re.fullmatch(r"(model|methods|departures): .*|end( of \w+)?", text):
        return ""
    if text == "slow" or re.match(r"cannot: *\S", text):
        return text.partition(":")[0]
    raise ValueError(
        f"{name}: {comment.strip()}: expected <!-- slow --> or <!-- cannot: the reason -->"
    )


def _add_fence(page: Page, token: Token, line: int) -> None:
    info, cannot, reason = token.info.partition(" cannot:")
    language, *words = info.split() or [""]
    options = {key: value for key, _, value in (word.partition("=") for word in words)}
    known = LANGUAGES.get(language)
    if known is None or options.keys() - known or (cannot and not (known and reason.strip())):
        raise ValueError(f"{page.name}:{line}: {token.info!r} after a fence; expected {LANGUAGES}")
    page.fences.append(Fence(line, language, token.content))
    kind = "cannot" if cannot else "slow" if "slow" in options else "run"
    if language == "python":
        page.commands.append(Command(line, token.content, kind, python=True))
    elif language == "sh":
        folder, code = options.get("in", "."), int(options.get("exit", 0))
        for text in token.content.replace("\\\n", " ").splitlines():
            if text.strip() and not text.startswith("#"):
                command = Command(line, text.strip(), kind, folder=folder, exit_code=code)
                page.commands.append(command)


def _add_inline(page: Page, token: Token, line: int, kind: str) -> None:
    for child in token.children or []:
        if child.type == "html_inline" and child.content.startswith("<!--"):
            raise ValueError(
                f"{page.name}:{line}: {child.content}: expected on a line above the block"
            )
        if child.type == "code_inline":
            text = " ".join(child.content.split())
            page.spans.append((line, text))
            if is_command(text):
                page.commands.append(Command(line, text, kind, inline=True))
        target = str(child.attrGet("href") or child.attrGet("src") or "")
        if target and not re.match(r"[a-z]+:", target):
            page.links.append((line, target))


def _add_anchor(page: Page, heading: Token) -> None:
    """Add the anchor that GitHub gives to a heading."""
    parts = [c.content for c in heading.children or [] if c.type in ("text", "code_inline")]
    anchor = re.sub(r"[^\w\- ]", "", "".join(parts).lower()).replace(" ", "-")
    page.anchors.add(anchor if anchor not in page.anchors else f"{anchor}-1")


def is_command(span: str) -> bool:
    """Return whether inline code is to be typed; a mere name and a text with ``...`` are not."""
    words = span.split()
    if not words or words[0] not in PROGRAMS or len(words) < 2 or "..." in words:
        return False
    if words[:2] == ["python", "-m"] and len(words) < 5:
        return False
    return span in WHOLE or span not in _names()


@cache
def _names() -> frozenset[str]:
    return frozenset(name for name, _ in parsers())


def parsers(
    parser: argparse.ArgumentParser | None = None, name: str = "healthygan"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the command and all its sub-commands, each with its parser."""
    parser = parser or build_parser()
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from parsers(below, f"{name} {word}")
