"""The top of a report as a picture, in a headless Chromium.

python docs/images/report_picture.py RUN/report.html docs/images/report.png
"""

import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "helpers" / "browser"))

from chromium import Chromium


def main(report: Path, output: Path) -> None:
    """Take the picture, and make the file small."""
    with Chromium(1000, 900) as browser:
        browser.open(report.resolve().as_uri(), "document.readyState === 'complete'")
        browser.picture(output)
    Image.open(output).convert("RGB").quantize(128).save(output, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
