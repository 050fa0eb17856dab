"""The templates of the pages: no network, nothing from elsewhere, they print on A4."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


def template(name: str) -> Template:
    """Return report.html or review.html of this folder."""
    from jinja2 import Environment, FileSystemLoader

    here = FileSystemLoader(Path(__file__).parent)
    page = Environment(loader=here, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return page.get_template(name)
