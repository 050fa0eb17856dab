"""The page of the viewer and of the gallery: its template, style and scripts."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from data_prep.output.page import template

PAGE = Path(__file__).parent / "page"
STYLE, CASES_SCRIPT = "style.css", "cases.js"
SCRIPTS = ("shared.js", "grid.js", "case.js", "marks.js", "volume.js", "start.js")
NIIVUE = PAGE / "niivue" / "niivue.umd.js"
COLOURS = "inferno"  # even steps to the eye, also to the colour blind
STEPS = 33  # of the colours in an SVG filter; between them it is linear
# a page opened as a file has no origin of its own: 'self' may be nothing
GALLERY_POLICY = (
    "default-src 'none'; img-src 'self' file: data:; style-src 'self' file:; "
    "script-src 'self' file:; base-uri 'none'; form-action 'none'"
)


def page(name: str, *, back: str = "", remark_length: int = 0, policy: str = "") -> str:
    """Return the HTML of the page.

    Args:
        name: of the run.
        back: address of the report, "" for none.
        remark_length: most characters of a remark; 0: the page takes no marks.
        policy: Content-Security-Policy, where no header carries it.
    """
    return template(PAGE / "index.html").render(
        name=name,
        kind="viewer" if remark_length else "all cases",
        back=back,
        marks=remark_length,
        policy=policy,
        colours=_colours(),
        scripts=(CASES_SCRIPT, *SCRIPTS),
    )


def cases_script(data: Mapping[str, Any], **more: Any) -> str:
    """Return cases.js: the data of the page, a row a line."""
    head = json.dumps({**data, **more, "rows": []})
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in data["rows"])
    return f"const DATA = {head};\nDATA.rows = [\n{rows}\n];\n"


def _colours() -> Sequence[str]:
    """Return the red, green and blue values of the scale, as SVG's ``tableValues``."""
    table = matplotlib.colormaps[COLOURS](np.linspace(0, 1, STEPS))[:, :3]
    return [" ".join(f"{value:.4f}" for value in channel) for channel in table.T]
