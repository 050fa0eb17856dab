"""evaluation.json, localisation.json and scores.json: what later steps use of them."""

from healthygan_monai.records.schema import Kind, holding, number, or_none, sha256, text

_CUT = or_none(holding({"threshold": number, "policy": text, "chosen_on": text}))
_METRIC = or_none(holding(dict.fromkeys(("value", "low", "high"), or_none(number))))
_LEVEL: dict[str, Kind] = {
    "thresholds": or_none(holding({"validation": _CUT, "promised": _CUT})),
    "promise": or_none(holding({"false_alarm_rate": number})),
    "auc": _METRIC,
    "average_precision": _METRIC,
}
_LEVELS = holding(dict.fromkeys(("image", "subject"), or_none(holding(_LEVEL))))
_PROVENANCE = or_none(holding({"weights_sha256": sha256}))
EVALUATION = holding(
    {"method": text, "score_by": text, "levels": _LEVELS, "provenance": _PROVENANCE}
)
LOCALISATION = holding({})
SCORED = holding({"weights_sha256": text, "score_by": text, "scores_sha256": text})
