"""dataset.json: one folder of prepared images; see data_prep/datalist/file.py for the format."""

from data_prep.datalist.cautions import (
    FEW_SUBJECTS,
    LEAST_IMAGES,
    SIZES,
    cautions,
    fits_networks,
)
from data_prep.datalist.check import check, require_valid
from data_prep.datalist.file import read, recipe_of_data, write
from data_prep.datalist.instead import PICTURES, RUN_FILE, instead_of_run, is_raw
from data_prep.datalist.items import (
    FILE_NAME,
    LABEL_WORDS,
    LABELLED,
    SECTIONS,
    UNLABELLED,
    Dataset,
    Item,
    can_be_path,
    content_hash,
    leads_out,
)
from data_prep.errors import DataError, LeakError

__all__ = [
    "FEW_SUBJECTS", "FILE_NAME", "LABELLED", "LABEL_WORDS", "LEAST_IMAGES", "PICTURES",
    "RUN_FILE", "SECTIONS", "SIZES", "UNLABELLED", "DataError", "Dataset", "Item", "LeakError",
    "can_be_path", "cautions", "check", "content_hash", "fits_networks", "instead_of_run", "is_raw",
    "leads_out", "read", "recipe_of_data", "require_valid", "write",
]  # fmt: skip
