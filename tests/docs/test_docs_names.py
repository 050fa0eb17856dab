"""What the pages name exists: links, anchors, files, options, config keys, names of the code."""

import csv
import json
import re
from functools import cache
from pathlib import Path

import pytest
from docs_pages import ABSENT, PROGRAMS, ROOT, parsers
from docs_story import PAGES

SPANS = [(f"{name}:{line}", text) for name, page in PAGES.items() for line, text in page.spans]
FOLDERS = ("bundle", "data_prep", "docs", "tests", "benchmarks", "healthygan_monai")
# names of the authors' code and of other programs
ELSEWHERE = {"solver.py", "resume_iters", "kaggle_3m", "load_decathlon_datalist", "inference_trt"}
ELSEWHERE |= {"ckpt_export", "verify_net_in_out", "verify_metadata", "key_in_ckpt"}
ELSEWHERE |= {"RestrictTransferSyntaxes", "RemoteAccessAllowed", "MonaiBundleInferenceOperator"}
# pip's, monailabel's
FOREIGN_OPTIONS = {
    *("--help", "--no-deps", "--build-constraint", "--index-url", "--conf"),
    *("--build-arg", "--shm-size"),  # of docker
}


@cache
def config_keys() -> set[str]:
    configs = (ROOT / "bundle" / "configs").glob("*.json")
    return {key for path in configs for key in json.loads(path.read_text())}


@cache
def options() -> set[str]:
    """Options of the command, of the scripts, and of ``monai.bundle`` (the keys of the configs)."""
    actions = [action for _, parser in parsers() for action in parser._actions]
    known = {option for action in actions for option in action.option_strings}
    scripts = [
        *(ROOT / "benchmarks").rglob("*.py"),
        ROOT / "healthygan_monai" / "cli" / "serving.py",
    ]
    for script in scripts:
        known |= {*re.findall(r'"(--[\w-]+)"', script.read_text(encoding="utf-8"))}
    return known | FOREIGN_OPTIONS | {f"--{key}" for key in config_keys()}


@cache
def words_of_the_code() -> set[str]:
    files = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*")]
    texts = [p for p in files if p.suffix in (".py", ".json", ".html", ".csv")]
    texts += [ROOT / "setup.cfg", ROOT / "constraints.txt"]
    return {w for p in texts for w in re.findall(r"\w+", p.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    dead = []
    for line, target in PAGES[page].links:
        path, _, anchor = target.partition("#")
        place = ((ROOT / page).parent / path if path else ROOT / page).resolve()
        there = PAGES.get(place.relative_to(ROOT).as_posix())
        if not place.exists() or (anchor and (there is None or anchor not in there.anchors)):
            dead.append(f"{page}:{line} {target}")
    assert dead == []


@pytest.mark.parametrize("page", PAGES)
def test_every_section_that_a_page_sends_to_exists(page):
    sent = r'\]\(([\w./]+\.md)\), (?:section (\d+)|"([^"]+)")'
    for target, number, title in re.findall(sent, " ".join(PAGES[page].text.split())):
        there = ((ROOT / page).parent / target).read_text(encoding="utf-8")
        title = re.escape(title)
        wanted = rf"^#+ {number}\." if number else rf"^#+ .*{title}|^\*\*{title}"
        assert re.search(wanted, there, re.MULTILINE), (target, number or title)


def test_every_file_of_the_project_that_is_named_exists():
    missing = []
    for place, span in SPANS:
        path = re.sub(r":\d+.*$", "", span).rstrip("/")
        if not re.fullmatch(r"[\w./*-]+", path) or path in ELSEWHERE:
            continue
        if (path.split("/")[0] in FOLDERS and "/" in path) or path.endswith(".py"):
            homes = (
                "",
                "data_prep/",
                "healthygan_monai/",
                "healthygan_monai/baselines/",
                "bundle/",
            )
            if not any([*ROOT.glob(home + path)] for home in homes):
                missing.append(f"{place} {span}")
    assert missing == []


def test_every_option_that_is_named_exists():
    """Those in commands are parsed with their command."""
    foreign = (*PROGRAMS, *ABSENT)
    spans = [(place, span) for place, span in SPANS if span.split()[0] not in foreign]
    named = [(p, option) for p, s in spans for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", s)]
    assert [(place, option) for place, option in named if option not in options()] == []


def test_every_key_that_is_set_is_one_of_the_configs_or_of_a_method():
    from healthygan_monai.baselines.registry import DETECTORS

    known = config_keys() | {key for method in DETECTORS.values() for key in method.known_options()}
    for name, page in PAGES.items():
        keys = {*re.findall(r"--set[ =]([a-z]\w*)(?:#\w+)?=", page.text)}
        assert keys <= known, name


def test_every_name_of_code_is_one():
    names = re.compile(r"[a-z]+(_[a-z0-9]+)+|([A-Z][a-z0-9]+){2,}")
    known = words_of_the_code() | ELSEWHERE
    assert [(p, s) for p, s in SPANS if names.fullmatch(s) and s not in known] == []


@pytest.mark.parametrize("page", PAGES)
def test_examples_are_whole(page):
    """Complete JSON can be read; every row of a table has the columns of its header."""
    for fence in PAGES[page].fences:
        if fence.language == "json" and "…" not in fence.text and "..." not in fence.text:
            lines = fence.text.splitlines()
            for text in lines if all(line[:1] in "{[" for line in lines) else [fence.text]:
                json.loads(text if text[:1] in "{[" else f"{{{text.rstrip().rstrip(',')}}}")
        elif fence.language == "csv":
            rows = list(csv.reader(fence.text.splitlines()))
            assert {len(row) for row in rows} == {len(rows[0])}, f"{page}:{fence.line}"


def test_every_page_is_reached_from_the_readme():
    seen: set[str] = set()
    waiting = ["README.md"]
    while waiting:
        name = waiting.pop()
        if name in PAGES and name not in seen:
            seen.add(name)
            targets = [target.partition("#")[0] for _, target in PAGES[name].links]
            paths = [(ROOT / name).parent / target for target in targets if target]
            waiting += [Path(path).resolve().relative_to(ROOT).as_posix() for path in paths]
    assert {*PAGES} == seen
