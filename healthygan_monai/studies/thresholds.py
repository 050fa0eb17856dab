"""The thresholds of a model for new patients: of its maps and of its scores, where it has any."""

import logging

from data_prep.errors import UsageError
from healthygan_monai.api.model import Model
from healthygan_monai.data import load_dataset
from healthygan_monai.errors import DataError
from healthygan_monai.scoring import HEALTHYGAN
from healthygan_monai.serving.describe import healthy_quantile
from healthygan_monai.serving.serving_json import (
    SERVED_BY,
    THRESHOLDS,
    WITHOUT_HEALTHY,
    description_of,
    evaluated_thresholds,
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
    if model.method != HEALTHYGAN:
        return None
    return Cut(WITHOUT_HEALTHY, "a tenth of the grey range: no healthy maps are known")


def score_cut(model: Model, unit: str) -> Cut | None:
    """Return the threshold of scores by image or by subject; None if the run has none.

    The promised one comes first, which rests on healthy images alone (docs/thresholds.md).
    """
    score_by = model.scorer.score_by
    stored = (stored_description(model.checkpoint) or {}) if score_by == SERVED_BY else {}
    known = evaluated_thresholds(model.checkpoint, score_by) or stored
    for key in THRESHOLDS:
        if unit in known.get(key, {}):
            cut = known[key][unit]
            rate = cut.get("false_alarm_rate")
            what = str(cut["policy"])
            if rate:
                what += f", {100 * rate:g} % false alarms"
            return Cut(float(cut["threshold"]), f"{what}, chosen on {cut['chosen_on']}")
    return None
