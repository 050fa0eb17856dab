"""dataset.json: one folder of prepared images; see data_prep/datalist/file.py for the format."""

from data_prep.datalist.check import check, require_valid
from data_prep.datalist.file import read, recipe_of_data, write
from data_prep.datalist.items import FILE_NAME, SECTIONS, UNLABELLED, Dataset, Item, content_hash
from data_prep.errors import DataError, LeakError

__all__ = [
    "FILE_NAME", "SECTIONS", "UNLABELLED", "DataError", "Dataset", "Item", "LeakError", "check",
    "content_hash", "read", "recipe_of_data", "require_valid", "write",
]  # fmt: skip
