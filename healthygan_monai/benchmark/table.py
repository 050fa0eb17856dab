"""Make the rows of the benchmark's table from the cells on disk."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from data_prep.files import read_json
from healthygan_monai.benchmark.compare import Estimate, Runs, against, auc_over_seeds
from healthygan_monai.benchmark.grid import Cell
from healthygan_monai.benchmark.table1 import HEALTHYGAN, paper_value
from healthygan_monai.paths import SCORES_FILE
from healthygan_monai.scoring import ScoreRow, read_scores

NOT_RUN = "not run"
NONE = "–"
COLUMNS = {
    "method": "method",
    "backbone": "backbone (weights)",
    "paper": "paper's AUC",
    "seeds": "seeds run",
    "auc": "AUC by image, mean ± sd (95 % interval)",
    "subject_auc": "AUC by subject, mean ± sd (95 % interval)",
    "n": "test images: diseased + healthy (subjects)",
    "difference": "AUC minus HealthyGAN's (95 % interval; p)",
    "validation": "sensitivity, specificity at validation's threshold",
    "optimistic": "the same at the paper's threshold, chosen on test labels (optimistic)",
    "fit": "fit, s",
    "scoring": "scoring, ms an image",
    "memory": "peak memory, GB",
}
NUMBERS = (  # of the CSV, beside the text
    *("auc_mean", "auc_sd", "auc_low", "auc_high"),
    *("subject_auc_mean", "subject_auc_sd", "subject_auc_low", "subject_auc_high"),
    *("difference_mean", "difference_low", "difference_high", "difference_p"),
)
Row = dict[str, str]


def tables(
    cells: Sequence[Cell], protocols: Mapping[str, str | None], bootstrap: int
) -> dict[str, list[Row]]:
    """Return data set -> one row a method, in the grid's order; text by the keys of ``COLUMNS``."""
    found: dict[str, list[Row]] = {}
    for name, protocol in protocols.items():
        own = [cell for cell in cells if cell.dataset == name]
        done: dict[str, list[Cell]] = {cell.method: [] for cell in own}
        for cell in own:
            done[cell.method] += [cell] * cell.result.is_file()
        results = {m: [read_json(c.result) for c in kept] for m, kept in done.items()}
        runs = {m: {c.seed: _scores(c) for c in kept} for m, kept in done.items()}
        found[name] = [
            {
                "method": method,
                "paper": paper_value(protocol, method),
                "seeds": f"{len(results[method])} of {sum(c.method == method for c in own)}",
                **_row(method, results[method], runs, bootstrap),
            }
            for method in results
        ]
    return found


def _scores(cell: Cell) -> list[ScoreRow]:
    return read_scores(cell.folder / SCORES_FILE)


def _row(
    method: str, results: Sequence[Mapping[str, Any]], runs: Mapping[str, Runs], bootstrap: int
) -> Row:
    if not results:
        keys = [key for key in COLUMNS if key not in ("method", "paper", "seeds")]
        return {**dict.fromkeys(keys, NOT_RUN), **dict.fromkeys(NUMBERS, "")}
    first = results[0]
    counts = first["counts"]["test"]
    detector = first["detector"]
    weights = f"{detector['backbone']} ({detector['weights']})" if "backbone" in detector else NONE
    auc, subject_auc = (auc_over_seeds(runs[method], u, bootstrap) for u in ("image", "subject"))
    reference = {} if method == HEALTHYGAN else runs.get(HEALTHYGAN, {})
    difference = against(runs[method], reference, "image", bootstrap)
    return {
        **_numbers({"auc": auc, "subject_auc": subject_auc, "difference": difference}),
        "backbone": weights,
        "auc": _estimate(auc),
        "subject_auc": _estimate(subject_auc),
        "n": f"{counts['diseased']} + {counts['healthy']} ({counts['subjects']})",
        "difference": _difference(method, difference, bool(runs.get(HEALTHYGAN))),
        "validation": _operating(results, "validation"),
        "optimistic": _operating(results, "test_optimistic"),
        "fit": _mean(results, lambda r: r["fit"]["seconds"], "{:.1f}"),
        "scoring": _mean(results, _milliseconds, "{:.1f}"),
        "memory": _memory(results),
    }


def _numbers(estimates: Mapping[str, Estimate | None]) -> Row:
    """Return the cells of ``NUMBERS``; empty without a number."""
    found = {}
    for column in NUMBERS:
        name, _, part = column.rpartition("_")
        value = getattr(estimates[name], part, None)
        found[column] = "" if value is None else repr(float(value))
    return found


def _difference(method: str, found: Estimate | None, is_there: bool) -> str:
    if method != HEALTHYGAN and not is_there:
        return f"HealthyGAN {NOT_RUN}"
    if method == HEALTHYGAN or found is None:
        return NONE
    return f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f}; p {_p(found.p)})"


def _p(value: float | None) -> str:
    if value is None:
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _estimate(found: Estimate | None) -> str:
    if found is None:
        return "one class only"
    sd = f"± {found.sd:.3f}" if found.sd is not None else "(one seed)"
    return f"{found.mean:.3f} {sd} ({found.low:.2f} to {found.high:.2f})"


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
