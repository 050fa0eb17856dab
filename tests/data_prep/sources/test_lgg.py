from pathlib import Path

import numpy as np
import pytest
from lgg_patient import write_patient
from PIL import Image

from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.sources import lgg
from data_prep.sources.lgg import Options


@pytest.fixture
def kaggle(tmp_path):
    for k in range(10):
        write_patient(tmp_path / "kaggle_3m", f"TCGA_{('CS', 'DU')[k % 2]}_{4900 + k}")
    return tmp_path / "kaggle_3m"


def test_healthy_slices_have_no_lesion_on_themselves_nor_on_their_neighbours(kaggle):
    rows = lgg.cohort(kaggle, Options()).rows
    one = {
        int(Path(row.image).stem.rpartition("_")[2]): row.label
        for row in rows
        if row.section == "training_mixed" and row.subject == rows_subject(rows, "training_mixed")
    }
    assert one == {1: 0, 2: 0, 4: 1, 5: 1, 7: 0}  # 3 and 6 lie beside the lesion, 8 shows no head


def rows_subject(rows, section: str) -> str:
    return next(row.subject for row in rows if row.section == section)


def test_patients_are_in_one_section_and_the_healthy_one_has_no_lesion(kaggle):
    cohort = lgg.cohort(kaggle, Options())
    homes: dict[str, set[str]] = {}
    for row in cohort.rows:
        homes.setdefault(row.subject, set()).add(row.section)
    assert all(len(sections) == 1 for sections in homes.values())
    assert sorted(s for home in homes.values() for s in home) == (
        ["test"] * 2 + ["training_healthy"] * 3 + ["training_mixed"] * 4 + ["validation"]
    )
    counts = cohort.counts()
    assert counts["training_healthy"][1] == 0 and min(counts["test"]) > 0
    assert set(cohort.facts["site_by_class"]["test"]) <= {"CS", "DU"}


def test_the_chosen_sequence_and_the_mask_become_grey_pictures(kaggle, tmp_path):
    rows = lgg.cohort(kaggle, Options()).rows
    staged = lgg.stage(rows, kaggle, tmp_path / "out.cohort", Options())
    row = next(row for row in staged if row.label == 1)
    picture = np.asarray(Image.open(kaggle / row.image))
    number = int(row.image.rpartition("_flair")[0].rpartition("_")[2])
    assert picture.shape == (64, 64) and picture.max() == 100 + number
    assert np.asarray(Image.open(kaggle / row.mask)).sum() == 100 * 255


def test_what_is_missing_is_named(tmp_path, kaggle):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"kaggle\.com"):
        lgg.cohort(tmp_path / "empty", Options())
    with pytest.raises(UsageError, match="leave no two patients for training"):
        lgg.cohort(kaggle, Options(test=0.9))
    for path in list(kaggle.glob("*4903*/*_1_mask.tif")):
        path.unlink()
    (problem,) = lgg.verify(kaggle, Options())
    assert problem == "1 slices have no _mask.tif beside them; they are left out."
    for k in range(7):
        for path in kaggle.glob(f"*{4900 + k}*/*"):
            path.unlink()
    with pytest.raises(DataError, match="3 patients; at least 4"):
        lgg.cohort(kaggle, Options())
