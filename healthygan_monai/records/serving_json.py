"""serving.json: how a model's images were prepared, and its thresholds."""

from healthygan_monai.records.recipe import recipe
from healthygan_monai.records.schema import Kind, number, or_none, record, sha256, text, whole

_CUT: dict[str, Kind] = {"threshold": number, "policy": text, "chosen_on": text}
_PROMISED: dict[str, Kind] = {**_CUT, "false_alarm_rate": number}
SERVING = record(
    {
        "format": whole,
        "version": text,
        "weights_sha256": sha256,
        "image_size": whole,
        "trained_on": record({"name": text, "content_hash": text}),
        "recipe": recipe,
        "training_recipe": text,
        "map_threshold": record(
            {"value": number, "quantile": or_none(number), "source": text}, ("value", "source")
        ),
        "score_thresholds": record(dict.fromkeys(("image", "subject"), record(_CUT))),
        "promised_thresholds": record(dict.fromkeys(("image", "subject"), record(_PROMISED))),
    },
    ("format", "weights_sha256", "recipe", "map_threshold"),
)
