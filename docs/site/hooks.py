"""What MkDocs needs to show the pages as they are: those outside ``docs/``, and the API reference.

The pages are written for GitHub: they link to files above ``docs/``, and the words after the
language of a fence tell the tests how to run it. Nothing is changed on disk.
"""

import ast
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
# files above docs/ that a page links to, and their names in the site
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "CITATION.cff": "citation.md",
    "bundle/docs/README.md": "model_card.md",
    "bundle/docs/data_license.txt": "data_license.md",
}
INSIDE = {site: source for source, site in OUTSIDE.items()}
API = "api_reference.md"
# modules beside healthygan_monai.__all__ whose names others may use: docs/architecture.md
PUBLIC = {
    "Lists of images (`dataset.json`)": ("data_prep.datalist",),
    "One film or head to frames": ("data_prep.film", "data_prep.brain", "data_prep.frame.framing"),
    "The paper": (
        "healthygan_monai.composition",
        "healthygan_monai.losses",
        "healthygan_monai.trainer",
        "healthygan_monai.inferer",
        "healthygan_monai.networks.generator",
        "healthygan_monai.networks.discriminator",
    ),
    "A method of your own": ("healthygan_monai.baselines.base",),
}
ONCE = ["!^_", "!Error$"]  # the errors stand at healthygan_monai
LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(\))")
FENCE = re.compile(r"^(\s*```[a-z]+)[ \t]+\S.*$", re.MULTILINE)
MARK = re.compile(r"^ *<!-- .* -->\n", re.MULTILINE)  # for the tests and for `export zoo`


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not below ``docs/``."""
    for source, site in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if not source.endswith(".md"):
            text = f"# {Path(source).name}\n\n```text\n{text}\n```\n"
        files.append(File.generated(config, site, content=text))
    files.append(File.generated(config, API, content=api_reference()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to the places that the pages have in the site, and make fences plain."""
    site = page.file.src_uri
    source = INSIDE.get(site, f"docs/{site}")

    def lead(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[2]))
        there = OUTSIDE.get(target, target.removeprefix("docs/"))
        path = posixpath.relpath(there, posixpath.dirname(site) or ".")
        return f"{link[1]}{path}{link[3] or ''}{link[4]}"

    return LINK.sub(lead, FENCE.sub(r"\1", MARK.sub("", markdown)))


def names_of(package: str) -> list[str]:
    """Return ``__all__`` of a package without importing it; nothing where it has none."""
    home = ROOT.joinpath(*package.split("."), "__init__.py")
    if not home.is_file():
        return []
    for node in ast.parse(home.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [name for name in ast.literal_eval(node.value) if not name.startswith("__")]
    return []


def hidden_names(package: str) -> list[str]:
    """Return the names that mkdocstrings takes for a module of the same name."""
    home = ROOT.joinpath(*package.split("."))
    names = [name for name in names_of(package) if (home / f"{name}.py").is_file()]
    return [f"{package}.{name}.{name}" for name in names]


def api_reference() -> str:
    """Return the page that mkdocstrings fills from the docstrings."""
    lines = ["# API reference", "", "Made from the docstrings. [Examples](python_api.md).", ""]
    lines += ["## healthygan_monai", ""]
    lines += [f"::: healthygan_monai.{name}\n" for name in names_of("healthygan_monai")]
    for title, modules in PUBLIC.items():
        lines += [f"## {title}", ""]
        for module in modules:
            lines += [f"::: {module}\n    options:\n      filters: {ONCE}\n"]
            lines += [f"::: {name}\n" for name in hidden_names(module)]
    return "\n".join(lines)
