"""evaluation.json, localisation.json and scores.json: what later steps use of them."""

from healthygan_monai.records.schema import (
    Kind,
    holding,
    named,
    number,
    or_none,
    record,
    sha256,
    text,
    whole,
)

_METRIC = or_none(holding(dict.fromkeys(("value", "low", "high"), or_none(number))))
_CALLED = ("tp", "fn", "fp", "tn")
_CUT = or_none(
    holding(
        {
            **{"threshold": number, "policy": text, "chosen_on": text, "words": text},
            "confusion": or_none(holding(dict.fromkeys(_CALLED, whole), list(_CALLED))),
            **dict.fromkeys(("sensitivity", "specificity"), _METRIC),
        }
    )
)
_BY_LABEL = dict.fromkeys(("healthy", "diseased"), whole)
_LEVEL: dict[str, Kind] = {
    "thresholds": or_none(holding({"validation": _CUT, "promised": _CUT})),
    "promise": or_none(holding({"false_alarm_rate": number})),
    "n": or_none(named(or_none(holding(_BY_LABEL, list(_BY_LABEL))))),
    "auc": _METRIC,
    "average_precision": _METRIC,
}
_LEVELS = holding(dict.fromkeys(("image", "subject"), or_none(holding(_LEVEL))))
_PROVENANCE = or_none(holding({"weights_sha256": sha256, "training_recipe": text}))
_MAYBE = or_none(number)
_INTERVALS = named(or_none(holding({"low": _MAYBE, "high": _MAYBE})))
_MEASURED = holding({"value": _MAYBE, "low": _MAYBE, "high": _MAYBE}, ["value"])
_POOLED = dict.fromkeys(("pixel_auroc", "pixel_ap", "aupro", "quantile_dice"), _MEASURED)
_COUNTS = {"images": whole, "subjects": whole}
_SCOPE = {**_COUNTS, "regions": whole, "lesion_share": _MAYBE, **_POOLED}
_QUANTILE = {"quantile": number, "threshold": _MAYBE, "images": whole, "reason": or_none(text)}
_BOXES = {**_COUNTS, "box_hit": _MAYBE, "box_share": _MAYBE}
LOCALISATION = holding(
    {
        **_COUNTS,
        **dict.fromkeys(("pixel_auroc", "pixel_ap", "best_dice", "pointing_hit"), _MAYBE),
        **dict.fromkeys(("inside_outside_ratio", "quantile_dice", "lesion_share"), _MAYBE),
        "intervals": or_none(_INTERVALS),
        "best_dice_note": text,
        "healthy_quantile": or_none(holding(_QUANTILE, list(_QUANTILE))),
        "pooled": or_none(
            record(dict.fromkeys(("diseased", "smoothed", "all"), holding(_SCOPE, list(_SCOPE))))
        ),
        "left_out": whole,
        "boxes": or_none(holding({**_BOXES, "intervals": or_none(_INTERVALS)}, list(_BOXES))),
    },
    ["images", "lesion_share"],
)
EVALUATION = holding(
    {
        "method": text,
        "score_by": text,
        "unit": text,
        "counts": or_none(named(or_none(holding(_COUNTS, list(_COUNTS))))),
        "levels": _LEVELS,
        "localisation": or_none(LOCALISATION),
        "provenance": _PROVENANCE,
    }
)
SCORED = holding(
    dict.fromkeys(("weights_sha256", "training_recipe", "score_by", "scores_sha256"), text)
)
