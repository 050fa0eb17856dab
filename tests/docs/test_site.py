"""The documentation site: built without a warning, whole, and loading nothing of other sites."""

import ast
import functools
import html.parser
import importlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TypeVar

import pytest
from docs_pages import ROOT
from scripts import script

from data_prep import brain, datalist
from healthygan_monai import losses

NEEDED = ("mkdocs", "material", "mkdocstrings_handlers.python")
LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href"}


def is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not all(map(is_there, NEEDED)), reason="needs the extra [docs]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Reader(html.parser.HTMLParser):
    """What a page loads, and the identifiers in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.identifiers: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADED and given.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(given.get(LOADED[tag]) or "")
        if given.get("id"):
            self.identifiers.add(str(given["id"]))


def test_no_page_loads_anything_of_another_site(site):
    pages = {path: Reader(path.read_text("utf-8")) for path in site.rglob("*.html")}
    assert len(pages) > 30
    foreign = [(p.name, x) for p, r in pages.items() for x in r.loaded if re.match(r"(\w+:)?//", x)]
    assert foreign == []
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", styles)
    # the theme fetches a program of diagrams for pages that have one
    assert not any('class="mermaid' in path.read_text("utf-8") for path in pages)


def public_names(module: ModuleType) -> set[str]:
    """``__all__``; where there is none, all that the module itself defines: constants too."""
    if hasattr(module, "__all__"):
        return {name for name in module.__all__ if not name.startswith("__")}
    names: set[str] = set()
    for node in ast.parse(Path(str(module.__file__)).read_text("utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            stored = (n for target in targets for n in ast.walk(target))
            names |= {n.id for n in stored if isinstance(n, ast.Name)}
    of_types = {name for name, value in vars(module).items() if isinstance(value, TypeVar)}
    return {name for name in names - of_types if not name.startswith("_")}


def test_constants_are_public_names():
    assert {"SECTIONS", "FILE_NAME", "Item"} <= public_names(datalist)
    assert {"NORMAL_AXIS", "Head"} <= public_names(brain)
    assert {"FOCUS_EPS", "HealthyGANLoss"} <= public_names(losses)


def documented_homes(hooks: ModuleType) -> tuple[str, ...]:
    """The modules whose public names the page of the reference has."""
    return ("healthygan_monai", *(name for names in hooks.PUBLIC.values() for name in names))


def undocumented_members(cls: type) -> set[str]:
    """Public members of its own that the page would leave out, or show without a word.

    A field of a dataclass may be named in the docstring of the class instead, under Attributes or
    in a sentence.
    """
    told = set(re.findall(r"\w+", cls.__doc__ or ""))
    callables = (FunctionType, classmethod, staticmethod, property, functools.cached_property)
    found = {n for n, v in vars(cls).items() if isinstance(v, callables) and not v.__doc__}
    if is_dataclass(cls):  # the words of a flag stand in the signature
        own = set(inspect.get_annotations(cls)) - told
        found |= {f.name for f in fields(cls) if f.name in own and not f.metadata.get("help")}
    return {f"{cls.__module__}.{cls.__name__}.{name}" for name in found if name[0] != "_"}


def test_a_member_without_a_docstring_is_found():
    @dataclass
    class Sample:
        """A sample.

        Attributes:
            told: of it.
        """

        told: int
        bare: int

        @property
        def seen(self) -> int:
            """Return it."""
            return self.told

        @property
        def unseen(self) -> int:
            return self.told

        @classmethod
        def made(cls) -> None: ...

        def run(self) -> None: ...

        def _own(self) -> None: ...

    names = {name.rpartition(".")[2] for name in undocumented_members(Sample)}
    assert names == {"bare", "unseen", "made", "run"}


def test_every_member_in_the_reference_has_a_docstring():
    classes = {
        value
        for module in map(importlib.import_module, documented_homes(script("docs/site/hooks.py")))
        for name in public_names(module)
        if inspect.isclass(value := getattr(module, name))
    }
    assert len(classes) > 20
    assert set().union(*map(undocumented_members, classes)) == set()


def test_the_reference_has_every_public_name(site):
    hooks = script("docs/site/hooks.py")
    found = Reader((site / hooks.API.replace(".md", ".html")).read_text("utf-8")).identifiers
    homes = documented_homes(hooks)
    assert {"data_prep.datalist", "data_prep.film", "data_prep.brain"} <= set(homes)
    lacking = set()
    for home in homes:
        for name in public_names(importlib.import_module(home)):
            # mkdocstrings takes a name for the module of the same name; errors stand once
            at = {f"{home}.{name}", f"{home}.{name}.{name}", f"healthygan_monai.{name}"}
            if not at & found:
                lacking.add(f"{home}.{name}")
    assert lacking == set()


def test_every_page_is_searched(site):
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    places = {entry["location"].partition("#")[0] for entry in index["docs"]}
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")} - {"404.html"}
    assert pages - places - {"index.html"} == set()


def test_lists_tables_and_examples_are_no_plain_text(site):
    """What GitHub shows as a list, the site's reader may take for a paragraph."""
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8").partition("<article")[2].partition("</article>")[0]
        text = re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)
        left = re.findall(r"(?:<p>|\n)(?:- |\d+\. |\|[- ]|```|&gt;&gt;&gt;).{0,40}", text)
        assert left == [], path.name
