"""gallery/ beside a report: all cases as static pages that need no network and no server."""

import os
from pathlib import Path
from urllib.parse import quote

from data_prep.files import write_text
from healthygan_monai.paths import GALLERY_FOLDER, PICTURES_FOLDER, REPORT_FILE
from healthygan_monai.view.cases import Cases
from healthygan_monai.view.page_files import (
    CASES_SCRIPT,
    GALLERY_POLICY,
    PAGE,
    SCRIPTS,
    STYLE,
    cases_script,
    page,
)


def write_gallery(cases: Cases) -> Path:
    """Write FOLDER/gallery/ and return its index.html.

    No picture is copied: the page shows those of FOLDER/pictures and of the data set where they
    are, by their paths relative to it.
    """
    folder = cases.folder / GALLERY_FOLDER
    script = cases_script(
        cases.data(),
        served=False,
        marks=[],
        inputs=_relative(cases.inputs, folder),
        pictures=f"../{PICTURES_FOLDER}/",
    )
    write_text(folder / CASES_SCRIPT, script)
    for name in (STYLE, *SCRIPTS):
        write_text(folder / name, (PAGE / name).read_text(encoding="utf-8"))
    index = folder / "index.html"
    write_text(index, page(cases.folder.name, back=f"../{REPORT_FILE}", policy=GALLERY_POLICY))
    return index


def _relative(inputs: Path | None, folder: Path) -> str:
    """Return the address of the inputs as seen from a folder; "" on another drive, or for none."""
    if inputs is None:
        return ""
    try:
        below = os.path.relpath(inputs.resolve(), folder.resolve())
    except ValueError:
        return ""
    return quote(Path(below).as_posix()) + "/"
