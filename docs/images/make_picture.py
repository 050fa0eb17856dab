"""The README's picture, from a run: input, mask, healthy translation and difference of the report's
cases.

python docs/images/make_picture.py healthygan-demo/runs/00000-demo docs/images/demo.png
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from healthygan_monai.report.artefacts import read_artefacts
from healthygan_monai.report.case_pictures import case_pictures
from healthygan_monai.report.cases import pick_cases

TITLES = ("input", "mask", "healthy translation", "difference")


def main(run: Path, output: Path) -> None:
    found = read_artefacts(run)
    level = found.evaluation["levels"]["image"]
    threshold = level["thresholds"]["validation"]["threshold"]
    cases = pick_cases(found.scores, threshold, per_kind=3)
    rows = [*cases["true positive"], *cases["true negative"][:1]]
    translate = case_pictures(run / "model.pt", found.run["dataset"])
    shown = [translate(row) for row in rows]
    most = max(float(case.difference.max()) for case in shown)
    figure, axes = plt.subplots(
        len(rows), 4, figsize=(8, 2 * len(rows)), layout="constrained", squeeze=False
    )
    for line, row, case in zip(axes, rows, shown, strict=True):
        parts = (case.image, case.mask, case.healthy, case.difference)
        for axis, part, title in zip(line, parts, TITLES, strict=True):
            colours = "inferno" if title == "difference" else "gray"
            drawn = axis.imshow(
                part, cmap=colours, vmin=0, vmax=most if colours == "inferno" else 1
            )
            axis.set(xticks=[], yticks=[])
            if row is rows[0]:
                axis.set_title(title, fontsize=10)
            if case.lesion is not None and case.lesion.any() and title in ("input", "difference"):
                axis.contour(case.lesion, levels=[0.5], colors="cyan", linewidths=0.8)
        line[0].set_ylabel("diseased" if row.label else "healthy", fontsize=10)
    figure.colorbar(drawn, ax=axes[:, 3], shrink=0.6)
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
