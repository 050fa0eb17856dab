"""The thresholds of a model for new patients: of its maps and of its scores, where it has any."""

import logging

from data_prep.errors import UsageError
from healthygan_monai.api.model import Model
from healthygan_monai.data import load_dataset
from healthygan_monai.errors import DataError
from healthygan_monai.models.exported_facts import METHOD
from healthygan_monai.serving.describe import healthy_quantile, score_thresholds
from healthygan_monai.serving.serving_json import (
    WITHOUT_HEALTHY,
    description_of,
    own_dataset,
    stored_description,
)
from healthygan_monai.studies.case import Cut

log = logging.getLogger(__name__)


def map_cut(model: Model, given: float | None = None) -> Cut | None:
    """Return the difference from which a pixel is marked.

    The first of these that there is: the given one; that of serving.json beside the weights; the
    same quantile of the healthy images of the run's data set; for HealthyGAN a tenth of the grey
    range. None for a method whose maps have no upper end, if nothing else is known.

    Raises:
        UsageError: the given one is not above 0.
    """
    if given is not None:
        if not 0 < given < float("inf"):
            raise UsageError(f"--map-threshold {given}: expected a number above 0.")
        return Cut(given, "given with --map-threshold")
    if stored_description(model.checkpoint):
        known = description_of(model.checkpoint, model.image_size).cut
        return Cut(known.value, known.source)
    try:
        images = load_dataset(own_dataset(model.checkpoint), training=False)
        log.info("measuring where the maps of healthy images of the run's data set end")
        return Cut(*healthy_quantile(model.scorer, images))
    except (OSError, DataError, KeyError):  # no data set, no healthy image in it, or no map
        log.warning("no healthy maps of this model are known, so its map threshold is a guess")
    if model.method != METHOD:
        return None
    return Cut(WITHOUT_HEALTHY, "a tenth of the grey range: no healthy maps are known")


def score_cut(model: Model, unit: str) -> Cut | None:
    """Return the threshold of scores by image or by subject; None if the run has none.

    The promised one comes first, which rests on healthy images alone (docs/thresholds.md).
    """
    stored = stored_description(model.checkpoint) or {}
    score_by = model.scorer.score_by
    for name, key in (("promised", "promised_thresholds"), ("validation", "score_thresholds")):
        found = stored.get(key, {}) if score_by == "mean" else {}
        found = found or score_thresholds(model.checkpoint, name, score_by)
        if unit in found:
            cut = found[unit]
            rate = cut.get("false_alarm_rate")
            what = f"{cut['policy']}, {rate:.0%} false alarms" if rate else str(cut["policy"])
            return Cut(float(cut["threshold"]), f"{what}, chosen on {cut['chosen_on']}")
    return None
