"""The picture of the viewer in docs/viewer.md: the first case of a run, in a headless Chromium.

python docs/images/viewer_picture.py healthygan-demo/runs/00000-demo docs/images/viewer.png
"""

import sys
import threading
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "helpers" / "browser"))

from chromium import Chromium

from healthygan_monai.paths import dataset_of_run
from healthygan_monai.view.cases import read_cases
from healthygan_monai.view.server import Viewer

READY = "document.documentElement.dataset.ready === 'yes'"
CASE = "[...document.querySelectorAll('#panels img')].every((i) => i.naturalWidth)"


def main(run: Path, output: Path) -> None:
    """Take the picture, and make the file small."""
    with Viewer(read_cases(run, dataset_of_run(run))) as viewer:
        threading.Thread(target=viewer.serve_forever, daemon=True).start()
        with Chromium(1200, 820) as browser:
            browser.open(viewer.address, READY)
            browser.press("j")
            browser.press("Enter")
            browser.wait(f"!document.getElementById('case').hidden && {CASE}")
            browser.picture(output)
        viewer.shutdown()
    Image.open(output).convert("RGB").save(output, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
