"""Four cases of a scored data set, one a column: image, healthy translation, difference.

python docs/images/map_picture.py MODEL DATASET SCORED OUTPUT [--model-column TITLE=MODEL ...]

SCORED is what ``healthygan infer`` and ``evaluate`` wrote. A rule chooses the cases, not a person:
the test image with the median score of those found, of the healthy ones not called, of the false
alarms, and of the missed ones, at the label-chosen threshold. A kind without an image is left out,
and so are images labelled diseased whose lesion mask is empty: slices beside the lesion.
Each --model-column adds the first case by another model.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from healthygan_monai.report.case_pictures import case_pictures
from healthygan_monai.report.cases import COLOURS, CONTOUR, Translation
from healthygan_monai.scoring import ScoreRow, read_scores

PARTS = ("image", "healthy", "difference")
TITLES = ("image", "healthy translation", "difference")
KINDS = {
    "diseased, found": (1, True),
    "healthy, not called": (0, False),
    "healthy, false alarm": (0, True),
    "diseased, missed": (1, False),
}
WHITE_PERCENTILE = 99.8  # of all pixels shown, as in the report


def choose(
    rows: list[ScoreRow], threshold: float, translate: Callable[[ScoreRow], Translation]
) -> dict[str, ScoreRow]:
    """Return the median case of each kind by its title."""
    test = sorted((row for row in rows if row.section == "test"), key=lambda row: row.score)
    test = [row for row in test if not row.label or shows_lesion(translate(row))]
    cases = {}
    for title, (label, called) in KINDS.items():
        kind = [row for row in test if (row.label, row.score >= threshold) == (label, called)]
        if kind:
            cases[title] = kind[len(kind) // 2]
    return cases


def shows_lesion(case: Translation) -> bool:
    """Return whether a lesion is outlined in the image, or nobody has outlined one."""
    return case.lesion is None or bool(np.any(case.lesion))


def draw(cases: dict[str, tuple[Translation, float]], output: Path) -> None:
    """Draw the cases with one scale of the difference."""
    shown = [case for case, _ in cases.values()]
    differences = np.concatenate([np.ravel(case.difference) for case in shown])
    most = float(np.percentile(differences, WHITE_PERCENTILE))
    figure, axes = plt.subplots(
        3, len(cases), figsize=(2 * len(cases) + 0.4, 6.3), layout="constrained", squeeze=False
    )
    cyan = tuple(part / 255 for part in CONTOUR)
    for column, (title, (case, score)) in zip(axes.T, cases.items(), strict=True):
        for axis, part in zip(column, PARTS, strict=True):
            colours, top = (COLOURS, most) if part == "difference" else ("gray", 1.0)
            drawn = axis.imshow(getattr(case, part), cmap=colours, vmin=0, vmax=top)
            axis.set(xticks=[], yticks=[])
            if part != "healthy" and case.lesion is not None and case.lesion.any():
                axis.contour(case.lesion, levels=[0.5], colors=[cyan], linewidths=0.8)
        column[0].set_title(title, fontsize=9)
        column[2].set_xlabel(f"score {score:.5f}", fontsize=9)
    for axis, title in zip(axes[:, 0], TITLES, strict=True):
        axis.set_ylabel(title, fontsize=9)
    figure.colorbar(drawn, ax=axes[2, :], shrink=0.8)
    figure.savefig(output, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("model", "dataset", "scored", "output"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--model-column", action="append", default=[], metavar="TITLE=MODEL")
    given = parser.parse_args()
    evaluation = json.loads((given.scored / "evaluation.json").read_text(encoding="utf-8"))
    threshold = evaluation["levels"]["image"]["thresholds"]["validation"]["threshold"]
    translate = case_pictures(given.model, given.dataset)
    chosen = choose(read_scores(given.scored / "scores.csv"), threshold, translate)
    cases = {title: (translate(row), row.score) for title, row in chosen.items()}
    for title, _, model in (column.partition("=") for column in given.model_column):
        case = case_pictures(Path(model), given.dataset)(next(iter(chosen.values())))
        cases[title] = (case, float(np.mean(case.difference)))
    draw(cases, given.output)


if __name__ == "__main__":
    main()
