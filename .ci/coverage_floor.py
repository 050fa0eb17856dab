"""Print what share of lines and branches of each package SlipCover's file says were run.

python .ci/coverage_floor.py FILE; the exit code is 1 where one is below ``FLOOR``.
"""

import json
import sys

PACKAGES = ("healthygan_monai", "data_prep")
FLOOR = 0.9


def main(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        files = json.load(file)["files"]
    low = False
    for package in PACKAGES:
        parts = [about["summary"] for name, about in files.items() if name.startswith(package)]
        for kind in ("lines", "branches"):
            run, missed = (
                sum(part[f"{which}_{kind}"] for part in parts) for which in ("covered", "missing")
            )
            share = run / (run + missed)
            print(f"{package}: {share:.1%} of the {kind}")
            low |= share < FLOOR
    return int(low)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
