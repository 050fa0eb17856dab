"""The documentation site: built without a warning, whole, and loading nothing of other sites."""

import html.parser
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs_pages import ROOT

import healthygan_monai
from data_prep import brain, datalist, film

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


def test_the_reference_has_every_public_name(site):
    found = Reader((site / "api_reference.html").read_text("utf-8")).identifiers
    for package in (healthygan_monai, datalist, film, brain):
        home, names = package.__name__, {n for n in package.__all__ if not n.startswith("__")}
        at = {n: {f"{home}.{n}", f"{home}.{n}.{n}", f"healthygan_monai.{n}"} for n in names}
        objects = {n for n in names if callable(getattr(package, n))}
        assert {n for n in objects if not at[n] & found} == set(), home
    assert "healthygan_monai.losses.HealthyGANLoss" in found


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
