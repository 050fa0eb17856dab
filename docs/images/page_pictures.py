"""Pictures out of a page of the project (prep_report.html, report.html), as one small PNG.

python docs/images/page_pictures.py PAGE.html OUTPUT.png TEXT [TEXT ...]

One row a TEXT: the pictures whose description contains it, at most the first four; or, where it
begins with "last:", the last one alone. Small pictures are enlarged twice.
"""

import base64
import io
import re
import sys
from pathlib import Path

from PIL import Image

PICTURE = re.compile(
    r'<img (?:alt="([^"]*)" )?src="data:image/png;base64,([^"]*)"(?: alt="([^"]*)")?'
)
COLUMNS, GAP, SMALL, MOST_BYTES = 4, 4, 300, 200_000


def main(page: Path, output: Path, texts: list[str]) -> None:
    """Shrunk until it is small; SystemExit where a text describes no picture."""
    found = [
        (first or last, data) for first, data, last in PICTURE.findall(page.read_text("utf-8"))
    ]
    rows = []
    for text in texts:
        wanted = text.removeprefix("last:")
        fitting = [data for described, data in found if wanted in described]
        if not fitting:
            sys.exit(f"{page}: no picture described by {wanted!r}")
        chosen = fitting[-1:] if text.startswith("last:") else fitting[:COLUMNS]
        rows.append([_picture(data) for data in chosen])
    width = max(sum(p.width + GAP for p in row) - GAP for row in rows)
    height = sum(row[0].height + GAP for row in rows) - GAP
    whole = Image.new("RGB", (width, height), "white")
    y = 0
    for row in rows:
        x = 0
        for picture in row:
            whole.paste(picture, (x, y))
            x += picture.width + GAP
        y += row[0].height + GAP
    while True:
        whole.save(output, optimize=True)
        if output.stat().st_size < MOST_BYTES:
            return
        smaller = (round(whole.width * 0.9), round(whole.height * 0.9))
        whole = whole.resize(smaller, Image.Resampling.LANCZOS)


def _picture(data: str) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    return (
        picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST)
        if picture.width < SMALL
        else picture
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
