import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.phantom import study as phantom
from data_prep.phantom.anatomy import Lesion
from data_prep.phantom.film import film

COUNTS = {"training_mixed": 12, "training_healthy": 12, "validation": 10, "test": 14}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phantom.make_films(
        tmp_path_factory.mktemp("study"), seed=3, counts=COUNTS, size=64, bad=True
    )


@pytest.fixture(scope="module")
def rows(study: Path) -> list[dict[str, str]]:
    with (study / "cohort.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def draw(seed: int, diseased: bool, size: int = 48) -> tuple[np.ndarray, np.ndarray]:
    lesion = Lesion.draw(np.random.default_rng([9, seed])) if diseased else None
    return film(np.random.default_rng(seed), size, lesion)


def test_a_lesion_changes_nothing_outside_its_lung_and_brightens_its_mask():
    for seed in range(6):
        healthy, nothing = draw(seed, False)
        diseased, mask = draw(seed, True)
        change = diseased - healthy
        assert not nothing.any() and 0.01 < mask.mean() < 0.25
        assert change[mask].mean() > 0.08
        assert np.abs(change[change < 0.02]).max() < 0.02  # it only ever adds density
        assert np.median(np.abs(change[~mask])) < 0.005


def test_films_are_grey_levels_in_the_unit_interval_with_dark_lungs_in_a_bright_body():
    image, _ = draw(1, False, 64)
    assert image.dtype == np.float32 and image.shape == (64, 64)
    assert image.min() >= 0 and image.max() <= 1
    assert image[30:38, 14:18].mean() < image[30:38, 30:34].mean() - 0.15  # lung, mediastinum


def test_no_single_number_gives_the_lesion_away():
    films = [draw(seed, seed % 2 == 1) for seed in range(160)]
    truth = [seed % 2 for seed in range(160)]
    reference = np.mean([draw(seed, False)[0] for seed in range(1000, 1080)], axis=0)
    brightness = [image.mean() for image, _ in films]
    distance = [np.abs(image - reference).mean() for image, _ in films]
    assert roc_auc_score(truth, brightness) < 0.8
    assert roc_auc_score(truth, distance) < 0.8


def test_every_encoding_reads_back_as_the_film_that_was_drawn(study, rows):
    plan = phantom._plan(3, COUNTS)
    worst = 0.0
    for entry, row in zip(plan, rows, strict=False):
        drawn, mask = phantom._draw(3, entry, 64)
        read = read_film(study / row["image"]).image
        worst = max(worst, float(np.abs(read - drawn).max()))
        if row["mask"]:
            stored = np.asarray(Image.open(study / row["mask"])) > 0
            assert (stored == mask).all()
    assert worst <= 0.006  # the square root of the VOI LUT costs most near black


def test_the_encodings_differ_as_those_of_vendors_do(study, rows):
    facts = [read_film(study / row["image"]).facts for row in rows if "900" not in row["image"]]
    assert {fact["photometric"] for fact in facts} == {"MONOCHROME1", "MONOCHROME2"}
    assert {fact["bits"] for fact in facts} == {8, 12}
    assert {fact["voi"] for fact in facts} == {"full range", "window LINEAR", "VOI LUT"}


def test_training_rows_have_neither_label_nor_mask_and_subjects_live_in_one_section(rows):
    homes: dict[str, set[str]] = {}
    for row in rows:
        homes.setdefault(row["subject"], set()).add(row["section"])
        if row["section"].startswith("training"):
            assert row["label"] == "" and row["mask"] == ""
        else:
            assert row["label"] in "01" and bool(row["mask"]) == (row["label"] == "1")
    assert all(len(sections) == 1 for sections in homes.values())
    good = [row for row in rows if "IM9" not in row["image"]]
    assert {s: sum(r["section"] == s for r in good) for s in COUNTS} == COUNTS
    assert len({row["subject"] for row in good}) < len(good)  # some subjects have two films


def test_one_seed_makes_the_same_bytes_and_another_seed_other_films(tmp_path, study):
    counts = {"test": 2}
    first = phantom.make_films(tmp_path / "a", seed=5, counts=counts, size=32)
    again = phantom.make_films(tmp_path / "b", seed=5, counts=counts, size=32)
    other = phantom.make_films(tmp_path / "c", seed=6, counts=counts, size=32)
    name = "films/IM0001.dcm"
    assert (first / name).read_bytes() == (again / name).read_bytes()
    assert (first / name).read_bytes() != (other / name).read_bytes()


def test_uids_lie_under_pydicoms_root_and_are_unique(study, rows):
    import pydicom

    headers = [
        pydicom.dcmread(study / row["image"], stop_before_pixels=True)
        for row in rows
        if "IM9" not in row["image"]
    ]
    uids = [header.SOPInstanceUID for header in headers]
    assert len(set(uids)) == len(uids)
    assert all(uid.startswith(pydicom.uid.PYDICOM_ROOT_UID) for uid in uids)


def test_the_bad_files_are_refused_for_four_different_reasons(study):
    reasons = set()
    for name in ("IM9001", "IM9002", "IM9003", "IM9004"):
        with pytest.raises(FilmError) as error:
            read_film(study / "films" / f"{name}.dcm")
        reasons.add(error.value.reason)
    assert len(reasons) == 4
