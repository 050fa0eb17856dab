"""How long the viewer and the gallery take to open, in a headless Chromium.

    python benchmarks/hospital/open_viewer.py [--cases 1000] [--side 256] [--gallery 100000]

Draws a scored folder of phantoms, four pictures a case, and opens it three times by `healthygan
view` and as gallery. Open: from the address until the cards in view have their pictures. Case: from
the key until its four pictures are there. The gallery of --gallery cases has no pictures: its size
and the time until its first page stands are what counts. Prints medians.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "helpers" / "browser"))

import viewed
from chromium import Chromium

from healthygan_monai.view.cases import Cases, read_cases
from healthygan_monai.view.gallery import write_gallery

READY = "document.documentElement.dataset.ready === 'yes'"
IN_VIEW = (
    "[...document.images].filter((i) => i.getBoundingClientRect().top < innerHeight)"
    ".every((i) => i.complete && (i.naturalWidth || i.closest('[hidden]')))"
)
CASE = "!document.getElementById('case').hidden && [...document.querySelectorAll('#panels img')]"
CASE += ".every((i) => i.naturalWidth)"
TIMES = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--gallery", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, data = viewed.make_run(folder, arguments.cases, arguments.side)
        command = [sys.executable, "-m", "healthygan_monai", "view", str(run), "--no-browser"]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
            assert served.stdout is not None
            address = served.stdout.readline().partition(" ")[2].strip()
            print(f"command until its address: {time.perf_counter() - start:.2f} s")
            report("viewer", arguments.cases, address)
            served.terminate()
            served.communicate()
        gallery = write_gallery(read_cases(run, data))
        report("gallery", arguments.cases, gallery.as_uri())
        large = folder / "large"
        large.mkdir()
        index = write_gallery(Cases(large, viewed.rows(arguments.gallery), None))
        size = sum(path.stat().st_size for path in index.parent.iterdir())
        with Chromium() as browser:
            opened = timed(lambda: browser.open(index.as_uri(), READY))
        print(f"gallery of {arguments.gallery:,} cases: {size / 1e6:.1f} MB, open {opened:.2f} s")


def report(what: str, cases: int, address: str) -> None:
    """Print the medians of a page, each time in a new browser."""
    opened, shown, following = [], [], []
    for _ in range(TIMES):
        with Chromium() as browser:
            opened.append(timed(lambda: browser.open(address, f"{READY} && {IN_VIEW}")))
            browser.press("j")
            shown.append(timed(lambda: press(browser, "Enter")))
            following.append(timed(lambda: press(browser, "ArrowRight")))
    words = (
        f"{n} {statistics.median(v):.2f} s"
        for n, v in (("open", opened), ("case", shown), ("next case", following))
    )
    print(f"{what} of {cases:,} cases: {', '.join(words)}")


def press(browser: Chromium, key: str) -> None:
    before = browser.value("location.hash")
    browser.press(key)
    browser.wait(f"location.hash !== '{before}' && {CASE}")


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
