"""Make the rows of the benchmark's table from the cells on disk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.files import read_json
from healthygan_monai.benchmark.compare import Estimate, Runs, against, auc_over_seeds
from healthygan_monai.benchmark.folders import Cell
from healthygan_monai.benchmark.ranges import NONE, RANGE_NUMBERS, range_cells
from healthygan_monai.benchmark.table1 import paper_value
from healthygan_monai.paths import SCORES_FILE
from healthygan_monai.scoring import HEALTHYGAN, ScoreRow, read_scores

NOT_RUN = "not run"
REFERENCE = "reference"
COLUMNS = {
    "method": "method or variant",
    "variant": "variant of",
    "backbone": "backbone (weights)",
    "paper": "paper's AUC",
    "seeds": "seeds run",
    "auc": "AUC by image, mean ± sd (95 % interval)",
    "auc_seeds": "AUC by image, mean (min to max) of the seeds",
    "subject_auc": "AUC by subject, mean ± sd (95 % interval)",
    "n": "test images: diseased + healthy (subjects)",
    "difference": "AUC minus the reference's (95 % interval; p)",
    "critic_auc": "the critic's own AUC by image, mean (min to max)",
    "pixel_auroc": "pixel AUROC, mean (min to max)",
    "pixel_ap": "pixel average precision, mean (min to max)",
    "pointing": "brightest place in the lesion, mean (min to max)",
    "validation": "sensitivity, specificity at validation's threshold",
    "optimistic": "the same at the paper's threshold, chosen on test labels (optimistic)",
    "fit": "fit, s",
    "scoring": "scoring, ms an image",
    "memory": "peak memory, GB",
}
ESTIMATES = (
    *("auc_mean", "auc_sd", "auc_low", "auc_high"),
    *("subject_auc_mean", "subject_auc_sd", "subject_auc_low", "subject_auc_high"),
    *("difference_mean", "difference_low", "difference_high", "difference_p"),
)
NUMBERS = (*ESTIMATES, *RANGE_NUMBERS)  # of the CSV, beside the text
Row = dict[str, str]


def tables(
    cells: Sequence[Cell], protocols: Mapping[str, str | None], bootstrap: int
) -> dict[str, list[Row]]:
    """Return data set -> one row a method, in the grid's order; text by the keys of ``COLUMNS``."""
    found: dict[str, list[Row]] = {}
    for name, protocol in protocols.items():
        own = [cell for cell in cells if cell.dataset == name]
        planned: dict[str, list[Cell]] = {}
        for cell in own:
            planned.setdefault(cell.name, []).append(cell)
        done = {row: [c for c in kept if c.result.is_file()] for row, kept in planned.items()}
        results = {row: [read_json(c.result) for c in kept] for row, kept in done.items()}
        runs = {row: {c.seed: _scores(c) for c in kept} for row, kept in done.items()}
        reference = reference_of(own)
        found[name] = [
            {
                **_about(row, kept[0], protocol),
                "seeds": f"{len(results[row])} of {len(kept)}",
                **_row(row, results[row], runs, reference, bootstrap),
            }
            for row, kept in planned.items()
        ]
    return found


def reference_of(cells: Sequence[Cell]) -> str | None:
    """Return the row that the others are compared with: ``healthygan``, else its first variant.

    None if the grid has neither.
    """
    names = [cell.name for cell in cells if cell.method == HEALTHYGAN]
    return HEALTHYGAN if HEALTHYGAN in names else next(iter(names), None)


def _about(name: str, cell: Cell, protocol: str | None) -> Row:
    return {
        "method": name,
        "variant": cell.method if cell.is_variant else NONE,
        "paper": paper_value(protocol, name, cell.specification["settings"]),
    }


def _scores(cell: Cell) -> list[ScoreRow]:
    return read_scores(cell.folder / SCORES_FILE)


def _row(
    name: str,
    results: Sequence[Mapping[str, Any]],
    runs: Mapping[str, Runs],
    reference: str | None,
    bootstrap: int,
) -> Row:
    if not results:
        keys = [key for key in COLUMNS if key not in ("method", "variant", "paper", "seeds")]
        return {**dict.fromkeys(keys, NOT_RUN), **dict.fromkeys(NUMBERS, "")}
    first = results[0]
    counts = first["counts"]["test"]
    auc, subject_auc = (auc_over_seeds(runs[name], u, bootstrap) for u in ("image", "subject"))
    other = {} if reference in (None, name) else runs[reference]
    difference = against(runs[name], other, "image", bootstrap)
    return {
        **_numbers({"auc": auc, "subject_auc": subject_auc, "difference": difference}),
        **range_cells(results),
        "backbone": _backbone(first),
        "auc": _estimate(auc),
        "subject_auc": _estimate(subject_auc),
        "n": f"{counts['diseased']} + {counts['healthy']} ({counts['subjects']})",
        "difference": REFERENCE if name == reference else _difference(difference, other, reference),
        "validation": _operating(results, "validation"),
        "optimistic": _operating(results, "test_optimistic"),
        "fit": _mean(results, lambda r: r["fit"]["seconds"], "{:.1f}"),
        "scoring": _mean(results, _milliseconds, "{:.1f}"),
        "memory": _memory(results),
    }


def _backbone(result: Mapping[str, Any]) -> str:
    detector, settings = result["detector"], result["settings"]
    if "backbone" in detector:
        return f"{detector['backbone']} ({detector['weights']})"
    if settings.get("critic") == "pretrained":
        weights = settings["critic_weights"]
        given = f" ({Path(weights).name})" if weights else ""
        return f"{Path(settings['critic_backbone']).name}{given}, of the critic"
    return NONE


def _numbers(estimates: Mapping[str, Estimate | None]) -> Row:
    """Return the cells of ``ESTIMATES``; empty without a number."""
    found = {}
    for column in ESTIMATES:
        name, _, part = column.rpartition("_")
        value = getattr(estimates[name], part, None)
        found[column] = "" if value is None else repr(float(value))
    return found


def _difference(found: Estimate | None, other: Runs, reference: str | None) -> str:
    if not other:
        return f"{reference or HEALTHYGAN} {NOT_RUN}"
    if found is None:
        return NONE
    return f"{found.mean:+.2f} ({_interval(found, '+.2f')}; p {_p(found.p)})"


def _interval(found: Estimate, form: str) -> str:
    if found.low is None or found.high is None:
        return "no interval"
    return f"{found.low:{form}} to {found.high:{form}}"


def _p(value: float | None) -> str:
    if value is None:
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _estimate(found: Estimate | None) -> str:
    if found is None:
        return "one class only"
    sd = f"± {found.sd:.3f}" if found.sd is not None else "(one seed)"
    return f"{found.mean:.3f} {sd} ({_interval(found, '.2f')})"


def _operating(results: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return sensitivity and specificity by image, averaged over seeds."""
    cuts = [r["levels"]["image"]["thresholds"][name] for r in results]
    values = []
    for metric in ("sensitivity", "specificity"):
        known = [c[metric]["value"] for c in cuts if c and c.get(metric)]
        known = [value for value in known if value is not None]
        if not known:
            return NONE
        values.append(f"{np.mean(known):.2f}")
    return ", ".join(values)


def _milliseconds(result: Mapping[str, Any]) -> float:
    return 1000 * result["scoring"]["seconds"] / result["scoring"]["images"]


def _memory(results: Sequence[Mapping[str, Any]]) -> str:
    def mean(kind: str) -> str:
        held = (r["scoring"]["peak_memory"][kind] for r in results)
        known = [value / 1e9 for value in held if value is not None]
        return f"{np.mean(known):.2f}" if known else NONE

    return mean("main") if mean("gpu") == NONE else f"{mean('main')}; GPU {mean('gpu')}"


def _mean(
    results: Sequence[Mapping[str, Any]],
    value: Callable[[Mapping[str, Any]], float | None],
    form: str,
) -> str:
    known = [v for v in map(value, results) if v is not None]
    return form.format(np.mean(known)) if known else NONE
