"""From dataset.json to batches."""

from healthygan_monai.data.lists import (
    labelled_items,
    load_dataset,
    selection_items,
    training_items,
)
from healthygan_monai.data.pairs import MixedHealthyPairs, StreamBatches
from healthygan_monai.data.plan import PROTOCOLS, Plan, plan_at, plan_for
from healthygan_monai.data.transforms import array_image, image_transforms, to_display

__all__ = [
    "PROTOCOLS",
    "MixedHealthyPairs",
    "Plan",
    "StreamBatches",
    "array_image",
    "image_transforms",
    "labelled_items",
    "load_dataset",
    "plan_at",
    "plan_for",
    "selection_items",
    "to_display",
    "training_items",
]
