"""list.html: the cases sorted by score, with pictures; one file that loads nothing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from data_prep.files import whole
from healthygan_monai.studies.tables import Line


def write_page(
    path: Path, content: Mapping[str, Any], cases: Iterable[tuple[Line, list[str]]]
) -> None:
    """Write the page part by part, so that the pictures of one case are in memory at a time."""
    here = jinja2.FileSystemLoader(Path(__file__).parent)
    page = jinja2.Environment(loader=here, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    stream = page.get_template("list.html").stream(**content, cases=cases)
    with whole(path) as part, part.open("wb") as file:
        stream.dump(file, "utf-8", "backslashreplace")
