"""dataset.json: one folder of prepared images and who is in which section. Standard library only.

    {"name": ..., "image_size": 128, ..., "training_mixed": [{"image": ..., "subject": ...}, ...],
     "training_healthy": [...], "validation": [{..., "label": 0}], "test": [{..., "label": 1}]}

Paths are POSIX and relative to the folder of dataset.json. Training items carry no label key at
all: Set A (mixed) is unannotated by construction and Set B (healthy) needs none.
"""

from data_prep.datalist.check import check, require_valid
from data_prep.datalist.file import read, recipe_of_data, write
from data_prep.datalist.items import FILE_NAME, SECTIONS, UNLABELLED, Dataset, Item, content_hash
from data_prep.errors import DataError, LeakError

__all__ = [
    "FILE_NAME",
    "SECTIONS",
    "UNLABELLED",
    "DataError",
    "Dataset",
    "Item",
    "LeakError",
    "check",
    "content_hash",
    "read",
    "recipe_of_data",
    "require_valid",
    "write",
]
