"""The known-healthy images that a run kept out of training, to be scored for calibration."""

from pathlib import Path
from typing import Any

from data_prep.datalist import Dataset
from healthygan_monai.data.lists import labelled_items
from healthygan_monai.evaluation.calibration import HEALTHY_SECTION, kept_out_images
from healthygan_monai.paths import RUN_FILE, read_run
from healthygan_monai.scoring import KEPT_OUT


def kept_out_items(dataset: Dataset, checkpoint: Path | str) -> list[dict[str, Any]]:
    """Return the items of section ``kept_out``, label 0; none where the data set is not the run's.

    Their lesions are not compared: localisation is measured on the test section.
    """
    run = Path(checkpoint).parent
    if not (run / RUN_FILE).is_file() or not dataset.content_hash:
        return []
    names = kept_out_images(run)
    if not names or read_run(run).get("data_hash") != dataset.content_hash:
        return []
    changes = {"section": KEPT_OUT, "label": 0, "lesion": "", "lesion_free": 0}
    items = labelled_items(dataset, (HEALTHY_SECTION,))
    return [{**item, **changes} for item in items if item["name"] in names]
