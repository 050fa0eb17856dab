"""list.html: the cases sorted by score, with pictures; one file that loads nothing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from data_prep.files import whole
from data_prep.output.page import template
from healthygan_monai.studies.tables import Line

LIST = Path(__file__).parent / "list.html"


def write_page(
    path: Path, content: Mapping[str, Any], cases: Iterable[tuple[Line, list[str]]]
) -> None:
    """Write the page part by part, so that the pictures of one case are in memory at a time."""
    stream = template(LIST).stream(**content, cases=cases)
    with whole(path) as part, part.open("wb") as file:
        stream.dump(file, "utf-8", "backslashreplace")
