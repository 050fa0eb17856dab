"""RUN/scores.csv -> RUN/evaluation.json: every number the report prints about detection."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from data_prep.datalist import LABELLED
from data_prep.errors import UsageError
from data_prep.files import sha256, write_json
from healthygan_monai.evaluation.calibration import Calibration, calibration_of, known_healthy
from healthygan_monai.evaluation.critic import critic_auc
from healthygan_monai.evaluation.defaults import FALSE_ALARMS, FALSE_DISCOVERIES, RESAMPLES
from healthygan_monai.evaluation.exact import Interval, exact_auc, exact_metric, or_exact
from healthygan_monai.evaluation.intervals import CONFIDENCE
from healthygan_monai.evaluation.intervals import bootstrap as bootstrap_by_subject
from healthygan_monai.evaluation.labelled import Sample, caveats, count_by_label, count_section
from healthygan_monai.evaluation.members import member_spread
from healthygan_monai.evaluation.metrics import (
    average_precision,
    confusion,
    ranking_metrics,
    roc_auc,
)
from healthygan_monai.evaluation.promise import broken_promises, false_discoveries, promise
from healthygan_monai.evaluation.threshold import (
    POLICIES,
    Threshold,
    choose,
    paper_threshold,
    promised,
)
from healthygan_monai.paths import EVALUATION_FILE, SCORES_FILE
from healthygan_monai.scoring import (
    SUBJECT_RULE,
    ScoreRow,
    ScoresError,
    read_scores,
    subject_rows,
)

FORMAT = 1
UNITS = ("image", "subject")


@dataclass(frozen=True)
class Options:
    """How intervals and thresholds are computed; recorded in evaluation.json.

    false_alarms: the promised rate. false_discoveries: of the list of subjects.
    """

    bootstrap: int = RESAMPLES
    seed: int = 0
    policy: str = "youden"
    false_alarms: float = FALSE_ALARMS
    false_discoveries: float = FALSE_DISCOVERIES
    subject_rule: str = SUBJECT_RULE

    def check(self) -> None:
        """Raise UsageError for a value that is not possible."""
        if self.policy not in POLICIES:
            raise UsageError(f"policy {self.policy!r}; expected one of {sorted(POLICIES)}.")
        for name in ("false_alarms", "false_discoveries"):
            if not 0 < getattr(self, name) < 1:
                text = f"{name} is {getattr(self, name)}"
                raise UsageError(f"{text}; expected a rate between 0 and 1, such as 0.05.")


def evaluate(
    run: Path,
    *,
    unit: str = "image",
    bootstrap: int = RESAMPLES,
    seed: int = 0,
    policy: str = "youden",
    false_alarms: float = FALSE_ALARMS,
    false_discoveries: float = FALSE_DISCOVERIES,
    calibration: Path | None = None,
    probes: Sequence[Mapping[str, Any]] | None = None,
    localisation: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Evaluate RUN/scores.csv, write RUN/evaluation.json and return its content.

    unit: which of the two levels the report puts first; both are always computed. policy: one of
    ``threshold.POLICIES``. false_alarms, false_discoveries: see ``Options``. calibration: a folder
    whose scores.csv has known-healthy images, where RUN's has none. probes, localisation: of
    ``confounders.probe_aucs`` and ``localisation.summarise``; None is recorded as not run.
    provenance: of the scores.

    Raises:
        ScoresError, ValueError: an unusable file; an invalid option.
    """
    path = Path(run) / SCORES_FILE
    rates = (false_alarms, false_discoveries)
    options = Options(bootstrap, seed, policy, *rates)
    rows = read_scores(path)
    known = calibration_of(Path(run), rows, calibration)
    result = evaluate_rows(rows, unit=unit, options=options, known=known)
    result["members"] = member_spread(Path(run), rows, options.subject_rule)
    result["probes"] = None if probes is None else [dict(probe) for probe in probes]
    result["localisation"] = None if localisation is None else dict(localisation)
    result["provenance"] = {**(provenance or {}), "scores_sha256": sha256(path)}
    # allow_nan=False: NaN is not JSON
    style = {"indent": 1, "default": None, "ensure_ascii": False, "allow_nan": False}
    write_json(Path(run) / EVALUATION_FILE, result, **style)
    return result


def evaluate_rows(
    rows: Sequence[ScoreRow],
    *,
    unit: str = "image",
    options: Options | None = None,
    known: Calibration | None = None,
) -> dict[str, Any]:
    """Evaluate the rows of one method and one seed at both levels; see `evaluate`.

    known: the known-healthy scores; default: validation's healthy images.
    """
    options = options or Options()
    options.check()
    if known is None:
        known = known_healthy(rows, judged={row.subject for row in rows if row.section == "test"})
    if unit not in UNITS:
        raise ValueError(f"unit {unit!r}; expected one of {UNITS}.")
    detectors = sorted({(row.method, row.seed, row.backbone) for row in rows})
    if len(detectors) != 1:
        raise ScoresError(
            f"scores.csv holds {len(detectors)} detectors (method, seed, backbone) "
            f"{detectors[:4]}; expected exactly one. Evaluate the rows of each separately."
        )
    rules = sorted({row.score_by for row in rows})
    if len(rules) != 1:
        raise ScoresError(
            f"scores.csv holds scores of {len(rules)} rules (score_by {', '.join(rules)}); "
            "expected exactly one. Score all by one rule: healthygan infer RUN --score-by RULE."
        )
    by_unit = {"image": rows, "subject": subject_rows(rows, options.subject_rule)}
    levels = {name: _level(own, name, options, known) for name, own in by_unit.items()}
    method, method_seed, backbone = detectors[0]
    return {
        "format": FORMAT,
        "method": method,
        "seed": method_seed,
        "backbone": backbone or None,
        "score_by": rules[0],
        "unit": unit,
        "options": {**asdict(options), "confidence": CONFIDENCE, "resampled_by": "subject"},
        "counts": {section: count_section(rows, section) for section in LABELLED},
        "known_healthy": known.facts(),
        "levels": levels,
        "critic": critic_auc(
            rows,
            subject_rule=options.subject_rule,
            resamples=options.bootstrap,
            seed=options.seed,
            confidence=CONFIDENCE,
        ),
        "false_discoveries": false_discoveries(
            rows, known, options.subject_rule, options.false_discoveries
        ),
        "warnings": [*caveats(rows, levels), *broken_promises(levels)],
    }


def _level(
    rows: Sequence[ScoreRow], unit: str, options: Options, known: Calibration
) -> dict[str, Any]:
    """Return the metrics and intervals of one level; every None has a reason."""
    validation, test = Sample.of(rows, "validation"), Sample.of(rows, "test")
    level: dict[str, Any] = {
        "n": {"validation": count_by_label(validation), "test": count_by_label(test)},
        **dict.fromkeys(("auc", "average_precision", "reason", "bootstrap")),
        "thresholds": {"validation": None, "promised": None, "test_optimistic": None},
        "threshold_reason": None,
        "promise": promise(
            *(rows, known, unit, options.subject_rule, options.false_alarms), CONFIDENCE
        ),
    }
    cuts: dict[str, Threshold] = {}
    if validation.lacks():
        level["threshold_reason"] = f"the validation set has {validation.lacks()}"
    else:
        truth, scores = validation.labels, validation.scores
        cuts["validation"] = choose(truth, scores, options.policy, "validation")
    promised_value = level["promise"]["threshold"]
    if promised_value is not None:
        cuts["promised"] = promised(promised_value, options.false_alarms, known.words)
    if test.lacks():
        level["reason"] = f"the test set has {test.lacks()}"
    else:
        cuts["test_optimistic"] = paper_threshold(test.labels, test.scores)
    for name, cut in cuts.items():
        level["thresholds"][name] = {
            "threshold": cut.value,
            "policy": cut.policy,
            "chosen_on": cut.chosen_on,
            "words": cut.words,
            "label_chosen": cut.label_chosen,
            "confusion": None,
        }
    if not test.lacks():
        _measure(level, test, cuts, options)
    return level


def _measure(
    level: dict[str, Any], test: Sample, cuts: Mapping[str, Threshold], options: Options
) -> None:
    """Add values and intervals to ``level``; thresholds stay fixed while subjects are redrawn.

    Where all resamples agree, the interval is exact: of a proportion of 0 or 1, a perfect ranking.
    """

    def statistics(labels: NDArray, scores: NDArray) -> dict[str, float | None]:
        values: dict[str, float | None] = {**ranking_metrics(labels, scores)}
        for name, cut in cuts.items():
            for metric, value in confusion(labels, scores, cut.value).metrics().items():
                values[f"{name}/{metric}"] = value
        return values

    values = {
        **statistics(test.labels, test.scores),
        "auc": roc_auc(test.labels, test.scores),
        "average_precision": average_precision(test.labels, test.scores),
    }
    spread = bootstrap_by_subject(
        statistics,
        *(test.labels, test.scores, test.subjects),
        resamples=options.bootstrap,
        seed=options.seed,
        confidence=CONFIDENCE,
    )

    data = (test.labels, test.subjects)

    def exact(name: str) -> Interval | None:
        if name == "auc":
            return exact_auc(values[name], *data, CONFIDENCE)
        if name == "average_precision":
            return None  # no bound is known that needs no distribution
        cut, metric = name.split("/")
        called = test.scores >= cuts[cut].value
        return exact_metric(metric, values[name], data[0], called, data[1], CONFIDENCE)

    def entry(name: str) -> dict[str, float | None]:
        bounds = or_exact(spread.intervals.get(name), partial(exact, name))
        low, high = bounds or (None, None)
        return {"value": values[name], "low": low, "high": high}

    level["auc"], level["average_precision"] = entry("auc"), entry("average_precision")
    level["bootstrap"] = {
        "redrawn": spread.redrawn,
        "undefined": {name: count for name, count in spread.undefined.items() if count},
        "exact": [name for name, found in spread.intervals.items() if found and len({*found}) == 1],
    }
    for name, cut in cuts.items():
        counts = confusion(test.labels, test.scores, cut.value)
        level["thresholds"][name] |= {
            "confusion": asdict(counts),
            **{metric: entry(f"{name}/{metric}") for metric in counts.metrics()},
        }
