"""What the pages name is there: links, anchors, sections, files, options, config keys, names of the code."""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from docs_pages import ROOT, anchors, blocks, links, name_of, pages, spans
from docs_table import OTHER_PROGRAMS

from healthygan_monai.cli.main import build_parser

TEXTS = {name_of(page): page.read_text(encoding="utf-8") for page in pages()}
CONFIGS = (
    "train",
    "train_baseline",
    "inference",
    "inference_baseline",
    "evaluate",
    "multi_gpu_train",
)
FOLDERS = ("bundle", "data_prep", "docs", "tests", "benchmarks", "healthygan_monai")
# of the authors' code and of other programs
ELSEWHERE = {
    "solver.py",
    "resume_iters",
    "load_decathlon_datalist",
    "ckpt_export",
    "verify_net_in_out",
    "verify_metadata",
    "kaggle_3m",
    "inference_trt",
    "key_in_ckpt",
}
FOREIGN_OPTIONS = {
    "--standalone",
    "--nnodes",
    "--nproc_per_node",
    "--config_file",
    "--help",
    "--version",
    "--no-deps",  # pip
    "--build-constraint",  # pip
    "--conf",  # monailabel
}
CELLS = [(page, *cell) for page, text in TEXTS.items() for cell in spans(text)]


def parsers(
    parser: argparse.ArgumentParser, name: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """(name of the sub-command, parser), all of them."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from parsers(below, f"{name} {word}".strip())


@cache
def options_of(command: str) -> set[str]:
    """Options of the sub-command that these words begin with."""
    words = command.split()
    fitting = [(n, p) for n, p in parsers(build_parser()) if words[: len(n.split())] == n.split()]
    parser = max(fitting, key=lambda pair: len(pair[0].split()))[1]
    return {option for action in parser._actions for option in action.option_strings}


@cache
def config_keys() -> set[str]:
    files = [ROOT / "bundle" / "configs" / f"{name}.json" for name in CONFIGS]
    return {key for file in files if file.is_file() for key in json.loads(file.read_text())}


@cache
def all_options() -> set[str]:
    known = {
        option
        for _, parser in parsers(build_parser())
        for a in parser._actions
        for option in a.option_strings
    }
    scripts = [
        *(ROOT / "benchmarks").glob("*.py"),
        ROOT / "data_prep" / "lesions.py",
        ROOT / "healthygan_monai" / "serving" / "__main__.py",
        *(ROOT / "docs").rglob("*.py"),
    ]
    for script in scripts:
        known |= {*re.findall(r'"(--[\w-]+)"', script.read_text(encoding="utf-8"))}
    return known | FOREIGN_OPTIONS | {f"--{key}" for key in config_keys()}


@cache
def words_of_the_code() -> set[str]:
    files = [
        p
        for f in FOLDERS
        for p in (ROOT / f).rglob("*")
        if p.suffix in (".py", ".json", ".html", ".csv")
    ]
    files += [ROOT / "setup.cfg", ROOT / "constraints.txt"]
    return {w for p in files for w in re.findall(r"\w+", p.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_leads_somewhere(page):
    dead = []
    for line, target in links(TEXTS[page]):
        path, _, anchor = target.partition("#")
        place = (ROOT / page).parent / path if path else ROOT / page
        if not place.exists() or (
            anchor and anchor not in anchors(place.read_text(encoding="utf-8"))
        ):
            dead.append(f"{page}:{line} {target}")
    assert dead == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_section_that_a_page_sends_to_is_there(page):
    text = " ".join(TEXTS[page].split())
    missing = []
    for target, number, title in re.findall(
        r'\]\(([\w./]+\.md)\), (?:section (\d+)|"([^"]+)")', text
    ):
        there = ((ROOT / page).parent / target).read_text(encoding="utf-8")
        wanted = (
            rf"^#+ {number}\." if number else rf"^#+ .*{re.escape(title)}|^\*\*{re.escape(title)}"
        )
        if not re.search(wanted, there, re.MULTILINE):
            missing.append((target, number or title))
    assert missing == []


def test_every_file_of_the_project_that_is_named_is_there():
    missing = []
    for page, line, span in CELLS:
        path = re.sub(r":\d+.*$", "", span).rstrip("/")
        if not re.fullmatch(r"[\w./*-]+", path) or path in ELSEWHERE:
            continue
        ours = path.split("/")[0] in FOLDERS and "/" in path
        if ours or path.endswith(".py"):
            tried = [
                path,
                f"healthygan_monai/{path}",
                f"healthygan_monai/baselines/{path}",
                f"bundle/{path}",
            ]
            if not any((ROOT / p).exists() or any(ROOT.glob(p)) for p in tried):
                missing.append(f"{page}:{line} {span}")
    assert missing == []


def test_every_option_that_is_named_is_understood():
    unknown = []
    for page, line, span in CELLS:
        words = span.split()
        if words[0] in OTHER_PROGRAMS:
            continue
        known = options_of(" ".join(words[1:])) if words[0] == "healthygan" else all_options()
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", span):
            if option not in known:
                unknown.append(f"{page}:{line} {option} in {span}")
    assert unknown == []


def test_every_key_that_is_set_is_one_of_the_configs_or_of_a_method():
    from healthygan_monai.baselines.registry import DETECTORS

    known = config_keys() | {key for method in DETECTORS.values() for key in method.known_options()}
    unknown = []
    for page, text in TEXTS.items():
        for key in re.findall(r"--set[ =]([a-z]\w*)(?:#\w+)?=", text):
            if key not in known:
                unknown.append((page, key))
    assert unknown == []


def test_every_name_of_code_is_one():
    unknown = []
    for page, line, span in CELLS:
        if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+|([A-Z][a-z0-9]+){2,}", span):
            continue
        if span not in words_of_the_code() | ELSEWHERE:
            unknown.append(f"{page}:{line} {span}")
    assert unknown == []


@pytest.mark.parametrize("page", TEXTS)
def test_examples_are_whole(page):
    """JSON that is not cut short can be read; every row of a table has the columns of its header."""
    for block in blocks(TEXTS[page]):
        if block.language == "json" and "…" not in block.text and "..." not in block.text:
            lines = block.text.splitlines()
            texts = lines if all(line[:1] in "{[" for line in lines) else [block.text]
            for text in texts:
                json.loads(text if text[:1] in "{[" else f"{{{text.rstrip(',')}}}")
        elif block.language == "csv":
            rows = list(csv.reader(block.text.splitlines()))
            assert {len(row) for row in rows} == {len(rows[0])}, f"{page}:{block.line}"


def test_every_page_is_reached_from_the_readme():
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen and page.suffix == ".md" and page.is_file():
            seen.add(page)
            targets = [t.partition("#")[0] for _, t in links(page.read_text(encoding="utf-8"))]
            waiting += [(page.parent / t).resolve() for t in targets if t]
    assert {*pages()} <= seen
