"""Tables of methods in the docs are made from the registry.

``python tests/docs/test_method_tables.py`` writes them again, between two comments of each page.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from healthygan_monai.baselines.gan.detector import GanDetector
from healthygan_monai.baselines.gan.settings import GanSettings
from healthygan_monai.baselines.registry import DETECTORS

ROOT = Path(__file__).resolve().parents[2]
OF_ALL_GANS = {field.name for field in dataclasses.fields(GanSettings)}


def methods() -> Iterator[str]:
    yield (
        "| Method | Publication | File | Score of an image | Backbone | Map | Settings of its own |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name, detector in DETECTORS.items():
        home = detector.__module__.removeprefix("healthygan_monai.").replace(".", "/")
        shared = OF_ALL_GANS if issubclass(detector, GanDetector) else ()
        own = ", ".join(f"`{key}`" for key in detector.known_options() if key not in shared)
        backbone, drawn = ("yes" if t else "no" for t in (detector.has_backbone, detector.has_map))
        yield (
            f"| `{name}` | {detector.title}: {detector.reference} | `{home}.py` "
            f"| {detector.scores_by} | {backbone} | {drawn} | {own or 'none'} |"
        )


def departures() -> Iterator[str]:
    yield "| Method | Departures from its authors |"
    yield "|---|---|"
    for detector in DETECTORS.values():
        if detector.departures:
            yield f"| {detector.title} | {'<br>'.join(detector.departures)} |"


TABLES = {"docs/paper_to_code.md": methods, "docs/paper_vs_code.md": departures}


def written(text: str, rows: Callable[[], Iterator[str]]) -> str:
    """Return the page with its table written again."""
    between = r"(<!-- methods: [^>]*-->\n\n).*?(\n\n<!-- end -->)"
    table = "\n".join(rows())
    found, count = re.subn(between, lambda m: m[1] + table + m[2], text, flags=re.DOTALL)
    assert count == 1, "the page needs one pair of the comments"
    return found


@pytest.mark.parametrize("page", TABLES)
def test_the_table_of_methods_is_the_registrys(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == written(text, TABLES[page]), "run python tests/docs/test_method_tables.py"


if __name__ == "__main__":
    for page, rows in TABLES.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        (ROOT / page).write_text(written(text, rows), encoding="utf-8")
